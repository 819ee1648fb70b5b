// Chooses a value that the partner lists, page by page; any value may be typed (ARIA combobox).
import type { JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { ChoiceShape } from "../api-types";
import { isAborted, messageOf } from "../core/client";
import { scalarText, writeJson } from "../core/json";
import { useSettled } from "../core/loaded";
import { sentence } from "../core/texts";

/** One page of choices, or why there is none. */
export interface ChoicesPage {
  choices: ChoiceShape[];
  /** `null` on the last page. */
  next_page: string | null;
  error: { message: string } | null;
}

/** Asks for a page of the choices that fit a text; `page` is `null` for the first one. */
export type AskChoices = (search: string, page: string | null, signal: AbortSignal) => Promise<ChoicesPage>;

export interface ChoicesBoxProps {
  text: string;
  onText: (text: string) => void;
  onChoose: (choice: ChoiceShape) => void;
  ask: AskChoices;
  /** What the list is of, as in "List". */
  name: string;
  id?: string;
  class?: string;
  required?: boolean;
  "aria-label"?: string;
  "aria-describedby"?: string | undefined;
  "aria-invalid"?: boolean;
  /** The field is left; a choice does not leave it. */
  onLeave?: () => void;
}

const NO_PAGE: ChoicesPage = { choices: [], next_page: null, error: null };
/** Milliseconds without typing before the partner is asked. */
const TYPING_MS = 250;

export function ChoicesBox({ text, onText, onChoose, ask, name, onLeave, class: extra = "", ...control }: ChoicesBoxProps): JSX.Element {
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const [search, setSearch] = useState<string>();
  const [active, setActive] = useState(0);
  const { page, isLoading, more } = useChoices(ask, search);
  const isOpen = search !== undefined;
  const count = page.choices.length + (page.next_page === null ? 0 : 1);
  const chosen = page.choices.find((each) => textOf(each) === text);
  useEffect(() => {
    root.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [active, isOpen]);
  function open(): void {
    // Nothing is typed yet: the whole list.
    setSearch("");
    setActive(0);
  }
  function take(index: number): void {
    const choice = page.choices[index];
    if (choice === undefined) {
      more();
      return;
    }
    onChoose(choice);
    setSearch(undefined);
  }
  function onKeyDown(event: KeyboardEvent): void {
    const isDown = event.key === "ArrowDown";
    if (isDown || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) open();
      else if (count > 0) setActive((active + (isDown ? 1 : count - 1)) % count);
    } else if (event.key === "Enter" && isOpen) {
      event.preventDefault();
      if (active < count) take(active);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setSearch(undefined);
    }
  }
  const option = (index: number) => ({
    id: `${id}-${index}`,
    role: "option" as const,
    "aria-selected": index === active,
    // Before the field loses the focus.
    onPointerDown: (event: Event) => {
      event.preventDefault();
      take(index);
    },
  });
  return (
    <div class={`combobox ${extra}`} ref={root}>
      <input
        {...control}
        type="text"
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && active < count ? `${id}-${active}` : undefined}
        aria-busy={isLoading}
        autocomplete="off"
        spellcheck={false}
        value={text}
        placeholder="Choose, or type"
        onInput={(event) => {
          onText(event.currentTarget.value);
          setSearch(event.currentTarget.value);
          setActive(0);
        }}
        onClick={() => isOpen || open()}
        onBlur={() => {
          setSearch(undefined);
          onLeave?.();
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} class="combobox-list" role="listbox" aria-label={`Choices for ${name}`} hidden={!isOpen}>
        {page.choices.map((each, index) => (
          <li key={writeJson(each.value)} {...option(index)} title={each.description}>
            <span class="combobox-key">{each.label}</span>{" "}
            <span class="combobox-value">{textOf(each)}</span>
          </li>
        ))}
        {page.next_page !== null && <li {...option(page.choices.length)}>{isLoading ? "Loading …" : "Show more"}</li>}
        {count === 0 && (
          <li class="combobox-none" role="option" aria-selected={false} aria-disabled="true">
            {isLoading ? "Asking the partner …" : page.error ? "The partner gives no choices" : "The partner has nothing like it"}
          </li>
        )}
      </ul>
      {chosen && chosen.label !== text && <p class="field-description">{chosen.label}</p>}
      {page.error && (
        <p class="field-fault" role="status">
          The partner gives no choices: {sentence(page.error.message)} You can type any value.
        </p>
      )}
    </div>
  );
}

/** The choices that fit a text, asked for once the list is open; an older answer never replaces a newer one. */
function useChoices(ask: AskChoices, search: string | undefined) {
  const [page, setPage] = useState(NO_PAGE);
  const [isLoading, setLoading] = useState(false);
  const latest = useRef(ask);
  latest.current = ask;
  const abort = useRef<AbortController | undefined>(undefined);
  const typed = useSettled(search, search ? TYPING_MS : 0);
  const load = (at: string | null, before: ChoiceShape[]): void => {
    abort.current?.abort();
    const { signal } = (abort.current = new AbortController());
    setLoading(true);
    latest.current(typed?.trim() ?? "", at, signal).then(
      (next) => {
        if (signal.aborted) return;
        setPage({ ...next, choices: [...before, ...next.choices] });
        setLoading(false);
      },
      (error: unknown) => {
        if (signal.aborted || isAborted(error)) return;
        setPage({ ...NO_PAGE, choices: before, error: { message: messageOf(error) } });
        setLoading(false);
      },
    );
  };
  useEffect(() => {
    if (typed !== undefined) load(null, []);
  }, [typed]);
  useEffect(() => () => abort.current?.abort(), []);
  return { page, isLoading, more: () => isLoading || load(page.next_page, page.choices) };
}

/** The text of a choice's value. */
export function textOf({ value }: ChoiceShape): string {
  return typeof value === "object" && value !== null && !("rawJSON" in value) ? writeJson(value) : scalarText(value);
}
