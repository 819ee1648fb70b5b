// The icons of the console: lines of our own on a grid of 24, hidden from screen readers.
import type { JSX } from "preact";

const PATHS = {
  home: "M4 11l8-7 8 7v9h-5v-6h-6v6H4z",
  source: "M4 6h16M4 12h10M4 18h6M17 12l3 3-3 3",
  destination: "M4 12h13m-5-5 5 5-5 5M20 5v14",
  catalog: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12 4 4",
  check: "M5 12l5 5 9-10",
  warning: "M12 4 2.5 20h19zM12 10v4m0 3h.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 8v5m0-8h.01",
  error: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm-3.5 5.5 7 7m0-7-7 7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M6 9l6 6 6-6",
  right: "M9 6l6 6-6 6",
  back: "M15 6l-6 6 6 6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  undo: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  pause: "M8 5v14M16 5v14",
  rename: "M4 7V5h12v2M10 5v14m-3 0h6M17 12h4m-2-2v10",
  play: "M7 5l12 7-12 7z",
  key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm3 1 9-9m-4 4 3 3",
  refresh: "M20 11a8 8 0 1 0-2 6m2-12v6h-6",
  signOut: "M14 4h6v16h-6M4 12h11m-4-4 4 4-4 4",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2m0 16v2M2 12h2m16 0h2M5 5l1.5 1.5m11 11L19 19M5 19l1.5-1.5m11-11L19 5",
  menu: "M4 6h16M4 12h16M4 18h16",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon; what it means is said by the text or label beside it. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
