// Sends a test event to a source from its page, and follows it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { EventBody } from "../api-types";
import { messageOf } from "../core/client";
import { isObject, parseJson } from "../core/json";
import { EventRecord } from "../events/event-record";
import { useTestEvent } from "../events/test-event";
import { Button } from "../parts/button";
import { Field } from "../parts/field";
import { ErrorNotice } from "../parts/notice";
import { Card } from "../parts/page";

export function TestEventCard({ source }: { source: string }): JSX.Element {
  const { send, id, error, isBusy } = useTestEvent(source, () => undefined);
  const [text, setText] = useState("");
  const [fault, setFault] = useState<string>();
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    try {
      await send(text.trim() === "" ? undefined : eventOf(text));
      setFault(undefined);
    } catch (caught) {
      setFault(messageOf(caught));
    }
  }
  return (
    <Card title="Test event">
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <Field
          label="Event"
          description="JSON as an SDK sends it; the host has a track call of its own if this is left empty. Enabled mappings really deliver it."
          fault={fault}
        >
          {(control) => (
            <textarea
              {...control}
              rows={3}
              class="code-input"
              value={text}
              placeholder={'{"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {}}'}
              spellcheck={false}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
        </Field>
        <div>
          <Button type="submit" icon="play" isBusy={isBusy}>
            Send the event
          </Button>
        </div>
        {error !== undefined && <ErrorNotice error={error} title="It was not accepted" />}
        {id !== undefined && <EventRecord id={id} />}
      </form>
    </Card>
  );
}

function eventOf(text: string): EventBody {
  const value = parseJson(text);
  if (!isObject(value)) throw new Error("An event is a JSON object.");
  return value as EventBody;
}
