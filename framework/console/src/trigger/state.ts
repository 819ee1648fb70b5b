// Keeps the text and the tree of a trigger in step: the host reads and writes both.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ErrorShape, GroupNode, TriggerAnswer } from "../api-types";
import { ApiError, call, messageOf, onConnection } from "../core/client";
import { dropDraft, readDraft, writeDraft } from "../core/drafts";
import { isSameTree } from "./tree";

export interface TriggerState {
  tree: GroupNode | undefined;
  /** What the host says of the present tree; `undefined` while it is asked. */
  answer: TriggerAnswer | undefined;
  /** What is wrong with the text or the tree, by place. */
  errors: readonly ErrorShape[];
  /** Why the host could not be asked. */
  problem: string | undefined;
  /** Which side the person edits: the other one follows. */
  setText: (text: string) => void;
  setTree: (tree: GroupNode) => void;
  /** Whether what was edited last is not a whole trigger yet, or the host has not read it yet. */
  isIncomplete: boolean;
}

const PAUSE_MS = 150;
/** The conditions of a mapping without a trigger: none yet. */
const NO_CONDITIONS: GroupNode = { type: "group", operator: "and", children: [] };

/** Conditions that have no text yet: they are kept until they do. */
interface Unwritten {
  tree: GroupNode;
  /** The text that they were made from. */
  text: string;
}

/**
 * Both sides of a trigger; an answer to an older edit never overwrites a newer one. Conditions that
 * the host has not written as text yet are kept under `key`.
 */
export function useTrigger(key: string, text: string, onChange: (text: string) => void): TriggerState {
  const [tree, putTree] = useState<GroupNode>();
  const [answer, setAnswer] = useState<TriggerAnswer>();
  const [errors, setErrors] = useState<readonly ErrorShape[]>([]);
  const [problem, setProblem] = useState<string>();
  const [isPending, setPending] = useState(false);
  const turn = useRef(0);
  /** Asks again what a lost connection has left open. */
  const again = useRef<(() => void) | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  /** The text that belongs to the tree. */
  const known = useRef<string | undefined>(undefined);

  function ask(work: () => Promise<TriggerAnswer>, onAnswer: (answer: TriggerAnswer) => void): void {
    const mine = ++turn.current;
    clearTimeout(timer.current);
    again.current = undefined;
    timer.current = setTimeout(() => {
      work().then(
        (found) => {
          if (mine !== turn.current) return;
          known.current = found.text;
          setErrors([]);
          setProblem(undefined);
          setPending(false);
          dropDraft(key);
          setAnswer(found);
          onAnswer(found);
        },
        (error: unknown) => {
          if (mine !== turn.current) return;
          if (error instanceof ApiError && error.isLostConnection) again.current = () => ask(work, onAnswer);
          const located = error instanceof ApiError ? error.errors : [];
          setErrors(located);
          setProblem(located.length === 0 ? messageOf(error) : undefined);
        },
      );
    }, PAUSE_MS);
  }

  function write(next: GroupNode): void {
    putTree(next);
    setPending(true);
    ask(
      () => call("POST /api/triggers/generate", { body: { tree: next as unknown as Record<string, unknown> } }),
      (found) => onChange(found.text),
    );
  }

  useEffect(() => {
    if (text === known.current) return;
    const unwritten = readDraft<Unwritten>(key);
    if (unwritten?.text === text) {
      write(unwritten.tree);
      return;
    }
    if (text === "") {
      turn.current++;
      clearTimeout(timer.current);
      known.current = "";
      putTree(NO_CONDITIONS);
      setErrors([]);
      setProblem(undefined);
      return;
    }
    ask(
      () => call("POST /api/triggers/parse", { body: { text } }),
      (found) => {
        // The person's spelling stays; only the tree follows.
        known.current = text;
        putTree(found.tree);
      },
    );
  }, [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => onConnection((isLost) => isLost || again.current?.()), []);

  return {
    tree,
    answer: answer && tree && isSameTree(answer.tree, tree) ? answer : undefined,
    errors,
    problem,
    isIncomplete: errors.length > 0 || isPending,
    setText: (next) => {
      turn.current++;
      // Also the text that was there before is read again: the faults of this one must go.
      known.current = undefined;
      setPending(false);
      dropDraft(key);
      onChange(next);
    },
    setTree: (next) => {
      writeDraft(key, { tree: next, text } satisfies Unwritten);
      write(next);
    },
  };
}
