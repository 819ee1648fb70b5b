// What saving a mapping does with the partner: the inputs of each save hook, and what it gave.
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { SaveHookShape } from "../api-types";
import { call } from "../core/client";
import { type Json, type JsonObject, scalarText, writeJson } from "../core/json";
import { isSame } from "./kinds";
import type { AskChoices } from "../parts/choices-box";
import { Checkbox } from "../parts/field";
import { Card } from "../parts/page";
import { Prose } from "../parts/prose";
import { type Setting, settingsIn } from "../settings/declaration";
import { ValueFields } from "../settings/value-fields";
import { type Candidate, asCandidateBody, asObject, withKey } from "./state";

export interface SaveHooksProps {
  declared: Record<string, SaveHookShape>;
  candidate: Candidate;
  /** Hooks as they are edited, without the secrets that were typed: a draft keeps them. */
  hooks: JsonObject;
  /** Hooks as they are saved, with their outputs. */
  saved: JsonObject;
  onChange: (hooks: JsonObject) => void;
  /** A secret input, which no storage of the browser gets. */
  onSecret: (hook: string, key: string, value: Json | undefined) => void;
}

export function SaveHooks({ declared, candidate, hooks, saved, onChange, onSecret }: SaveHooksProps): JSX.Element {
  return (
    <>
      {Object.entries(declared).map(([name, hook]) => (
        <Card key={name} title={hook.label} class="settings-card">
          <p class="field-description">
            <Prose text={hook.description} />
          </p>
          <Checkbox
            label="Do this at the partner when the mapping is saved"
            description="It is done again only if its inputs change."
            isChecked={name in hooks}
            onChange={(isOn) => onChange(withKey(hooks, name, isOn ? (saved[name] ?? { inputs: {} }) : undefined))}
          />
          {name in hooks && (
            <Inputs
              name={name}
              hook={hook}
              candidate={candidate}
              onChange={({ key, isSecret }, value) => {
                if (isSecret) onSecret(name, key, value);
                else onChange({ ...hooks, [name]: withInput(asObject(hooks[name]), asObject(saved[name]), key, value) });
              }}
            />
          )}
          {name in hooks && <Outputs hook={hook} outputs={asObject(asObject(candidate.hooks[name])["outputs"])} />}
        </Card>
      ))}
    </>
  );
}

/** A hook with another input: what it gave belongs to the inputs that it ran with. */
function withInput(hook: JsonObject, saved: JsonObject, key: string, value: Json | undefined): JsonObject {
  const inputs = withKey(asObject(hook["inputs"]), key, value);
  return isSame(sorted(inputs), sorted(asObject(saved["inputs"]))) ? saved : { inputs };
}

function sorted(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function Inputs({
  name,
  hook,
  candidate,
  onChange,
}: {
  name: string;
  hook: SaveHookShape;
  candidate: Candidate;
  onChange: (setting: Setting, value: Json | undefined) => void;
}): JSX.Element {
  const inputs = asObject(asObject(candidate.hooks[name])["inputs"]);
  const latest = useRef({ candidate, inputs });
  latest.current = { candidate, inputs };
  const askFor = (field: string): AskChoices | undefined =>
    hook.dynamic_inputs.includes(field)
      ? (search, page, signal) => {
          const body = { candidate: asCandidateBody(latest.current.candidate), field, hook: name, inputs: latest.current.inputs, search, page };
          return call("POST /api/dynamic-choices", { body, signal });
        }
      : undefined;
  return <ValueFields settings={settingsIn(hook.inputs)} values={inputs} onChange={onChange} askFor={askFor} />;
}

function Outputs({ hook, outputs }: { hook: SaveHookShape; outputs: JsonObject }): JSX.Element {
  const rows = Object.entries(outputs);
  if (rows.length === 0) return <p class="muted">It runs when you save.</p>;
  return (
    <>
      <p class="muted">It has run, and gave:</p>
      <dl class="facts">
        {rows.map(([key, value]) => (
          <div key={key}>
            <dt>{hook.outputs[key]?.label || key}</dt>
            <dd>{typeof value === "object" && value !== null ? writeJson(value) : scalarText(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
