// Lays out the mapping editor, and keeps the draft of what is edited.
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { DestinationShape, InstanceShape, SyncModeShape } from "../api-types";
import { call, messageOf } from "../core/client";
import { dropDraft, readDraft, useDraft, writeDraft } from "../core/drafts";
import { IncompleteContext, useIncompleteParts } from "../core/incomplete";
import type { JsonObject } from "../core/json";
import { hrefTo } from "../core/router";
import { Button } from "../parts/button";
import { type Choice, SelectField, TextField } from "../parts/field";
import { Notice, toast } from "../parts/notice";
import { Badge, Page } from "../parts/page";
import { type FieldDeclaration, fieldsFor, isEmpty } from "./declarations";
import { faultsOf, resultsOf } from "./explanation";
import { type Dynamic, DynamicContext } from "./dynamic";
import { Fields } from "./fields";
import { Preview } from "./preview";
import { Sample, storedEvent } from "./sample";
import { SaveDialog, type Saved, editedOf } from "./save";
import { useSaving } from "./saving";
import { ScopeContext } from "./scope";
import { type Candidate, type Edited, asCandidateBody, asObject, useExplanation } from "./state";
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
  const { name, trigger, syncMode, mapping } = opened;
  const draft = useDraft<Edited>(key, { name, trigger, syncMode, mapping });
  const candidate: Candidate = { ...opened, ...draft.value };
  const saving = useSaving(opened, draft.drop, setSaved);
  const [report, hasIncomplete] = useIncompleteParts();
  // Each turn draws the forms anew, without what was typed in them and is no value yet.
  const [turn, setTurn] = useState(0);
  const action = destination.actions.find((each) => each.slug === opened.action);
  const fields = fieldsFor(candidate.mapping, action?.fields ?? {});
  const isIncomplete = hasIncomplete || Object.entries(fields).some(([name, field]) => isEmpty(field, candidate.mapping[name]));
  const isNew = opened.id === undefined;
  function discard(): void {
    draft.drop();
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
          {action?.title ?? opened.action} {saved && <StateBadge saved={saved} />} {draft.isChanged && <Badge kind="accent">Not saved</Badge>}
        </>
      }
      back={{ href: hrefTo("destinations", instance.name, "mappings"), label: instance.name }}
      actions={
        <>
          {(draft.isChanged || hasIncomplete) && <Button onClick={discard}>Discard changes</Button>}
          <Button look="primary" disabled={isIncomplete || (!isNew && !draft.isChanged)} onClick={saving.open}>
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
          syncMode={action?.sync_mode ?? null}
          dynamicFields={action?.dynamic_fields ?? NO_FIELDS}
          defaults={asObject(action?.default_mapping)}
          onChange={(changes) => draft.update((old) => ({ ...old, ...changes }))}
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
  syncMode: SyncModeShape | null;
  dynamicFields: readonly string[];
  defaults: JsonObject;
  onChange: (changes: Partial<Edited>) => void;
}

/** What is edited, and beside it the sample event and what the host makes of it. */
function Panes({ draftKey: key, candidate, instance, fields, syncMode, dynamicFields, defaults, onChange }: PanesProps): JSX.Element {
  const [sample, setSample] = useSample(instance.source);
  const explanation = useExplanation(candidate, sample);
  const scope = useMemo(
    () => ({ sample, results: resultsOf(explanation.explained), faults: faultsOf(explanation.explained) }),
    [sample, explanation],
  );
  const dynamic = useDynamic(candidate, dynamicFields);
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
