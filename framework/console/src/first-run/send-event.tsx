// Sends events from the page or from code, and follows one to its end.
import type { JSX } from "preact";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { Button } from "../parts/button";
import { JsonCode } from "../parts/code";
import { ErrorNotice, Notice } from "../parts/notice";
import { EventRecord } from "../events/event-record";
import { useTestEvent } from "../events/test-event";
import { Snippets } from "../sources/snippets";
import { type StepProps, nextStep } from "./progress";

export function SendEvent({ progress, onChanged }: StepProps): JSX.Element {
  const source = progress.instances[0]?.source ?? progress.status.sources[0]?.name;
  const { send, error, isBusy } = useTestEvent(source, onChanged);
  return (
    <div class="stack">
      <p>Send it from your code with one of Segment’s SDKs. This page notices when it has arrived.</p>
      {source && <Snippets source={source} />}
      <p>Or let the host send a test event to itself, exactly as an SDK would:</p>
      <div>
        <Button look="primary" icon="play" isBusy={isBusy} onClick={() => void send()}>
          Send a test event
        </Button>
      </div>
      {error !== undefined && <ErrorNotice error={error} />}
    </div>
  );
}

export function FirstDelivery({ progress, onChanged, onFinished }: StepProps): JSX.Element {
  const enabled = progress.status.subscriptions.find((each) => each.enabled);
  const instance = progress.instances.find((each) => each.name === enabled?.instance) ?? progress.instances[0];
  const { send, id, error, isBusy } = useTestEvent(instance?.source, onChanged);
  const isDelivered = nextStep(progress) === undefined;
  return (
    <div class="stack">
      {isDelivered ? (
        <Notice kind="success" title="The first event is delivered">
          <p>From now on each event that the mapping selects is delivered, and none that was accepted is lost.</p>
        </Notice>
      ) : (
        <p>The mapping is enabled: the next event that its trigger selects is delivered.</p>
      )}
      <div class="button-row">
        <Button look={isDelivered ? "secondary" : "primary"} icon="play" isBusy={isBusy} onClick={() => void send()}>
          Send a test event
        </Button>
        {isDelivered && (
          <Button look="primary" onClick={onFinished}>
            Go to the overview
          </Button>
        )}
      </div>
      {error !== undefined && <ErrorNotice error={error} />}
      {id !== undefined && <EventRecord id={id} />}
      {id !== undefined && instance?.sandbox && <ReceivedBySandbox destination={instance.destination} />}
    </div>
  );
}

const REFRESH_MS = 1_500;

/** What the emulator has of the latest event, as the partner would see it. */
function ReceivedBySandbox({ destination }: { destination: string }): JSX.Element | null {
  const received = useLoaded(
    `received ${destination}`,
    (signal) => call("GET /api/sandboxes/{slug}/received", { path: { slug: destination }, query: { limit: 1 }, signal }),
    REFRESH_MS,
  );
  const [latest] = received.data?.received ?? [];
  if (latest === undefined) return null;
  return (
    <div>
      <p>The emulator has received:</p>
      <JsonCode value={latest} label="What the emulator received" />
    </div>
  );
}
