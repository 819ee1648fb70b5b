// Knows whether what is typed somewhere in a page is no whole value yet: until it is, nothing can be saved.
import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";

type Report = (part: object, isIncomplete: boolean) => void;

export const IncompleteContext = createContext<Report>(() => undefined);

/** Report to the page whether what is typed here is no whole value yet. */
export function useIncomplete(isIncomplete: boolean): void {
  const report = useContext(IncompleteContext);
  const part = useRef({});
  useEffect(() => {
    if (!isIncomplete) return undefined;
    report(part.current, true);
    return () => report(part.current, false);
  }, [isIncomplete, report]);
}

/** What a page gives its parts by `IncompleteContext`, and whether one of them is incomplete. */
export function useIncompleteParts(): [report: Report, isIncomplete: boolean] {
  const [parts, setParts] = useState<ReadonlySet<object>>(new Set());
  const report = useRef<Report>((part, isIncomplete) =>
    setParts((old) => new Set(isIncomplete ? [...old, part] : [...old].filter((each) => each !== part))),
  );
  return [report.current, parts.size > 0];
}
