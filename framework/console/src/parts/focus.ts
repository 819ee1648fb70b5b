// Keeps the focus near when the part that has it is removed: it would fall back to the page's start.
import { useEffect } from "preact/hooks";

/** Focus the button that adds to a list: it is the first one of the last item. */
export function focusAdd(list: HTMLElement | null): void {
  requestAnimationFrame(() => list?.querySelector<HTMLElement>(":scope > li:last-child button")?.focus());
}

/** Keep the focus in the page: where what had it is removed or disabled, it goes to the main part. */
export function useKeptFocus(): void {
  useEffect(() => {
    let last: Element | undefined;
    const seen = (event: FocusEvent) => (last = event.target as Element);
    function check(): void {
      if (last === undefined || document.activeElement !== document.body) return;
      if (last.isConnected && !last.matches(":disabled")) return;
      // Whoever removed it may know a better place. Behind an open dialog nothing takes the focus:
      // `last` stays as it is, so that the end of the dialog is another occasion.
      requestAnimationFrame(() =>
        setTimeout(() => document.activeElement === document.body && document.getElementById("main")?.focus({ preventScroll: true })),
      );
    }
    const observer = new MutationObserver(check);
    observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ["disabled"] });
    addEventListener("focusin", seen);
    return () => {
      observer.disconnect();
      removeEventListener("focusin", seen);
    };
  }, []);
}
