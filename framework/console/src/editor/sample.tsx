// The sample event that the mapping is tried with: the latest that match, one by its id, or one pasted.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call, messageOf } from "../core/client";
import { type JsonObject, isObject, parseJson, writeJson } from "../core/json";
import { useLoaded, useSettled } from "../core/loaded";
import { agoText } from "../core/texts";
import { Button } from "../parts/button";
import { Field, TextField } from "../parts/field";
import { ErrorNotice, Notice } from "../parts/notice";
import { Card } from "../parts/page";
import { asObject } from "./state";

export interface SampleProps {
  sample: JsonObject | undefined;
  onChange: (sample: JsonObject | undefined) => void;
  source: string;
  trigger: string;
}

export function Sample(props: SampleProps): JSX.Element {
  return (
    <Card title="Sample event">
      {props.trigger === "" ? (
        <Notice>Without a trigger, no event is selected. Search for one by its message ID, or paste one.</Notice>
      ) : (
        <LatestSamples {...props} />
      )}
      <SearchById {...props} />
      <EventText {...props} />
    </Card>
  );
}

const SHOWN = 10;

/** A list of the latest events that the trigger selects; the first is taken where there is no sample. */
function LatestSamples({ sample, onChange, source, trigger }: SampleProps): JSX.Element {
  const settled = useSettled(trigger, 300);
  const samples = useLoaded(`samples ${source} ${settled}`, (signal) =>
    call("POST /api/triggers/samples", { body: { trigger: settled, source, limit: SHOWN }, signal }),
  );
  const rows = samples.data?.rows ?? [];
  useEffect(() => {
    if (sample === undefined && rows[0]) onChange(asObject(rows[0].event));
  }, [samples.data]);
  if (samples.error) return <ErrorNotice error={samples.error} onRetry={samples.reload} />;
  if (samples.data && rows.length === 0)
    return <Notice>No stored event of {source} matches the trigger. Search for one by its message ID, or paste one.</Notice>;
  return (
    <Field label="Latest events that match">
      {(control) => (
        <select
          {...control}
          class="sample-select"
          value={String(sample?.["messageId"] ?? "")}
          onChange={(event) => {
            const row = rows.find((each) => each.message_id === event.currentTarget.value);
            if (row) onChange(asObject(row.event));
          }}
        >
          {!rows.some((each) => each.message_id === sample?.["messageId"]) && <option value={String(sample?.["messageId"] ?? "")}>Another event</option>}
          {rows.map((each) => (
            <option key={each.message_id} value={each.message_id}>
              {each.name || each.type}, {agoText(each.accepted_at)} ({each.message_id})
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Read a stored event by its message id; throws `ApiError`, or an error if it is no longer kept. */
export async function storedEvent(messageId: string): Promise<JsonObject> {
  const { events } = await call("GET /api/events/{message_id}", { path: { message_id: messageId } });
  const found = events.find((each) => each.event !== null)?.event;
  if (!isObject(found)) throw new Error(`The event ${messageId} itself is no longer kept.`);
  return found;
}

function SearchById({ onChange }: SampleProps): JSX.Element {
  const [id, setId] = useState("");
  const [fault, setFault] = useState<string>();
  async function search(event: Event): Promise<void> {
    event.preventDefault();
    try {
      onChange(await storedEvent(id.trim()));
      setFault(undefined);
      setId("");
    } catch (error) {
      setFault(messageOf(error));
    }
  }
  return (
    <form class="sample-search" onSubmit={(event) => void search(event)}>
      <TextField label="Search by message ID" value={id} onInput={setId} fault={fault} />
      <Button type="submit" icon="search" disabled={id.trim() === ""}>
        Search
      </Button>
    </form>
  );
}

/** The event as JSON, to read, to edit, and to paste another one. */
function EventText({ sample, onChange }: SampleProps): JSX.Element {
  const [text, setText] = useState("");
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    // What is being typed here stays as it is typed.
    if (writeJson(objectOf(text)) !== writeJson(sample)) {
      setText(sample === undefined ? "" : writeJson(sample, true));
      setFault(undefined);
    }
  }, [sample]);
  function read(typed: string): void {
    setText(typed);
    try {
      const value = parseJson(typed);
      setFault(isObject(value) ? undefined : "An event is a JSON object, as in {\"type\": \"track\"}.");
      if (isObject(value)) onChange(value);
    } catch (error) {
      setFault(`This is no JSON yet: ${messageOf(error)}`);
    }
  }
  return (
    <Field label="Event (edit it, or paste another)" fault={fault}>
      {(control) => (
        <textarea
          {...control}
          rows={8}
          class="code-input sample-text"
          value={text}
          spellcheck={false}
          onInput={(event) => read(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function objectOf(text: string): JsonObject | undefined {
  try {
    return asObject(parseJson(text));
  } catch {
    return undefined;
  }
}
