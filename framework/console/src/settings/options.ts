// Options of the host's own tables as settings, so that one kind of form serves both.
import type { DestinationShape, OptionShape } from "../api-types";
import type { Json } from "../core/json";
import { sentence } from "../core/texts";
import type { Setting } from "./declaration";

const TYPES: Record<OptionShape["type"], Setting["type"]> = {
  text: "string",
  path: "string",
  choice: "string",
  texts: "string",
  switch: "string",
  // A number, or a text such as "5s" or "512 KiB", which is no JSON and goes to the host as it is.
  duration: "number",
  boolean: "boolean",
  integer: "integer",
  size: "number",
  number: "number",
  table: "object",
  tables: "object",
  labelled: "object",
};
const WORDS: Record<string, string> = { id: "ID", url: "URL" };

/** An option as a setting; `byDefault` is what counts where nothing is entered. */
export function settingOf(option: OptionShape, byDefault: Json | undefined = undefined): Setting {
  const { key, description, choices, secret } = option;
  return {
    key,
    label: labelOf(key),
    description: sentence(description.charAt(0).toUpperCase() + description.slice(1)),
    type: TYPES[option.type],
    multiple: option.type === "texts",
    choices: choices.length === 0 ? null : choices.map((value) => ({ value, label: value })),
    default: byDefault,
    required: false,
    secret,
    isSecret: secret,
    allowNull: true,
    allowEmpty: false,
    dynamic: false,
    placeholder: null,
    category: null,
    readOnly: null,
    hidden: null,
    minimum: option.minimum,
    maximum: option.maximum,
    defaultObjectUI: null,
    disabledInputMethods: null,
    displayMode: null,
    format: null,
    additionalProperties: false,
    depends_on: null,
    properties: null,
  };
}

/** The fields of the app that is registered at the partner; none if the destination needs no grant. */
export function appSettingsOf({ oauth }: DestinationShape): Setting[] {
  return (oauth?.options ?? []).map((each) => settingOf(each, each.key === "scopes" ? oauth?.scopes : undefined));
}

/** A key as a label: `client_id` is "Client ID". */
function labelOf(key: string): string {
  const text = key
    .split("_")
    .map((word) => WORDS[word] ?? word)
    .join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
