// Keeps the focus near when the part that has it is removed: it would fall back to the page's start.

/** Focus the button that adds to a list: it is the first one of the last item. */
export function focusAdd(list: HTMLElement | null): void {
  requestAnimationFrame(() => list?.querySelector<HTMLElement>(":scope > li:last-child button")?.focus());
}
