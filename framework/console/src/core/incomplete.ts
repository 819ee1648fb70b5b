// Knows whether what is typed somewhere in a page is no whole value yet: until it is, nothing can be saved.
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";

type Tell = (part: object, isIncomplete: boolean) => void;

export const IncompleteContext = createContext<Tell>(() => undefined);

/** Tell the page whether what is typed here is no whole value yet. */
export function useIncomplete(isIncomplete: boolean): void {
  const tell = useContext(IncompleteContext);
  const part = useRef({});
  useEffect(() => {
    if (!isIncomplete) return undefined;
    tell(part.current, true);
    return () => tell(part.current, false);
  }, [isIncomplete, tell]);
}

/** What a page gives its parts by `IncompleteContext`, and whether one of them is incomplete. */
export function useIncompleteParts(): [tell: Tell, isIncomplete: boolean] {
  const [parts, setParts] = useState<ReadonlySet<object>>(new Set());
  const tell = useRef<Tell>((part, isIncomplete) =>
    setParts((old) => new Set(isIncomplete ? [...old, part] : [...old].filter((each) => each !== part))),
  );
  return [tell.current, parts.size > 0];
}
