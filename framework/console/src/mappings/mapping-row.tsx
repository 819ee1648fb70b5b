// One mapping in the list: its switch, what it does, its counts, its menu.
import type { JSX } from "preact";
import type { StatusShape, SubscriptionShape } from "../api-types";
import { call, messageOf } from "../core/client";
import { mappingState, totalsOf } from "../core/instance-state";
import { goTo, hrefTo } from "../core/router";
import { sentence } from "../core/texts";
import type { Changes } from "../parts/changes";
import { Switch } from "../parts/field";
import { Menu } from "../parts/menu";
import { toast } from "../parts/notice";
import { Badge } from "../parts/page";
import { TotalsList } from "../parts/totals";
import { TriggerText } from "../trigger/trigger-text";
import { canRestore, restore } from "./restore";

export interface MappingRowProps {
  mapping: SubscriptionShape;
  /** The title of its action. */
  action: string;
  /** Triggers in words, by their texts. */
  words: ReadonlyMap<string, string>;
  status: StatusShape;
  changes: Changes;
  onRename: () => void;
  onChanged: () => void;
}

export function MappingRow(props: MappingRowProps): JSX.Element {
  const { mapping, action, words, status, changes, onChanged } = props;
  const { id, name, enabled, trigger, problem, built_in } = mapping;
  const state = mappingState(mapping);
  const editor = hrefTo("destinations", mapping.instance, "mappings", id);
  function turn(isOn: boolean): void {
    changes.start({
      title: `Disable ${name}?`,
      action: isOn ? `Enable ${name}` : `Disable ${name}`,
      async run(confirm) {
        if (isOn) await call("POST /api/subscriptions/{id}/enable", { path: { id } });
        else await call("POST /api/subscriptions/{id}/disable", { path: { id }, query: { confirm } });
        onChanged();
      },
    });
  }
  return (
    <li class="row mapping-row">
      {!built_in && <Switch label={`Enable ${name}`} isOn={enabled} onChange={turn} />}
      <div class="row-main">
        <div class="row-title">
          {built_in ? <span>{name}</span> : <a href={editor}>{name}</a>} {state && <Badge kind={state.kind}>{state.text}</Badge>}
          {built_in && <Badge>Built in</Badge>}
          {!enabled && <Badge>Disabled</Badge>}
        </div>
        <p class="muted">
          {action}{" "}
          {trigger === null ? <a href={editor}>without a trigger: select events to enable it</a> : <>when <TriggerText trigger={trigger} words={words} /></>}
        </p>
        {problem !== null && <p class="row-problem">{sentence(problem)}</p>}
      </div>
      <TotalsList totals={totalsOf(status, [id])} />
      <MappingMenu {...props} editor={editor} />
    </li>
  );
}

function MappingMenu({ mapping, changes, onRename, onChanged, editor }: MappingRowProps & { editor: string }): JSX.Element {
  const { id, name, paused } = mapping;
  async function duplicate(): Promise<void> {
    const { subscription } = await call("POST /api/subscriptions/{id}/duplicate", { path: { id }, body: undefined });
    toast(`${subscription.name} is created, disabled`);
    onChanged();
  }
  async function pauseOrResume(): Promise<void> {
    if (paused) await call("POST /api/subscriptions/{id}/resume", { path: { id } });
    else await call("POST /api/subscriptions/{id}/pause", { path: { id } });
    onChanged();
  }
  async function remove(confirm: boolean): Promise<void> {
    await call("DELETE /api/subscriptions/{id}", { path: { id }, query: { confirm } });
    const undo = { label: "Undo", run: () => void putBack() };
    toast(`${name} is deleted`, "success", canRestore(mapping) ? undo : undefined);
    onChanged();
  }
  async function putBack(): Promise<void> {
    try {
      await restore(mapping);
      toast(`${name} is restored`, "info");
    } catch (error) {
      toast(`${name} could not be restored: ${messageOf(error)}`, "error");
    }
    onChanged();
  }
  const deletion = {
    title: `Delete ${name}?`,
    action: "Delete",
    isDangerous: true,
    question: <p>Events are not sent through this mapping any more. What it has delivered stays on record.</p>,
    run: remove,
  };
  const switching = {
    label: paused ? "Resume" : "Pause",
    icon: paused ? "play" : "pause",
    onChoose: () => changes.start({ title: "", action: paused ? `Resume ${name}` : `Pause ${name}`, run: pauseOrResume }),
  } as const;
  if (mapping.built_in) return <Menu label={`More about ${name}`} items={[switching]} />;
  return (
    <Menu
      label={`More about ${name}`}
      items={[
        { label: "Edit Mapping", icon: "edit", onChoose: () => goTo(editor) },
        { label: "Duplicate", icon: "copy", onChoose: () => changes.start({ title: "", action: `Duplicate ${name}`, run: duplicate }) },
        { label: "Rename", icon: "rename", onChoose: onRename },
        switching,
        { label: "Delete", icon: "trash", isDangerous: true, onChoose: () => changes.start(deletion) },
      ]}
    />
  );
}
