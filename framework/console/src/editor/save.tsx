// Saving: what changes, what the host warns of, and what somebody else has changed meanwhile.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SubscriptionAnswer, SubscriptionShape } from "../api-types";
import { ApiError, call } from "../core/client";
import { type Json, writeJson } from "../core/json";
import { useLoaded } from "../core/loaded";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { ErrorNotice, Located, Notice } from "../parts/notice";
import { Prose } from "../parts/prose";
import { Table } from "../parts/table";
import { type Candidate, type Change, type Edited, asObject, changesOf } from "./state";

/** The version that is saved, with the revision that it was read at. */
export interface Saved {
  subscription: SubscriptionShape;
  revision: number;
}

/** What a new mapping is compared with. */
const NOTHING: Edited = { name: "", trigger: "", syncMode: "", mapping: {}, batch: {}, hooks: {} };

/** Save a candidate: a new one is created, disabled; 412 if somebody else saved meanwhile. */
export async function saveCandidate(candidate: Candidate, revision: number | undefined, isDryRun = false): Promise<SubscriptionAnswer> {
  const { id, instance, action, name, mapping, batch, hooks } = candidate;
  const trigger = candidate.trigger || null;
  const sync_mode = candidate.syncMode || null;
  const query = isDryRun ? { dry_run: true } : {};
  if (id === undefined)
    return call("POST /api/subscriptions", { body: { instance, action, name, trigger, sync_mode, mapping, batch, hooks, defaults: false }, query });
  return call("PATCH /api/subscriptions/{id}", { path: { id }, body: { name, trigger, sync_mode, mapping, batch, hooks }, query, revision });
}

/** Read the version of a subscription that is saved now. */
export async function readSaved(id: string): Promise<Saved> {
  const { subscription, revision } = await call("GET /api/subscriptions/{id}", { path: { id } });
  return { subscription, revision };
}

export interface SaveDialogProps {
  candidate: Candidate;
  saved: Saved | undefined;
  onSaved: (answer: SubscriptionAnswer) => void;
  onClose: () => void;
  /** What was saved when the first change was made. */
  base: Edited;
  /** Whether something else than that is saved by now. */
  isOvertaken: boolean;
  /** Somebody else's version is taken, and the own one dropped. */
  onTaken: (theirs: Saved) => void;
}

/** Shows what will change, and saves; after a conflict it shows both versions. */
export function SaveDialog({ candidate, saved, base, isOvertaken, onSaved, onClose, onTaken }: SaveDialogProps): JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [theirs, setTheirs] = useState(isOvertaken ? saved : undefined);
  // What the host would say, before it is asked to do it.
  const trial = useLoaded("trial of the save", () => saveCandidate(candidate, undefined, true));
  async function save(revision: number | undefined): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      onSaved(await saveCandidate(candidate, revision));
    } catch (caught) {
      const other = conflictOf(caught);
      if (other) setTheirs(other);
      else setError(caught);
    } finally {
      setBusy(false);
    }
  }
  // What is edited after the request has left would be taken for saved.
  const close = () => isBusy || onClose();
  return (
    <Dialog title={theirs ? "Somebody else changed this mapping" : "Save mapping"} isWide onClose={close}>
      <div class="dialog-body">
        {theirs ? (
          <Conflict base={base} mine={candidate} theirs={editedOf(theirs.subscription)} />
        ) : (
          <Changes changes={changesOf(saved ? base : NOTHING, candidate)} />
        )}
        {trial.data?.warnings.map((each) => (
          <Notice key={`${each.pointer}${each.detail}`} kind="warning">
            <Located error={each} />
          </Notice>
        ))}
        {trial.data?.save_hooks.map((each) => (
          <Notice key={each.hook} kind="warning" title={`Saving asks the partner: ${each.label}`}>
            <p>
              <Prose text={each.description} /> If that fails, nothing is saved.
            </p>
          </Notice>
        ))}
        {trial.error && <ErrorNotice error={trial.error} title="It cannot be saved" />}
        {error !== undefined && <ErrorNotice error={error} title="It was not saved" />}
      </div>
      <div class="dialog-actions">
        <Button onClick={close}>Cancel</Button>
        {theirs && <Button onClick={() => onTaken(theirs)}>Take theirs, drop mine</Button>}
        <Button look="primary" isBusy={isBusy} disabled={trial.error !== undefined} onClick={() => void save(theirs?.revision ?? saved?.revision)}>
          {theirs ? "Save mine over it" : "Save"}
        </Button>
      </div>
    </Dialog>
  );
}

/** Somebody else's version, if that is why a save was refused. */
function conflictOf(error: unknown): Saved | undefined {
  if (!(error instanceof ApiError) || error.status !== 412) return undefined;
  const { current, revision } = error.problem;
  return current && revision !== undefined ? { subscription: current as unknown as SubscriptionShape, revision } : undefined;
}

/** What can be edited of a saved subscription. */
export function editedOf({ name, trigger, sync_mode, mapping, batch, hooks }: SubscriptionShape): Edited {
  return {
    name,
    trigger: trigger ?? "",
    syncMode: sync_mode ?? "",
    mapping: asObject(mapping),
    batch: asObject(batch),
    hooks: asObject(hooks),
  };
}

function Changes({ changes }: { changes: Change[] }): JSX.Element {
  if (changes.length === 0) return <p>Nothing has changed.</p>;
  const rows = changes.map((each) => [each.what, <Version value={each.before} />, <Version value={each.after} />]);
  return <Table label="Changes" heads={["What", "Before", "After"]} rows={rows} />;
}

function Conflict({ base, mine, theirs }: { base: Edited; mine: Edited; theirs: Edited }): JSX.Element {
  const own = new Map(changesOf(base, mine).map((each) => [each.what, each]));
  const other = new Map(changesOf(base, theirs).map((each) => [each.what, each]));
  const rows = [...new Set([...own.keys(), ...other.keys()])].map((what) => {
    const [mineHere, theirsHere] = [own.get(what), other.get(what)];
    return [
      what,
      <Version value={mineHere ? mineHere.after : theirsHere?.before} />,
      <Version value={theirsHere ? theirsHere.after : mineHere?.before} />,
    ];
  });
  return (
    <>
      <Notice kind="warning">It was saved after you opened it. Nothing of yours is lost: compare, and decide.</Notice>
      <Table label="Both versions" heads={["What", "Yours", "Theirs"]} rows={rows} />
    </>
  );
}

function Version({ value }: { value: Json | undefined }): JSX.Element {
  return value === undefined ? <span class="muted">nothing</span> : <code>{typeof value === "string" ? value : writeJson(value)}</code>;
}
