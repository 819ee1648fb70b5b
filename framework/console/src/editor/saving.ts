// What follows a save: the draft goes, the page shows what is saved, and it can be undone.
import { useState } from "preact/hooks";
import type { SubscriptionAnswer } from "../api-types";
import { messageOf } from "../core/client";
import { goTo, hrefTo } from "../core/router";
import { toast } from "../parts/notice";
import { type Saved, saveCandidate } from "./save";
import type { Candidate } from "./state";

export interface Saving {
  isOpen: boolean;
  open: () => void;
  close: () => void;
  /** The draft was saved. */
  onSaved: (answer: SubscriptionAnswer) => void;
}

/** `opened` is the version before the edits: undo saves it again; `show` takes the one that is saved. */
export function useSaving(opened: Candidate, dropDraft: () => void, show: (saved: Saved) => void): Saving {
  const [isOpen, setOpen] = useState(false);

  async function undo(revision: number): Promise<void> {
    try {
      show(await saveCandidate(opened, revision));
      toast("The change is undone", "info");
    } catch (error) {
      toast(`It could not be undone: ${messageOf(error)}`, "error");
    }
  }

  function onSaved({ subscription, revision, warnings }: SubscriptionAnswer): void {
    dropDraft();
    setOpen(false);
    const isNew = opened.id === undefined;
    if (isNew) goTo(hrefTo("destinations", opened.instance, "mappings", subscription.id), true);
    else show({ subscription, revision });
    for (const each of warnings) toast(each.detail, "warning");
    toast("The mapping is saved", "success", isNew ? undefined : { label: "Undo", run: () => void undo(revision) });
  }

  return { isOpen, open: () => setOpen(true), close: () => setOpen(false), onSaved };
}
