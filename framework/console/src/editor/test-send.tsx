// Sends the sample event to the partner for real, after asking, and shows the answer.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { ExchangeShape, TestSendShape } from "../api-types";
import { call } from "../core/client";
import type { JsonObject } from "../core/json";
import { Button } from "../parts/button";
import { Code } from "../parts/code";
import { Confirm } from "../parts/dialog";
import { Notice, type NoticeKind } from "../parts/notice";
import { bodyText } from "./preview";
import { type Candidate, asCandidateBody } from "./state";

export function TestSend({ candidate, sample, isSandbox }: { candidate: Candidate; sample: JsonObject; isSandbox: boolean }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const [sent, setSent] = useState<TestSendShape>();
  async function send(): Promise<void> {
    setSent(undefined);
    setSent(await call("POST /api/test-sends", { body: { candidate: asCandidateBody(candidate), event: sample, confirm: true } }));
  }
  return (
    <div class="stack test-send">
      <div>
        <Button icon="play" onClick={() => setAsking(true)}>
          Send test event
        </Button>
      </div>
      {sent && <Sent sent={sent} />}
      {isAsking && (
        <Confirm title="Send this event now?" action="Send it" onConfirm={send} onClose={() => setAsking(false)}>
          {isSandbox ? (
            <p>The request is sent to the emulator of {candidate.instance}. It bills nobody.</p>
          ) : (
            <p>
              The request is really sent to the partner of {candidate.instance}, with its credentials: what it bills or stores stays. It is
              not queued, not repeated, and not counted.
            </p>
          )}
        </Confirm>
      )}
    </div>
  );
}

const KINDS: Record<TestSendShape["outcome"], NoticeKind> = {
  delivered: "success",
  held: "warning",
  rejected: "error",
  retrying: "warning",
  unsent: "warning",
};

const TITLES: Record<TestSendShape["outcome"], string> = {
  delivered: "Delivered",
  held: "The instance would be held",
  rejected: "Rejected",
  retrying: "Failed; a delivery would be retried",
  unsent: "Not sent",
};

function Sent({ sent }: { sent: TestSendShape }): JSX.Element {
  return (
    <>
      <Notice kind={KINDS[sent.outcome]} title={TITLES[sent.outcome]}>
        <p>
          {sent.message || sent.reason} ({sent.seconds.toFixed(2)} s)
        </p>
      </Notice>
      {sent.exchange && <Exchange exchange={sent.exchange} />}
    </>
  );
}

/** A request and its answer as text; texts of the partner stay texts. */
export function Exchange({ exchange }: { exchange: ExchangeShape }): JSX.Element {
  return (
    <>
      <Code label="Request sent" text={`${exchange.method} ${exchange.url}\n\n${bodyText(exchange.request_body)}`} />
      <Code
        label="Answer"
        text={exchange.error ?? `${exchange.status ?? ""} ${exchange.reason ?? ""} after ${exchange.seconds.toFixed(3)} s\n\n${bodyText(exchange.response_body)}`}
      />
    </>
  );
}
