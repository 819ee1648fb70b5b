// The list of sources: what each has sent, and how to add one.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SourceShape, SourceStatus } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { goTo, hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { Button } from "../parts/button";
import { Badge, Empty, Loading, Page } from "../parts/page";
import { NewSourceDialog } from "../sources/new-source";
import { keepNewKey } from "../sources/new-key";

const REFRESH_MS = 5_000;

export function Sources(): JSX.Element {
  const sources = useLoaded("sources", load, REFRESH_MS);
  const [isAdding, setAdding] = useState(false);
  const add = (
    <Button look="primary" icon="plus" onClick={() => setAdding(true)}>
      New source
    </Button>
  );
  return (
    <Page title="Sources" subtitle="Where events come from. Each source has its own write keys." actions={add}>
      <Loading of={sources}>
        {(all) =>
          all.length === 0 ? (
            <Empty title="There is no source yet">
              <p>A source is a website, an app or a service that sends events.</p>
            </Empty>
          ) : (
            <ul class="rows" aria-label="Sources">
              {all.map(({ source, status }) => (
                <li key={source.name} class="row">
                  <a href={hrefTo("sources", source.name)}>{source.name}</a>
                  {status && <span class="muted">{sentText(status)}</span>}
                  <SourceState source={source} />
                </li>
              ))}
            </ul>
          )
        }
      </Loading>
      {isAdding && (
        <NewSourceDialog
          onClose={() => setAdding(false)}
          onMade={({ name, key }) => {
            keepNewKey(name, key);
            goTo(hrefTo("sources", name));
          }}
        />
      )}
    </Page>
  );
}

interface Row {
  source: SourceShape;
  status: SourceStatus | undefined;
}

async function load(signal: AbortSignal): Promise<Row[]> {
  const [{ sources }, status] = await Promise.all([call("GET /api/sources", { signal }), call("GET /api/status", { signal })]);
  return sources.map((source) => ({ source, status: status.sources.find((each) => each.name === source.name) }));
}

export function sentText({ accepted, duplicate, refused }: SourceStatus): string {
  const parts = [`${plural(accepted, "event")} accepted`];
  if (duplicate > 0) parts.push(`${plural(duplicate, "duplicate")} dropped`);
  if (refused > 0) parts.push(`${plural(refused, "event")} refused`);
  return parts.join(", ");
}

export function SourceState({ source }: { source: SourceShape }): JSX.Element {
  return (
    <>
      {source.paused ? (
        <Badge kind="warning">Paused</Badge>
      ) : source.enabled ? (
        <Badge kind="success">Enabled</Badge>
      ) : (
        <Badge>Disabled</Badge>
      )}{" "}
      {source.server_side && <Badge>Server-side</Badge>}
    </>
  );
}
