// The trigger of a mapping, as conditions in words and as FQL text beside them, both live.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { TriggerAnswer } from "../api-types";
import { call } from "../core/client";
import { useIncomplete } from "../core/incomplete";
import type { Json } from "../core/json";
import { useLoaded } from "../core/loaded";
import { Field } from "../parts/field";
import { Prose } from "../parts/prose";
import { Notice } from "../parts/notice";
import { Card, Loading } from "../parts/page";
import { Group } from "./group";
import { RecentEvents } from "./recent";
import { type TriggerState, useTrigger } from "./state";

export interface TriggerProps {
  /** FQL; empty while there is none. */
  trigger: string;
  onChange: (trigger: string) => void;
  /** Where conditions are kept that are not whole yet. */
  draftKey: string;
  /** The source whose latest events the trigger is tried on. */
  source: string;
  sample: Json | undefined;
  onSample: (messageId: string) => void;
}

export function Trigger({ trigger, onChange, draftKey, source, sample, onSample }: TriggerProps): JSX.Element {
  const vocabulary = useLoaded("vocabulary", (signal) => call("GET /api/triggers/vocabulary", { signal }));
  const state = useTrigger(draftKey, trigger, onChange);
  const { tree, answer, errors } = state;
  const words = useMemo(() => new Map(answer?.nodes.map((each) => [each.pointer, each])), [answer]);
  const faults = useMemo(() => new Map(errors.map((each) => [(each.pointer ?? "").replace(/^#\/tree/, "#"), each.detail])), [errors]);
  useIncomplete(state.isIncomplete);
  return (
    <Card title="Select events to map and send">
      <Loading of={vocabulary}>
        {(known) =>
          tree && (
            <Group
              group={tree}
              vocabulary={known}
              sample={sample}
              pointer="#"
              words={words}
              faults={faults}
              number=""
              onChange={state.setTree}
            />
          )
        }
      </Loading>
      <TextSide trigger={trigger} state={state} />
      {trigger !== "" && <RecentEvents trigger={trigger} source={source} onSample={onSample} />}
    </Card>
  );
}

function TextSide({ trigger, state }: { trigger: string; state: TriggerState }): JSX.Element {
  const { answer, errors, problem } = state;
  const ofText = errors.filter((each) => !each.pointer?.startsWith("#/tree"));
  const fault = ofText.length > 0 ? ofText.map((each) => each.detail).join("; ") : problem;
  return (
    <>
      <Field
        class="trigger-text"
        label="Trigger as text (FQL)"
        description={textNote(trigger, errors.length > ofText.length)}
        fault={fault}
      >
        {(control) => (
          <textarea
            {...control}
            rows={2}
            class="code-input"
            value={trigger}
            spellcheck={false}
            onInput={(event) => state.setText(event.currentTarget.value)}
          />
        )}
      </Field>
      {answer && newWarnings(answer).map((each) => (
        <Notice key={each} kind="warning">
          <Prose text={each} />
        </Notice>
      ))}
      {answer && answer.segment.length > 0 && (
        <Notice title="Segment would read this trigger differently">
          <ul>
            {answer.segment.map((each) => (
              <li key={each}>
                <Prose text={each} />
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}

function textNote(trigger: string, isTreeIncomplete: boolean): string | undefined {
  if (trigger === "") return "Without a trigger, the mapping can be saved, and stays disabled.";
  return isTreeIncomplete ? "The conditions above are not complete; this is the last complete trigger." : undefined;
}

/** The warnings that no note beside a condition says already. */
function newWarnings({ warnings, nodes }: TriggerAnswer): string[] {
  const noted = nodes.filter((each) => each.notes.length > 0);
  return warnings.filter((warning) => !noted.some(({ text }) => warning.includes(text)));
}
