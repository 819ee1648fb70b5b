// A list of declared values, which may be any JSON.
import type { JSX } from "preact";
import type { ChoiceShape } from "../api-types";
import { writeJson } from "../core/json";
import { type ControlProps, Select } from "./field";

export interface ChoiceSelectProps extends Partial<ControlProps> {
  choices: readonly ChoiceShape[];
  /** The present value as JSON; empty if there is none. */
  json: string;
  onChange: (json: string) => void;
  "aria-label"?: string;
}

export function ChoiceSelect({ choices, json, ...rest }: ChoiceSelectProps): JSX.Element {
  const offered = choices.map((each) => ({ value: writeJson(each.value), label: each.label }));
  // A value that is in place and not offered any more is shown: it is what counts.
  if (!offered.some((each) => each.value === json)) offered.unshift({ value: json, label: json === "" ? "Choose …" : `${json} (not offered)` });
  return <Select {...rest} value={json} choices={offered} />;
}
