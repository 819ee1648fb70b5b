// Lays out the mapping editor, and keeps the draft of what is edited.
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { ActionShape, DestinationShape, InstanceShape, SyncModeShape } from "../api-types";
import { call, messageOf } from "../core/client";
import { dropDraft, readDraft, useDraft, writeDraft } from "../core/drafts";
import { IncompleteContext, useIncompleteParts } from "../core/incomplete";
import { type JsonObject, writeJson } from "../core/json";
import { hrefTo } from "../core/router";
import { Button } from "../parts/button";
import { type Choice, SelectField, TextField } from "../parts/field";
import { Notice, toast } from "../parts/notice";
import { Badge, Page } from "../parts/page";
import { Batching } from "./batching";
import { type FieldDeclaration, fieldsFor, isEmpty } from "./declarations";
import { faultsOf, resultsOf } from "./explanation";
import { type Dynamic, DynamicContext } from "./dynamic";
import { Fields } from "./fields";
import { isSame } from "./kinds";
import { Preview } from "./preview";
import { Sample, storedEvent } from "./sample";
import { SaveDialog, type Saved, editedOf } from "./save";
import { SaveHooks, type SaveHooksProps } from "./save-hooks";
import { useSaving } from "./saving";
import { ScopeContext } from "./scope";
import { type Candidate, type Edited, asCandidateBody, asObject, useExplanation, withKey } from "./state";
import { TestSend } from "./test-send";
import { Trigger } from "../trigger/trigger";

export interface EditorProps {
  instance: InstanceShape;
  destination: DestinationShape;
  /** `undefined` for a new mapping. */
  saved: Saved | undefined;
  candidate: Candidate;
}

export function Editor(props: EditorProps): JSX.Element {
  const { instance, destination } = props;
  const [saved, setSaved] = useState(props.saved);
  const opened = saved ? { ...props.candidate, ...editedOf(saved.subscription) } : props.candidate;
  const key = draftKey(props.candidate);
  const { name, trigger, syncMode, mapping, batch, hooks } = opened;
  const draft = useDraft<Edited>(key, { name, trigger, syncMode, mapping, batch, hooks });
  // Secrets stay in the memory of this page: no storage of the browser gets them.
  const [secrets, setSecrets] = useState<JsonObject>({});
  const candidate: Candidate = { ...opened, ...draft.value };
  candidate.hooks = withSecrets(candidate.hooks, secrets);
  const isChanged = draft.isChanged || !isSame(candidate.hooks, opened.hooks);
  function drop(): void {
    draft.drop();
    setSecrets({});
  }
  const saving = useSaving(opened, drop, setSaved);
  const [report, hasIncomplete] = useIncompleteParts();
  // Each turn draws the forms anew, without what was typed in them and is no value yet.
  const [turn, setTurn] = useState(0);
  const action = destination.actions.find((each) => each.slug === opened.action);
  const fields = fieldsFor(candidate.mapping, action?.fields ?? {});
  const isIncomplete = hasIncomplete || Object.entries(fields).some(([name, field]) => isEmpty(field, candidate.mapping[name]));
  const isNew = opened.id === undefined;
  function discard(): void {
    drop();
    dropDraft(triggerKey(key));
    setTurn(turn + 1);
    // The button goes.
    document.getElementById("main")?.focus();
  }
  return (
    <Page
      title={isNew ? "New mapping" : opened.name}
      subtitle={
        <>
          {action?.title ?? opened.action} {saved && <StateBadge saved={saved} />} {isChanged && <Badge kind="accent">Not saved</Badge>}
        </>
      }
      back={{ href: hrefTo("destinations", instance.name, "mappings"), label: instance.name }}
      actions={
        <>
          {(isChanged || hasIncomplete) && <Button onClick={discard}>Discard changes</Button>}
          <Button look="primary" disabled={isIncomplete || (!isNew && !isChanged)} onClick={saving.open}>
            Save
          </Button>
        </>
      }
    >
      {action === undefined && <Notice kind="error">The action {opened.action} is not offered by the installed plugins.</Notice>}
      <IncompleteContext.Provider value={report}>
        <Panes
          key={turn}
          draftKey={key}
          candidate={candidate}
          instance={instance}
          fields={fields}
          action={action}
          saved={saved}
          hooks={draft.value.hooks}
          savedHooks={opened.hooks}
          defaults={asObject(action?.default_mapping)}
          onChange={(changes) => draft.update((old) => ({ ...old, ...changes }))}
          onSecret={(hook, input, value) => {
            const isKept = value === asObject(asObject(opened.hooks[hook])["inputs"])[input];
            // `null` takes a secret away.
            setSecrets((old) => ({ ...old, [hook]: withKey(asObject(old[hook]), input, isKept ? undefined : (value ?? null)) }));
          }}
        />
      </IncompleteContext.Provider>
      {saving.isOpen && (
        <SaveDialog
          candidate={candidate}
          saved={saved}
          base={draft.base}
          isOvertaken={draft.isOvertaken}
          onSaved={saving.onSaved}
          onTaken={(theirs) => {
            discard();
            saving.close();
            setSaved(theirs);
          }}
          onClose={saving.close}
        />
      )}
    </Page>
  );
}

const NO_FIELDS: readonly string[] = [];

function draftKey({ instance, id, action, name }: Candidate): string {
  return `mapping ${instance} ${id ?? `new ${action} ${name}`}`;
}

/** Where the conditions are kept that are not whole yet. */
function triggerKey(key: string): string {
  return `trigger of ${key}`;
}

interface PanesProps {
  draftKey: string;
  candidate: Candidate;
  instance: InstanceShape;
  fields: Record<string, FieldDeclaration>;
  /** `undefined` if no plugin offers it. */
  action: ActionShape | undefined;
  saved: Saved | undefined;
  /** Those of the candidate without the secrets that were typed. */
  hooks: JsonObject;
  savedHooks: JsonObject;
  defaults: JsonObject;
  onChange: (changes: Partial<Edited>) => void;
  onSecret: SaveHooksProps["onSecret"];
}

/** What is edited, and beside it the sample event and what the host makes of it. */
function Panes({ draftKey: key, candidate, instance, fields, action, saved, hooks, savedHooks, defaults, onChange, onSecret }: PanesProps): JSX.Element {
  const syncMode = action?.sync_mode;
  const [sample, setSample] = useSample(instance.source);
  const explanation = useExplanation(candidate, sample);
  const scope = useMemo(
    () => ({ sample, results: resultsOf(explanation.explained), faults: faultsOf(explanation.explained) }),
    [sample, explanation],
  );
  const dynamic = useDynamic(candidate, action?.dynamic_fields ?? NO_FIELDS);
  async function takeSample(messageId: string): Promise<void> {
    try {
      setSample(await storedEvent(messageId));
    } catch (error) {
      toast(messageOf(error), "error");
    }
  }
  return (
    <div class="editor">
      <div class="editor-main">
        <TextField label="Mapping name" value={candidate.name} onInput={(name) => onChange({ name })} isRequired />
        <Trigger
          trigger={candidate.trigger}
          source={instance.source}
          sample={sample}
          onChange={(trigger) => onChange({ trigger })}
          draftKey={triggerKey(key)}
          onSample={(messageId) => void takeSample(messageId)}
        />
        {syncMode && <SyncMode mode={syncMode} chosen={candidate.syncMode} onChange={(chosen) => onChange({ syncMode: chosen })} />}
        <ScopeContext.Provider value={scope}>
          <DynamicContext.Provider value={dynamic}>
            <Fields fields={fields} mapping={candidate.mapping} defaults={defaults} onChange={(mapping) => onChange({ mapping })} />
          </DynamicContext.Provider>
        </ScopeContext.Provider>
        {action?.batch && (
          <Batching limits={action.batch} batch={candidate.batch} effective={saved?.subscription.effective_batch} onChange={(batch) => onChange({ batch })} />
        )}
        {action && (
          <SaveHooks
            // What was typed before a save is in place by then.
            key={writeJson(savedHooks)}
            declared={action.save_hooks}
            candidate={candidate}
            hooks={hooks}
            saved={savedHooks}
            onChange={(changed) => onChange({ hooks: changed })}
            onSecret={onSecret}
          />
        )}
      </div>
      <div class="editor-side">
        <Sample sample={sample} source={instance.source} trigger={candidate.trigger} onChange={setSample} />
        <Preview explanation={explanation} hasSample={sample !== undefined}>
          {sample && <TestSend candidate={candidate} sample={sample} isSandbox={instance.sandbox} />}
        </Preview>
      </div>
    </div>
  );
}

/** Hooks with the secret inputs that were typed; what a hook gave with others does not count any more. */
function withSecrets(hooks: JsonObject, secrets: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(hooks).map(([name, hook]) => {
      const typed = asObject(secrets[name]);
      if (Object.keys(typed).length === 0) return [name, hook];
      const inputs = { ...asObject(asObject(hook)["inputs"]), ...typed };
      return [name, { inputs: Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== null)) }];
    }),
  );
}

/** Which of the action's operations the mapping runs. */
function SyncMode({ mode, chosen, onChange }: { mode: SyncModeShape; chosen: string; onChange: (chosen: string) => void }): JSX.Element {
  const value = chosen || mode.default;
  const offered: Choice[] = mode.choices;
  // A mode that the action offered once is shown, so that another can be chosen in its place.
  const choices = offered.some((each) => each.value === value) ? offered : [...offered, { value, label: `${value} (not offered)` }];
  return <SelectField label={mode.label || "Sync mode"} description={mode.description} value={value} choices={choices} onChange={onChange} />;
}

/** The choices of what is edited depend on the rest of it, as it is when they are asked for. */
function useDynamic(candidate: Candidate, declared: readonly string[]): Dynamic {
  const latest = useRef(candidate);
  latest.current = candidate;
  return useMemo(
    () => ({
      declared,
      ask: (field, search, page, signal) =>
        call("POST /api/dynamic-choices", { body: { candidate: asCandidateBody(latest.current), field, search, page }, signal }),
    }),
    [declared],
  );
}

function StateBadge({ saved }: { saved: Saved }): JSX.Element {
  const { enabled, problem, paused } = saved.subscription;
  if (problem) return <Badge kind="error">Does not run</Badge>;
  if (paused) return <Badge kind="warning">Paused</Badge>;
  return enabled ? <Badge kind="success">Enabled</Badge> : <Badge>Disabled</Badge>;
}

/** The sample event, the same for all mappings of a source. */
function useSample(source: string): [JsonObject | undefined, (sample: JsonObject | undefined) => void] {
  const key = `sample ${source}`;
  const [sample, setSample] = useState(() => readDraft<JsonObject>(key));
  return [
    sample,
    (next) => {
      setSample(next);
      if (next) writeDraft(key, next);
    },
  ];
}
