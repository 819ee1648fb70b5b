// Lays out the mapping editor, and keeps the draft of what is edited.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { DestinationShape, InstanceShape, SubscriptionAnswer } from "../api-types";
import { messageOf } from "../core/client";
import { readDraft, useDraft, writeDraft } from "../core/drafts";
import type { JsonObject } from "../core/json";
import { goTo, hrefTo } from "../core/router";
import { Button } from "../parts/button";
import { TextField } from "../parts/field";
import { Notice, toast } from "../parts/notice";
import { Badge, Page } from "../parts/page";
import { declarationsOf, isEmpty } from "./declarations";
import { faultsOf, resultsOf } from "./explanation";
import { Fields } from "./fields";
import { Preview } from "./preview";
import { Sample, storedEvent } from "./sample";
import { SaveDialog, type Saved, saveCandidate } from "./save";
import { ScopeContext } from "./scope";
import { type Candidate, type Edited, asObject, useExplanation } from "./state";
import { TestSend } from "./test-send";
import { Trigger } from "../trigger/trigger";

export interface EditorProps {
  instance: InstanceShape;
  destination: DestinationShape;
  /** `undefined` for a new mapping. */
  saved: Saved | undefined;
  candidate: Candidate;
  onReload: () => void;
}

export function Editor({ instance, destination, saved, candidate: opened, onReload }: EditorProps): JSX.Element {
  const key = `mapping ${instance.name} ${opened.id ?? `new ${opened.action} ${opened.name}`}`;
  const { id: _, instance: __, action: ___, ...edited } = opened;
  const draft = useDraft<Edited>(key, edited);
  const candidate: Candidate = { ...opened, ...draft.value };
  const [sample, setSample] = useSample(instance.source);
  const [isSaving, setSaving] = useState(false);
  const explanation = useExplanation(candidate, sample);
  const scope = useMemo(
    () => ({ sample, results: resultsOf(explanation.explained), faults: faultsOf(explanation.explained) }),
    [sample, explanation],
  );
  const action = destination.actions.find((each) => each.slug === opened.action);
  const fields = declarationsOf(action?.fields ?? {});
  const [isTriggerIncomplete, setIncomplete] = useState(false);
  const isIncomplete = isTriggerIncomplete || Object.entries(fields).some(([name, field]) => isEmpty(field, candidate.mapping[name]));
  const isNew = opened.id === undefined;
  const change = (changes: Partial<Edited>) => draft.update((old) => ({ ...old, ...changes }));

  async function takeSample(messageId: string): Promise<void> {
    try {
      setSample(await storedEvent(messageId));
    } catch (error) {
      toast(messageOf(error), "error");
    }
  }

  function onSaved(answer: SubscriptionAnswer): void {
    draft.drop();
    setSaving(false);
    const { id } = answer.subscription;
    if (isNew) goTo(hrefTo("destinations", instance.name, "mappings", id), true);
    else onReload();
    announce(answer, () => void undo(answer));
  }

  async function undo(answer: SubscriptionAnswer): Promise<void> {
    try {
      await saveCandidate({ ...opened, ...edited }, answer.revision);
      toast("The change is undone", "info");
      onReload();
    } catch (error) {
      toast(`It could not be undone: ${messageOf(error)}`, "error");
    }
  }

  function announce(answer: SubscriptionAnswer, onUndo: () => void): void {
    for (const each of answer.warnings) toast(each.detail, "warning");
    toast("The mapping is saved", "success", isNew ? undefined : { label: "Undo", run: onUndo });
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
          {draft.isChanged && <Button onClick={draft.drop}>Discard changes</Button>}
          <Button look="primary" disabled={isIncomplete || (!isNew && !draft.isChanged)} onClick={() => setSaving(true)}>
            Save
          </Button>
        </>
      }
    >
      {action === undefined && <Notice kind="error">The action {opened.action} is not offered by the installed plugins.</Notice>}
      <div class="editor">
        <div class="editor-main">
          <TextField label="Mapping name" value={candidate.name} onInput={(name) => change({ name })} isRequired />
          <Trigger
            trigger={candidate.trigger}
            source={instance.source}
            sample={sample}
            onChange={(trigger) => change({ trigger })}
            onIncomplete={setIncomplete}
            onSample={(messageId) => void takeSample(messageId)}
          />
          <ScopeContext.Provider value={scope}>
            <Fields
              fields={fields}
              mapping={candidate.mapping}
              defaults={asObject(action?.default_mapping)}
              onChange={(mapping) => change({ mapping })}
            />
          </ScopeContext.Provider>
        </div>
        <div class="editor-side">
          <Sample sample={sample} source={instance.source} trigger={candidate.trigger} onChange={setSample} />
          <Preview explanation={explanation} hasSample={sample !== undefined}>
            {sample && <TestSend candidate={candidate} sample={sample} isSandbox={instance.sandbox} />}
          </Preview>
        </div>
      </div>
      {isSaving && (
        <SaveDialog
          candidate={candidate}
          saved={saved}
          onSaved={onSaved}
          onClose={() => setSaving(false)}
          onTaken={() => {
            draft.drop();
            setSaving(false);
            onReload();
          }}
        />
      )}
    </Page>
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
