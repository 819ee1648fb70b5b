// JSON in and out with exact numbers: a number that JavaScript would round keeps its digits.

export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A number whose digits a float would lose; `JSON.stringify` writes it as it was read. */
export interface ExactNumber {
  readonly rawJSON: string;
}

interface ExactJson {
  parse(text: string, reviver: (key: string, value: unknown, at: { source?: string }) => unknown): unknown;
  rawJSON(text: string): ExactNumber;
}

const exact = JSON as unknown as ExactJson;
// Without it (browsers before 2024) numbers beyond 2**53 are shown rounded, as any page does.
const isExact = typeof exact.rawJSON === "function";

/** Parse JSON; throws `SyntaxError`. */
export function parseJson(text: string): Json {
  if (!isExact) return JSON.parse(text) as Json;
  return exact.parse(text, (_, value, { source }) => {
    const loses = typeof value === "number" && source !== undefined && String(value) !== source;
    return loses && !isSame(value, source) ? exact.rawJSON(source) : value;
  }) as Json;
}

/** Whether a text like `1.0` or `1e3` has the value of a float without loss; `1.50` keeps its zero, as the host does. */
function isSame(value: number, source: string): boolean {
  if (/\.\d+0$/.test(source)) return false;
  return /^-?\d{1,15}(\.0*)?$/.test(source) || (digits(source).length < 16 && Number.isFinite(value));
}

function digits(source: string): string {
  return source.replace(/[eE].*$/, "").replace(/[-.]/g, "").replace(/^0+/, "");
}

/** Write JSON, indented by two spaces if `pretty`. */
export function writeJson(value: unknown, pretty = false): string {
  return JSON.stringify(value, null, pretty ? 2 : undefined) ?? "";
}

export function isExactNumber(value: unknown): value is ExactNumber {
  return typeof value === "object" && value !== null && "rawJSON" in value && Object.isFrozen(value);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Whether a text is a number as JSON writes it. */
export function isNumberText(text: string): boolean {
  return NUMBER.test(text);
}

/** The text of a single value; a number has all of its digits. */
export function scalarText(value: unknown): string {
  return isExactNumber(value) ? value.rawJSON : String(value);
}
