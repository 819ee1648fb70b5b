// Chooses an event variable: a text field with a searchable tree of the sample event's paths (ARIA combobox).
import type { JSX } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import type { Json } from "../core/json";
import { countText } from "../core/texts";
import { type Variable, matching, shortText, variablesOf } from "./variables";

export interface VariableBoxProps {
  /** A path such as `$.userId`. */
  path: string;
  onChange: (path: string) => void;
  /** The event whose variables are offered. */
  sample: Json | undefined;
  label: string;
  isInvalid?: boolean;
}

/** How many variables are listed at once; a search finds the others. */
const SHOWN = 300;

/** A path that may be typed, or chosen from the sample's paths by mouse or keyboard. */
export function VariableBox({ path, onChange, sample, label, isInvalid = false }: VariableBoxProps): JSX.Element {
  const id = useId();
  const [search, setSearch] = useState<string>();
  const [active, setActive] = useState(0);
  const root = useRef<HTMLDivElement>(null);
  const isOpen = search !== undefined;
  const variables = useMemo(() => (isOpen ? variablesOf(sample) : []), [sample, isOpen]);
  const all = isOpen ? matching(variables, search) : [];
  const found = all.slice(0, SHOWN);
  useEffect(() => {
    root.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [active, isOpen]);
  function open(): void {
    // Nothing is typed yet: the whole tree.
    setSearch("");
    const at = variablesOf(sample).findIndex((each) => each.path === path);
    setActive(at < 0 || at >= SHOWN ? 0 : at);
  }
  function choose(variable: Variable | undefined): void {
    if (variable) onChange(variable.path);
    setSearch(undefined);
  }
  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) open();
      else if (found.length > 0)
        setActive((active + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length);
    } else if (event.key === "Enter" && isOpen) {
      event.preventDefault();
      choose(found[active]);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setSearch(undefined);
    }
  }
  return (
    <div class="combobox" ref={root}>
      <input
        type="text"
        role="combobox"
        class="combobox-input"
        aria-label={label}
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && found[active] ? `${id}-${active}` : undefined}
        aria-invalid={isInvalid}
        autocomplete="off"
        spellcheck={false}
        value={path}
        placeholder="$.properties.…"
        onInput={(event) => {
          onChange(event.currentTarget.value);
          setSearch(event.currentTarget.value.replace(/^\$\.?/, ""));
          setActive(0);
        }}
        onClick={() => isOpen || open()}
        onBlur={() => setSearch(undefined)}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} class="combobox-list" role="listbox" aria-label={`Variables for ${label}`} hidden={!isOpen}>
        {found.map((each, index) => (
          <li
            key={each.path}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            aria-label={`${each.path}, ${shortText(each.value)}`}
            style={{ paddingInlineStart: `${10 + 14 * (search ? 0 : each.depth)}px` }}
            // Before the field loses the focus.
            onPointerDown={(event) => {
              event.preventDefault();
              choose(each);
            }}
          >
            <span class="combobox-key">{search ? each.path.replace(/^\$\.?/, "") : each.key}</span>
            <span class="combobox-value">{shortText(each.value)}</span>
          </li>
        ))}
        {all.length > found.length && (
          <li class="combobox-none" role="option" aria-selected={false} aria-disabled="true">
            {countText(all.length - found.length)} more: type a part of a name or of a value
          </li>
        )}
        {isOpen && found.length === 0 && (
          <li class="combobox-none" role="option" aria-selected={false} aria-disabled="true">
            {variables.length === 0 ? "Choose a sample event to see its variables" : "The sample event has nothing like it"}
          </li>
        )}
      </ul>
    </div>
  );
}
