// The list of instances: the destinations that an operator has configured, and what each does.
import type { JSX } from "preact";
import type { DestinationBrief, InstanceShape, StatusShape } from "../api-types";
import { call } from "../core/client";
import { enabledOf, instanceState, totalsOf } from "../core/instance-state";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { plural, sentence } from "../core/texts";
import { ButtonLink } from "../parts/button";
import { Monogram } from "../parts/monogram";
import { Badge, Empty, Loading, Page } from "../parts/page";
import { TotalsList } from "../parts/totals";

const REFRESH_MS = 5_000;

interface Listed {
  instances: InstanceShape[];
  destinations: DestinationBrief[];
  status: StatusShape;
}

export function Instances(): JSX.Element {
  const listed = useLoaded("destinations", load, REFRESH_MS);
  const add = (
    <ButtonLink href={hrefTo("catalog")} look="primary" icon="plus">
      Add Destination
    </ButtonLink>
  );
  return (
    <Page
      title="Destinations"
      subtitle="Where events go. Counts are of the last 24 hours; what waits, waits now."
      actions={listed.data?.instances.length ? add : null}
    >
      <Loading of={listed}>
        {({ instances, destinations, status }) =>
          instances.length === 0 ? (
            <Empty title="There is no destination yet">
              <p>Choose one from the catalog, connect it to a source, and enable a mapping.</p>
              {add}
            </Empty>
          ) : (
            <ul class="rows" aria-label="Destinations">
              {instances.map((each) => (
                <Row
                  key={each.name}
                  instance={each}
                  destination={destinations.find((other) => other.slug === each.destination)?.name ?? each.destination}
                  status={status}
                />
              ))}
            </ul>
          )
        }
      </Loading>
    </Page>
  );
}

async function load(signal: AbortSignal): Promise<Listed> {
  const [{ instances }, { destinations }, status] = await Promise.all([
    call("GET /api/instances", { signal }),
    call("GET /api/catalog", { signal }),
    call("GET /api/status", { signal }),
  ]);
  return { instances, destinations, status };
}

function Row({ instance, destination, status }: { instance: InstanceShape; destination: string; status: StatusShape }): JSX.Element {
  const { name, source, subscriptions, problem } = instance;
  const own = status.instances.find((each) => each.name === name);
  const state = instanceState(instance, own);
  const why = problem ?? (state.text === "Held back" ? own?.circuit_breaker?.message : undefined);
  return (
    <li class="row instance-row">
      <Monogram name={destination} />
      <div class="row-main">
        <div class="row-title">
          <a href={hrefTo("destinations", name)}>{name}</a> <Badge kind={state.kind}>{state.text}</Badge>
          {instance.sandbox && <Badge kind="accent">Sandbox</Badge>}
        </div>
        <p class="muted">
          {destination} from {source} ·{" "}
          {subscriptions.length === 0 ? "no mapping yet" : `${enabledOf(status, subscriptions)} of ${plural(subscriptions.length, "mapping")} enabled`}
        </p>
        {why && <p class="row-problem">{sentence(why)}</p>}
      </div>
      <TotalsList totals={totalsOf(status, subscriptions)} />
    </li>
  );
}
