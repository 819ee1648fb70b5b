// What follows a save: the draft goes, the page shows what is saved, and it can be undone.
import { useState } from "preact/hooks";
import type { SubscriptionAnswer } from "../api-types";
import { messageOf } from "../core/client";
import { goTo, hrefTo } from "../core/router";
import { toast } from "../parts/notice";
import { saveCandidate } from "./save";
import type { Candidate } from "./state";

export interface Saving {
  isOpen: boolean;
  open: () => void;
  close: () => void;
  /** The draft was saved. */
  onSaved: (answer: SubscriptionAnswer) => void;
  /** Somebody else's version is taken in place of the draft. */
  onTaken: () => void;
}

/** `opened` is the version before the edits: undo saves it again. */
export function useSaving(opened: Candidate, dropDraft: () => void, reload: () => void): Saving {
  const [isOpen, setOpen] = useState(false);

  function end(): void {
    dropDraft();
    setOpen(false);
  }

  async function undo(revision: number): Promise<void> {
    try {
      await saveCandidate(opened, revision);
      toast("The change is undone", "info");
      reload();
    } catch (error) {
      toast(`It could not be undone: ${messageOf(error)}`, "error");
    }
  }

  function onSaved({ subscription, revision, warnings }: SubscriptionAnswer): void {
    end();
    const isNew = opened.id === undefined;
    if (isNew) goTo(hrefTo("destinations", opened.instance, "mappings", subscription.id), true);
    else reload();
    for (const each of warnings) toast(each.detail, "warning");
    toast("The mapping is saved", "success", isNew ? undefined : { label: "Undo", run: () => void undo(revision) });
  }

  function onTaken(): void {
    end();
    reload();
  }

  return { isOpen, open: () => setOpen(true), close: () => setOpen(false), onSaved, onTaken };
}
