// Adds the first destination: with the destination's own emulator where it has one, or for real.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DestinationBrief, SandboxShape } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { createInstance } from "../instances/create";
import { Button, ButtonLink } from "../parts/button";
import { ErrorNotice, Notice } from "../parts/notice";
import { Loading } from "../parts/page";
import type { StepProps } from "./progress";

export function ChooseDestination({ progress, onChanged }: StepProps): JSX.Element {
  const { instances, status } = progress;
  const [source] = status.sources;
  const offered = useLoaded("offered", loadOffered);
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<unknown>();
  async function addSandbox({ destination, name }: SandboxShape): Promise<void> {
    if (!source) return;
    setBusy(destination);
    setError(undefined);
    try {
      await call("POST /api/sandboxes/{slug}", { path: { slug: destination } });
      await createInstance({ name: `${name} sandbox`, destination, source: source.name, sandbox: true });
      onChanged();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(undefined);
    }
  }
  return (
    <div class="stack">
      {instances.length > 0 && (
        <Notice kind="warning" title="No destination delivers yet">
          <ul>
            {instances.map(({ name, problem }) => (
              <li key={name}>
                <a href={hrefTo("destinations", name, "settings")}>Enter the settings of {name}</a>: {problem ?? "it is disabled."}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <p>Where should the events of {source?.name} go?</p>
      <Loading of={offered}>
        {({ destinations, sandboxes }) => (
          <ul class="rows" aria-label="Destinations">
            {destinations.map((each) => {
              const sandbox = sandboxes.find((one) => one.destination === each.slug);
              return (
                <li key={each.slug} class="row">
                  <strong>{each.name}</strong>
                  {sandbox && <span class="muted">{sandbox.description}</span>}
                  <span class="row-end button-row">
                    {sandbox && (
                      <Button isBusy={busy === each.slug} onClick={() => void addSandbox(sandbox)}>
                        Try it with {sandbox.label}
                      </Button>
                    )}
                    <ButtonLink href={hrefTo("catalog", each.slug, "add")} look="primary">
                      Configure {each.name}
                    </ButtonLink>
                  </span>
                </li>
              );
            })}
          </ul>
        )}
      </Loading>
      {error !== undefined && <ErrorNotice error={error} title="It was not added" />}
    </div>
  );
}

interface Offered {
  destinations: DestinationBrief[];
  sandboxes: SandboxShape[];
}

/** What stays as long as the host runs. */
async function loadOffered(signal: AbortSignal): Promise<Offered> {
  const [{ destinations }, { sandboxes }] = await Promise.all([
    call("GET /api/catalog", { signal }),
    call("GET /api/sandboxes", { signal }),
  ]);
  return { destinations, sandboxes };
}
