// The list of instances: the destinations that an operator has configured.
import type { JSX } from "preact";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { ButtonLink } from "../parts/button";
import { Badge, Empty, Loading, Page } from "../parts/page";

export function Instances(): JSX.Element {
  const instances = useLoaded("instances", (signal) => call("GET /api/instances", { signal }));
  const add = (
    <ButtonLink href={hrefTo("catalog")} look="primary" icon="plus">
      Add Destination
    </ButtonLink>
  );
  return (
    <Page title="Destinations" subtitle="Where events go: each is an instance of a destination." actions={add}>
      <Loading of={instances}>
        {({ instances: all }) =>
          all.length === 0 ? (
            <Empty title="There is no destination yet" />
          ) : (
            <ul class="rows" aria-label="Destinations">
              {all.map((each) => (
                <li key={each.name} class="row">
                  <a href={hrefTo("destinations", each.name)}>{each.name}</a>
                  <span class="muted">
                    {each.destination} from {each.source}, {plural(each.subscriptions.length, "mapping")}
                  </span>
                  {each.problem ? (
                    <Badge kind="error">Problem</Badge>
                  ) : each.enabled ? (
                    <Badge kind="success">Enabled</Badge>
                  ) : (
                    <Badge>Disabled</Badge>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loading>
    </Page>
  );
}
