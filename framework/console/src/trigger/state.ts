// Keeps the text and the tree of a trigger in step: the host reads and writes both.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ErrorShape, GroupNode, TriggerAnswer } from "../api-types";
import { ApiError, call, messageOf } from "../core/client";
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
  /** Whether what was edited last is not a whole trigger yet. */
  isIncomplete: boolean;
}

const PAUSE_MS = 150;

/** Both sides of a trigger; an answer to an older edit never overwrites a newer one. */
export function useTrigger(text: string, onChange: (text: string) => void): TriggerState {
  const [tree, putTree] = useState<GroupNode>();
  const [answer, setAnswer] = useState<TriggerAnswer>();
  const [errors, setErrors] = useState<readonly ErrorShape[]>([]);
  const [problem, setProblem] = useState<string>();
  const turn = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  /** The text that belongs to the tree. */
  const known = useRef<string | undefined>(undefined);

  function ask(work: () => Promise<TriggerAnswer>, onAnswer: (answer: TriggerAnswer) => void): void {
    const mine = ++turn.current;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      work().then(
        (found) => {
          if (mine !== turn.current) return;
          known.current = found.text;
          setErrors([]);
          setProblem(undefined);
          setAnswer(found);
          onAnswer(found);
        },
        (error: unknown) => {
          if (mine !== turn.current) return;
          const located = error instanceof ApiError ? error.errors : [];
          setErrors(located);
          setProblem(located.length === 0 ? messageOf(error) : undefined);
        },
      );
    }, PAUSE_MS);
  }

  useEffect(() => {
    if (text === known.current) return;
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

  return {
    tree,
    answer: answer && tree && isSameTree(answer.tree, tree) ? answer : undefined,
    errors,
    problem,
    isIncomplete: errors.length > 0,
    setText: (next) => {
      turn.current++;
      onChange(next);
    },
    setTree: (next) => {
      putTree(next);
      ask(
        () => call("POST /api/triggers/generate", { body: { tree: next as unknown as Record<string, unknown> } }),
        (found) => onChange(found.text),
      );
    },
  };
}
