// A group of conditions, any or all of them, nested to any depth.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { GroupNode, NodeWordsShape, Vocabulary } from "../api-types";
import { call, messageOf } from "../core/client";
import type { Json } from "../core/json";
import { Button, IconButton } from "../parts/button";
import { focusAdd } from "../parts/focus";
import { Select } from "../parts/field";
import { ConditionForm } from "./condition";
import { type Node, isCondition, newCondition, replacedChild } from "./tree";

export interface GroupProps {
  group: GroupNode;
  onChange: (group: GroupNode) => void;
  vocabulary: Vocabulary;
  sample: Json | undefined;
  /** Where the group is in the tree: `#/children/1`. */
  pointer: string;
  /** What the host says of each node, by pointer. */
  words: ReadonlyMap<string, NodeWordsShape>;
  faults: ReadonlyMap<string, string>;
  /** The numbers of the conditions that it is inside of: "2." of 2.1. */
  number: string;
}

export function Group(props: GroupProps): JSX.Element {
  const { group, onChange, vocabulary, number } = props;
  const [first] = vocabulary.fields;
  const list = useRef<HTMLOListElement>(null);
  const name = number === "" ? "the trigger" : `group ${number.slice(0, -1)}`;
  const add = (node: Node) => onChange({ ...group, children: [...group.children, node] });
  function remove(index: number): void {
    onChange(replacedChild(group, index, undefined));
    focusAdd(list.current);
  }
  return (
    <div class="group" role="group" aria-label={`Conditions of ${name}`}>
      <div class="group-head">
        <Select
          aria-label={`How the conditions of ${name} are joined`}
          value={group.operator}
          choices={vocabulary.groups.map((each) => ({ value: each.operator, label: each.label }))}
          onChange={(operator) => onChange({ ...group, operator })}
        />
        <span class="muted">the following conditions</span>
      </div>
      {group.children.length === 0 && <p class="field-fault">Add a condition: there is no trigger without one.</p>}
      <ol ref={list} class="group-children">
        {group.children.map((child, index) => (
          <li key={index} class="condition">
            {index > 0 && <span class="condition-join">{group.operator}</span>}
            <Child
              {...props}
              node={child}
              pointer={`${props.pointer}/children/${index}`}
              number={`${number}${index + 1}`}
              onReplace={(node) => onChange(replacedChild(group, index, node))}
              onRemove={() => remove(index)}
            />
          </li>
        ))}
        <li class="group-add">
          <Button look="quiet" icon="plus" onClick={() => first && add(newCondition(first))}>
            Add condition
          </Button>
          <Button
            look="quiet"
            icon="plus"
            onClick={() => first && add({ type: "group", operator: group.operator === "and" ? "or" : "and", children: [newCondition(first)] })}
          >
            Add group
          </Button>
        </li>
      </ol>
    </div>
  );
}

type ChildProps = Omit<GroupProps, "group" | "onChange"> & {
  node: Node;
  onReplace: (node: Node) => void;
  onRemove: () => void;
};

function Child(props: ChildProps): JSX.Element {
  const { node, pointer, number, onReplace, onRemove, faults, words } = props;
  const fault = faults.get(pointer) ?? faults.get(`${pointer}/name`) ?? faults.get(`${pointer}/value`);
  return (
    <div class="condition-row">
      <div class="condition-form">
        <div class="condition-inputs">
          <ChildForm {...props} />
        </div>
        <IconButton icon="close" label={`Remove condition ${number}`} onClick={onRemove} />
      </div>
      {fault && (
        <p class="field-fault" role="status">
          {fault}
        </p>
      )}
      {isCondition(node) && <Notes words={words.get(pointer)} onReplace={onReplace} />}
    </div>
  );
}

function ChildForm(props: ChildProps): JSX.Element {
  const { node, number, vocabulary, sample, onReplace, words, pointer } = props;
  if (node.type === "group") return <Group {...props} group={node} onChange={onReplace} number={`${number}.`} />;
  if (node.type === "not") {
    const child = node.child.type === "group" ? node.child : ({ type: "group", operator: "and", children: [node.child] } as GroupNode);
    return (
      <div class="group-not">
        <span class="condition-join">not</span>
        <Group
          {...props}
          group={child}
          pointer={node.child.type === "group" ? `${pointer}/child` : pointer}
          number={`${number}.`}
          onChange={(next) => onReplace({ type: "not", child: next })}
        />
      </div>
    );
  }
  if (node.type === "compare") return <TextForm text={words.get(pointer)?.text} label={`Condition ${number} as FQL`} onReplace={onReplace} />;
  return (
    <ConditionForm condition={node} vocabulary={vocabulary} sample={sample} label={`condition ${number}`} onChange={onReplace} />
  );
}

/** A condition that has no form of its own, such as one with a function: it is edited as FQL. */
function TextForm({ text, label, onReplace }: { text: string | undefined; label: string; onReplace: (node: Node) => void }): JSX.Element {
  const [typed, setTyped] = useState(text ?? "");
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    if (text !== undefined) setTyped(text);
  }, [text]);
  async function read(): Promise<void> {
    if (typed === text) return;
    try {
      const { tree } = await call("POST /api/triggers/parse", { body: { text: typed } });
      setFault(undefined);
      onReplace(tree.children.length === 1 && tree.children[0] ? tree.children[0] : tree);
    } catch (error) {
      setFault(messageOf(error));
    }
  }
  return (
    <div class="condition-text">
      <input
        type="text"
        class="code-input"
        aria-label={label}
        aria-invalid={fault !== undefined}
        value={typed}
        spellcheck={false}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onChange={() => void read()}
      />
      {fault && <p class="field-fault">{fault}</p>}
    </div>
  );
}

/** What the host notes about a condition, such as the events it leaves out; one click takes the other. */
function Notes({ words, onReplace }: { words: NodeWordsShape | undefined; onReplace: (node: Node) => void }): JSX.Element | null {
  if (!words || words.notes.length === 0) return null;
  return (
    <ul class="condition-notes">
      {words.notes.map((note) => (
        <li key={note.text}>
          {note.text}
          {note.alternative && (
            <Button look="quiet" title={note.alternative.text} onClick={() => note.alternative && onReplace(note.alternative.node)}>
              {note.alternative.label}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
