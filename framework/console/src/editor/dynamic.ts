// Which parts of a mapping have choices that the partner lists, and how to ask for them.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { keysOf } from "../core/faults";
import type { AskChoices, ChoicesPage } from "../parts/choices-box";

export interface Dynamic {
  /** The fields as the action declares them: `list_id`, `items.price`, `data.__keys__`. */
  declared: readonly string[];
  /** Ask for the choices of a place such as `items[0].price`. */
  ask: (place: string, search: string, page: string | null, signal: AbortSignal) => Promise<ChoicesPage>;
}

const NOTHING: Dynamic = { declared: [], ask: () => Promise.reject(new Error("nothing can be asked here")) };

export const DynamicContext = createContext<Dynamic>(NOTHING);

/** Asks for the choices of a value by its pointer; `undefined` if it has none. */
export function useChoicesAt(pointer: string, part?: "__keys__"): AskChoices | undefined {
  const { declared, ask } = useContext(DynamicContext);
  const place = placeOf(pointer, declared, part);
  return place === undefined ? undefined : (search, page, signal) => ask(place, search, page, signal);
}

/** The place of a dynamic field; inside a choice such as `@if` it is that of the whole. */
export function placeOf(pointer: string, declared: readonly string[], part?: "__keys__"): string | undefined {
  if (declared.length === 0) return undefined;
  const steps = stepsOf(pointer);
  if (steps === undefined) return undefined;
  if (part !== undefined) steps.push(part);
  const names = steps.filter((step, at) => at === 0 || !isIndex(step));
  const isDeclared = [steps, names].some((keys) => {
    const values = keys.length > 1 && [...keys.slice(0, -1), "__values__"].join(".");
    return declared.includes(keys.join(".")) || (part === undefined && values !== false && declared.includes(values));
  });
  return isDeclared ? steps.map(written).join("") : undefined;
}

/** The keys and indices that lead to a value; `undefined` if it is the input of a directive. */
function stepsOf(pointer: string): string[] | undefined {
  const steps: string[] = [];
  const keys = keysOf(pointer);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? "";
    if (!key.startsWith("@")) steps.push(key);
    else {
      const option = keys[++at] ?? "";
      const isValue = key === "@if" ? option === "then" || option === "else" : key === "@arrayPath" && option === "1";
      if (!isValue) return undefined;
    }
  }
  return steps;
}

function isIndex(step: string): boolean {
  return /^\d+$/.test(step);
}

function written(step: string, at: number): string {
  if (at > 0 && isIndex(step)) return `[${step}]`;
  const key = /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
  return at === 0 ? key : `.${key}`;
}
