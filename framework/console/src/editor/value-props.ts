// What the editor of a value gets, and the form of each kind of value.
import type { ComponentType } from "preact";
import type { ChoiceShape } from "../api-types";
import type { Json } from "../core/json";

export interface ValueProps {
  value: Json | undefined;
  onChange: (value: Json | undefined) => void;
  /** Where the value is in the mapping: `/customer_id/@if/then`. */
  pointer: string;
  /** What the value is for, as in "customer_id, then". */
  label: string;
  /** What a constant may be; any if there are none. */
  choices?: readonly ChoiceShape[] | null | undefined;
}

/** What the form of one kind gets: the value is of that kind. */
export interface KindProps extends ValueProps {
  value: Json;
  /** The editor of a part of the value: a form that has parts does not know of the other forms. */
  Part: ComponentType<ValueProps>;
}
