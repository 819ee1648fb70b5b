// The list of sources.
import type { JSX } from "preact";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { Badge, Empty, Loading, Page } from "../parts/page";

export function Sources(): JSX.Element {
  const sources = useLoaded("sources", (signal) => call("GET /api/sources", { signal }));
  return (
    <Page title="Sources" subtitle="Where events come from: each has its own write key.">
      <Loading of={sources}>
        {({ sources: all }) =>
          all.length === 0 ? (
            <Empty title="There is no source yet" />
          ) : (
            <ul class="rows" aria-label="Sources">
              {all.map((each) => (
                <li key={each.name} class="row">
                  <a href={hrefTo("sources", each.name)}>{each.name}</a>
                  {each.enabled ? <Badge kind="success">Enabled</Badge> : <Badge>Disabled</Badge>}
                </li>
              ))}
            </ul>
          )
        }
      </Loading>
    </Page>
  );
}
