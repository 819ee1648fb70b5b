// Tests the saved credentials with a request to the partner.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { TestAnswer } from "../api-types";
import { call } from "../core/client";
import { sentence } from "../core/texts";
import { Button } from "../parts/button";
import { ErrorNotice, Notice, type NoticeKind } from "../parts/notice";
import { Card } from "../parts/page";

const RESULTS: Record<TestAnswer["result"], { kind: NoticeKind; title: string }> = {
  good: { kind: "success", title: "The connection works" },
  bad: { kind: "error", title: "The credentials are refused" },
  unknown: { kind: "warning", title: "The test gave no answer about the credentials" },
};

export function ConnectionTest({
  instance,
  isTestable,
  whyNot,
}: {
  instance: string;
  isTestable: boolean;
  /** What has to be done before the credentials can be tested. */
  whyNot: string | undefined;
}): JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<TestAnswer>();
  const [error, setError] = useState<unknown>();
  async function test(): Promise<void> {
    setBusy(true);
    setAnswer(undefined);
    setError(undefined);
    try {
      setAnswer(await call("POST /api/instances/{name}/test", { path: { name: instance } }));
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  if (!isTestable)
    return (
      <Card title="Connection">
        <p class="muted">This destination declares no test of its credentials: the first delivery shows whether they are good.</p>
      </Card>
    );
  return (
    <Card title="Connection">
      <p class="muted">{whyNot ?? "Ask the partner whether it accepts the saved credentials. No event is sent."}</p>
      {answer && whyNot === undefined && (
        <Notice kind={RESULTS[answer.result].kind} title={RESULTS[answer.result].title}>
          <p>{sentence(answer.message)}</p>
        </Notice>
      )}
      {error !== undefined && <ErrorNotice error={error} title="The test did not run" />}
      <div class="form-actions">
        <Button isBusy={isBusy} disabled={whyNot !== undefined} onClick={() => void test()}>
          Test connection
        </Button>
      </div>
    </Card>
  );
}
