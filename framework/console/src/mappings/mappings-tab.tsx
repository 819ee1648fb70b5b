// The Mappings tab of an instance: what is sent for which events, what becomes of it, and how to change that.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DestinationShape, InstanceAnswer, StatusShape, SubscriptionShape } from "../api-types";
import { call } from "../core/client";
import { keysOf } from "../core/faults";
import { useLoaded } from "../core/loaded";
import { useTriggerWords } from "../core/trigger-words";
import { Button } from "../parts/button";
import { useChanges } from "../parts/changes";
import { Notice } from "../parts/notice";
import { Empty, Loading } from "../parts/page";
import { Prose } from "../parts/prose";
import { MappingRow } from "./mapping-row";
import { NewMapping } from "./new-mapping";
import { RenameMapping } from "./rename-mapping";

export interface MappingsTabProps {
  answer: InstanceAnswer;
  destination: DestinationShape;
  status: StatusShape;
  onChanged: () => void;
}

export function MappingsTab({ answer, destination, status, onChanged }: MappingsTabProps): JSX.Element {
  const { instance, revision } = answer;
  // The list is read again whenever the configuration has changed.
  const list = useLoaded(`mappings ${instance.name}`, (signal) =>
    call("GET /api/subscriptions", { query: { instance: instance.name }, signal }),
  );
  useEffect(() => {
    if (list.data && list.data.revision !== revision) list.reload();
  }, [revision]);
  const [isChoosing, setChoosing] = useState(false);
  const [renamed, setRenamed] = useState<SubscriptionShape>();
  const changes = useChanges();
  const mappings = list.data?.subscriptions ?? [];
  const words = useTriggerWords(mappings.map((each) => each.trigger));
  const section = useRef<HTMLElement>(null);
  useFocusKept(section, mappings);
  function changed(): void {
    list.reload();
    onChanged();
  }
  const add = (
    <Button look="primary" icon="plus" onClick={() => setChoosing(true)}>
      New Mapping
    </Button>
  );
  return (
    <section ref={section} aria-label="Mappings">
      <div class="tab-header">
        <p class="muted">
          Each mapping says which events are sent, and what is made of them. Counts are of the last 24 hours; what waits, waits now.
        </p>
        {add}
      </div>
      {changes.view}
      <Loading of={list}>
        {() => (
          <>
            <Warnings answer={answer} mappings={mappings} />
            {mappings.length === 0 ? (
              <Empty title="There is no mapping yet">
                <p>Nothing is sent to {instance.name}. Make a mapping from an action or a preset.</p>
              </Empty>
            ) : (
              <ul class="rows mappings" aria-label="Mappings">
                {mappings.map((each) => (
                  <MappingRow
                    key={each.id}
                    mapping={each}
                    action={destination.actions.find((action) => action.slug === each.action)?.title ?? each.action}
                    words={words}
                    status={status}
                    changes={changes}
                    onRename={() => setRenamed(each)}
                    onChanged={changed}
                  />
                ))}
              </ul>
            )}
          </>
        )}
      </Loading>
      {isChoosing && <NewMapping instance={instance.name} destination={destination} onClose={() => setChoosing(false)} />}
      {renamed && <RenameMapping mapping={renamed} onRenamed={changed} onClose={() => setRenamed(undefined)} />}
    </section>
  );
}

/** Where the control that had the focus is gone with its row, the next row gets it. */
function useFocusKept(section: { current: HTMLElement | null }, mappings: SubscriptionShape[]): void {
  const at = useRef(-1);
  useEffect(() => {
    const note = () => {
      const row = document.activeElement?.closest(".mapping-row");
      const rows = [...(section.current?.querySelectorAll(".mapping-row") ?? [])];
      if (row && rows.includes(row)) at.current = rows.indexOf(row);
      else if (document.activeElement !== document.body && !document.activeElement?.closest("dialog")) at.current = -1;
    };
    addEventListener("focusin", note);
    return () => removeEventListener("focusin", note);
  }, [section]);
  useEffect(() => {
    if (document.activeElement !== document.body || at.current < 0) return;
    const rows = section.current?.querySelectorAll<HTMLElement>(".mapping-row a") ?? [];
    (rows[Math.min(at.current, rows.length - 1)] ?? section.current?.querySelector<HTMLElement>(".tab-header button"))?.focus();
  }, [mappings.length]);
}

/** What the host finds hardly meant, each with the mapping that it is about. */
function Warnings({ answer, mappings }: { answer: InstanceAnswer; mappings: SubscriptionShape[] }): JSX.Element | null {
  const named = answer.warnings.flatMap((each) => {
    const [list, index] = keysOf(each.pointer ?? "#");
    const mapping = list === "subscriptions" ? mappings[Number(index)] : undefined;
    return mapping?.enabled ? [{ name: mapping.name, detail: each.detail }] : [];
  });
  if (named.length === 0) return null;
  return (
    <Notice kind="warning">
      <ul>
        {named.map((each) => (
          <li key={each.name + each.detail}>
            <strong>{each.name}</strong> <Prose text={each.detail} />
          </li>
        ))}
      </ul>
    </Notice>
  );
}
