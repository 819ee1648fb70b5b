// Changes that ask first: by themselves, or as the host says that waiting deliveries would end (409).
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../core/client";
import { Confirm } from "./dialog";
import { ErrorNotice } from "./notice";

export interface Change {
  /** The title of the question, as in "Delete this mapping?". */
  title: string;
  /** The text of the button that makes the change, as in "Delete". */
  action: string;
  isDangerous?: boolean;
  /** What is asked before anything is sent; without it only the host may ask. */
  question?: ComponentChildren;
  /** Make the change; with `confirm` also if waiting deliveries end by it. */
  run: (confirm: boolean) => Promise<void>;
}

export interface Changes {
  start: (change: Change) => void;
  isBusy: boolean;
  /** The question, or why the last change failed; to be drawn where the change is started. */
  view: JSX.Element;
}

interface Asked {
  change: Change;
  /** What the host says would end. */
  refusal?: string;
}

/** Make one change at a time, with its questions and its errors. */
export function useChanges(): Changes {
  const [asked, setAsked] = useState<Asked>();
  const [failed, setFailed] = useState<{ change: Change; error: unknown }>();
  const [isBusy, setBusy] = useState(false);
  function start(change: Change): void {
    setFailed(undefined);
    if (change.question === undefined) void attempt(change);
    else setAsked({ change });
  }
  async function attempt(change: Change): Promise<void> {
    setBusy(true);
    try {
      await change.run(false);
    } catch (error) {
      if (needsConfirmation(error)) setAsked({ change, refusal: error.message });
      else setFailed({ change, error });
    } finally {
      setBusy(false);
    }
  }
  async function confirm({ change, refusal }: Asked): Promise<void> {
    try {
      await change.run(refusal !== undefined);
    } catch (error) {
      // The dialog stays open and shows the error: what would end is asked once more.
      if (needsConfirmation(error)) setAsked({ change, refusal: error.message });
      throw error;
    }
  }
  const view = (
    <>
      {failed && <ErrorNotice error={failed.error} title={`${failed.change.action}: it was not done`} />}
      {asked && (
        <Confirm
          title={asked.change.title}
          action={asked.refusal === undefined ? asked.change.action : `${asked.change.action}, and let them expire`}
          isDangerous={asked.change.isDangerous === true || asked.refusal !== undefined}
          onConfirm={() => confirm(asked)}
          onClose={() => setAsked(undefined)}
        >
          {asked.change.question ?? <p>{asked.refusal}</p>}
        </Confirm>
      )}
    </>
  );
  return { start, isBusy, view };
}

function needsConfirmation(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 409 && error.errors.some((each) => each.parameter === "confirm");
}
