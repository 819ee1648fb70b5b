// Edits the tree of a trigger, as the control API writes it: nothing here knows what a condition means.
import type { CompareNode, FieldWords, GroupNode, NotNode, OperatorWords, Vocabulary } from "../api-types";
import { type Json, isNumberText, writeJson } from "../core/json";

export type Node = GroupNode["children"][number];
export type Condition = Exclude<Node, GroupNode | NotNode | CompareNode>;
export type Value = Condition["value"];

export function isCondition(node: Node): node is Condition {
  return node.type !== "group" && node.type !== "not" && node.type !== "compare";
}

export function isSameTree(one: Node, other: Node): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A first condition of a type: it names a path if the type needs one. */
export function newCondition(words: FieldWords): Condition {
  const operator = words.operators[0] ?? "=";
  const value = words.choices[0] ?? "";
  const named = words.named ? { name: "" } : {};
  return { type: words.type, ...named, operator, value } as Condition;
}

/** The same test on another part of the event, or the nearest one that makes sense there. */
export function withType(condition: Condition, words: FieldWords, vocabulary: Vocabulary): Condition {
  const operator = words.operators.includes(condition.operator) ? condition.operator : (words.operators[0] ?? "=");
  const named = words.named ? { name: "name" in condition ? condition.name : "" } : {};
  const base = { type: words.type, ...named, operator: condition.operator, value: condition.value } as Condition;
  const made = withOperator(base, operator, vocabulary);
  const isChoice = words.choices.length === 0 || words.choices.includes(String(made.value));
  return isChoice ? made : ({ ...made, value: words.choices[0] } as Condition);
}

/** The same condition with another operator; its value is kept where the operator takes its kind. */
export function withOperator(condition: Condition, operator: string, vocabulary: Vocabulary): Condition {
  const words = operatorWords(operator, vocabulary);
  const { value, ...rest } = condition;
  const kinds = words?.values ?? [];
  if (kinds.length === 0) return { ...rest, operator } as Condition;
  return { ...rest, operator, value: fitting(value, kinds) } as Condition;
}

export function operatorWords(operator: string, vocabulary: Vocabulary): OperatorWords | undefined {
  return vocabulary.operators.find((each) => each.operator === operator);
}

export type ValueKind = OperatorWords["values"][number];

/** Which of the kinds that an operator takes a value is. */
export function kindOfValue(value: Value, kinds: readonly ValueKind[]): ValueKind {
  const kind: ValueKind = Array.isArray(value)
    ? "list"
    : typeof value === "boolean"
      ? "boolean"
      : isNumber(value)
        ? "number"
        : "text";
  return kinds.includes(kind) ? kind : (kinds[0] ?? "text");
}

function fitting(value: Value, kinds: readonly ValueKind[]): Value {
  switch (kindOfValue(value, kinds)) {
    case "number":
      return isNumber(value) ? value : numberValue(valueText(value).trim());
    case "boolean":
      return value === true;
    case "list":
      return Array.isArray(value) ? value : value === undefined || value === "" ? [] : [value];
    default:
      return Array.isArray(value) ? "" : valueText(value);
  }
}

export function emptyOf(kind: ValueKind): Value {
  return { text: "", pattern: "*", number: 0, boolean: true, list: [] }[kind];
}

/** Put a node at a place of a group; without a node it is removed. */
export function replacedChild(group: GroupNode, index: number, node: Node | undefined): GroupNode {
  const children = group.children.flatMap((each, at) => (at === index ? (node === undefined ? [] : [node]) : [each]));
  return { ...group, children };
}

/** A number is written as one, or as its digits where a float would lose some. */
function isNumber(value: Value): boolean {
  return typeof value === "number" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

/** The number that a text writes, or 0. */
export function numberValue(digits: string): Value {
  if (!isNumberText(digits)) return 0;
  return String(Number(digits)) === digits ? Number(digits) : { decimal: digits };
}

/** A value as a person writes it: numbers with all of their digits. */
export function valueText(value: Value): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "object") return String(value);
  return "decimal" in value ? value.decimal : writeJson(value);
}

/** The value of a list as a text, one item a line. */
export function listText(value: Value): string {
  return Array.isArray(value) ? value.map(valueText).join("\n") : "";
}

/** The items of a text. What is typed is a text; a number that the list has already stays one. */
export function listOf(text: string, old: Value): Value {
  const items: Value[] = Array.isArray(old) ? old : [];
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => (line === valueText(items[index]) ? items[index] : items.find((each) => valueText(each) === line)) ?? line) as Value;
}

/** An object of the event, for the names of its keys. */
export function insideOf(event: Json | undefined, inside: string | null): Json | undefined {
  if (inside === null) return event;
  return typeof event === "object" && event !== null && inside in event ? (event as Record<string, Json>)[inside] : undefined;
}
