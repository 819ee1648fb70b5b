// Enables the first mapping, after showing how many of the latest events it would get.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { Button, ButtonLink } from "../parts/button";
import { ErrorNotice } from "../parts/notice";
import { Loading } from "../parts/page";
import type { StepProps } from "./progress";

export function EnableMapping({ progress, onChanged }: StepProps): JSX.Element {
  const { instances } = progress;
  const mappings = useLoaded("mappings", (signal) => call("GET /api/subscriptions", { signal }));
  const [error, setError] = useState<unknown>();
  async function enable(id: string): Promise<void> {
    setError(undefined);
    try {
      await call("POST /api/subscriptions/{id}/enable", { path: { id } });
      onChanged();
    } catch (caught) {
      setError(caught);
    }
  }
  return (
    <div class="stack">
      <p>
        A mapping chooses events by its trigger, and says which field of the destination gets which value. Its presets are disabled until
        you enable one.
      </p>
      <Loading of={mappings}>
        {({ subscriptions }) => (
          <ul class="rows" aria-label="Mappings">
            {subscriptions.map((each) => (
              <li key={each.id} class="row">
                <strong>{each.name}</strong>
                {each.trigger === null ? (
                  <span class="muted">has no trigger yet: edit it to select events</span>
                ) : (
                  <Matching trigger={each.trigger} instance={each.instance} />
                )}
                <span class="row-end button-row">
                  <ButtonLink href={hrefTo("destinations", each.instance, "mappings", each.id)}>Edit Mapping</ButtonLink>
                  {each.trigger !== null && (
                    <Button look="primary" onClick={() => void enable(each.id)}>
                      Enable
                    </Button>
                  )}
                </span>
              </li>
            ))}
            {subscriptions.length === 0 && instances[0] && (
              <li class="row">
                <ButtonLink href={hrefTo("destinations", instances[0].name, "mappings")}>New Mapping</ButtonLink>
              </li>
            )}
          </ul>
        )}
      </Loading>
      {error !== undefined && <ErrorNotice error={error} title="It was not enabled" />}
    </div>
  );
}

const LATEST = 50;

/** How many of the latest events the trigger of a mapping selects. */
function Matching({ trigger, instance }: { trigger: string; instance: string }): JSX.Element {
  const recent = useLoaded(`matching ${instance} ${trigger}`, (signal) =>
    call("POST /api/triggers/recent", { body: { trigger, instance, limit: LATEST }, signal }),
  );
  if (recent.error) return <span class="muted">{recent.error.message}</span>;
  if (!recent.data) return <span class="muted">Trying it on the latest events …</span>;
  return (
    <span class="muted">
      matches {recent.data.matching} of the latest {plural(recent.data.rows.length, "event")}
    </span>
  );
}
