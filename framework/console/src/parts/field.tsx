// Labelled form fields: each has its label, a description, and its fault where it is.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Prose } from "./prose";

export interface FieldProps {
  label: ComponentChildren;
  /** What the field means, below the label. */
  description?: ComponentChildren;
  /** What is wrong with the value. */
  fault?: string | undefined;
  isRequired?: boolean;
  class?: string;
}

/** What a control needs to belong to its field. */
export interface ControlProps {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean;
  required: boolean;
}

/** A field around any control: `children` gets the attributes that bind the control to it. */
export function Field({
  label,
  description,
  fault,
  isRequired = false,
  class: extra = "",
  children,
}: FieldProps & { children: (control: ControlProps) => ComponentChildren }): JSX.Element {
  const id = useId();
  const described = [description ? `${id}-description` : "", fault ? `${id}-fault` : ""].filter(Boolean);
  return (
    <div class={`field ${extra}`}>
      <label for={id} class="field-label">
        {label}
        {isRequired && <span class="required"> (required)</span>}
      </label>
      {description && (
        <p id={`${id}-description`} class="field-description">
          {typeof description === "string" ? <Prose text={description} /> : description}
        </p>
      )}
      {children({
        id,
        "aria-describedby": described.join(" ") || undefined,
        "aria-invalid": Boolean(fault),
        required: isRequired,
      })}
      {fault && (
        <p id={`${id}-fault`} class="field-fault">
          {fault}
        </p>
      )}
    </div>
  );
}

export interface TextFieldProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "search" | "url" | "number";
  placeholder?: string;
  name?: string;
  autoFocus?: boolean;
  autoComplete?: string;
  readOnly?: boolean;
}

/** A field for one line of text. */
export function TextField(props: TextFieldProps): JSX.Element {
  const { value, onInput, type = "text", placeholder, name, autoFocus = false, autoComplete = "off", readOnly } = props;
  const input = useRef<HTMLInputElement>(null);
  // The attribute `autofocus` works once a page, and this one is never loaded again.
  useEffect(() => {
    if (autoFocus) input.current?.focus();
  }, []);
  return (
    <Field {...props}>
      {(control) => (
        <input
          {...control}
          ref={input}
          // One shape of attributes serves all of these types of input.
          type={type as "text"}
          name={name}
          value={value}
          placeholder={placeholder}
          autocomplete={autoComplete}
          readOnly={readOnly}
          spellcheck={false}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export interface Choice<T extends string = string> {
  value: T;
  label: string;
}

/** A field for one of a few values. */
export function SelectField<T extends string>({
  value,
  choices,
  onChange,
  ...field
}: FieldProps & {
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
}): JSX.Element {
  return (
    <Field {...field}>
      {(control) => <Select {...control} value={value} choices={choices} onChange={onChange} />}
    </Field>
  );
}

/** The control alone, for where a label stands elsewhere (`aria-label`). */
export function Select<T extends string>({
  choices,
  value,
  onChange,
  ...rest
}: Partial<ControlProps> & {
  value: T;
  choices: readonly Choice<T>[];
  onChange: (value: T) => void;
  "aria-label"?: string;
  class?: string;
}): JSX.Element {
  return (
    <select {...rest} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}

/** A switch: on or off, at once. */
export function Switch({
  label,
  isOn,
  onChange,
  isBusy = false,
}: {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  isBusy?: boolean;
}): JSX.Element {
  return (
    <button
      type="button"
      role="switch"
      class="switch"
      aria-checked={isOn}
      aria-label={label}
      aria-busy={isBusy}
      title={label}
      onClick={() => isBusy || onChange(!isOn)}
    >
      <span class="switch-knob" />
    </button>
  );
}

/** A checkbox with its text, and below it what it means and what is wrong with it. */
export function Checkbox({
  label,
  description,
  fault,
  isChecked,
  onChange,
}: Pick<FieldProps, "label" | "description" | "fault"> & {
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
}): JSX.Element {
  const id = useId();
  const described = [description ? `${id}-description` : "", fault ? `${id}-fault` : ""].filter(Boolean);
  const box = (
    <label class="checkbox">
      <input
        type="checkbox"
        checked={isChecked}
        aria-describedby={described.join(" ") || undefined}
        aria-invalid={fault ? true : undefined}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
  if (described.length === 0) return box;
  return (
    <div class="field">
      {box}
      {description && (
        <p id={`${id}-description`} class="field-description">
          {typeof description === "string" ? <Prose text={description} /> : description}
        </p>
      )}
      {fault && (
        <p id={`${id}-fault`} class="field-fault">
          {fault}
        </p>
      )}
    </div>
  );
}
