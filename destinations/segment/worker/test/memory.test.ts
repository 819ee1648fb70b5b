// A worker runs for months: what a call used is free after it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemoryUse } from "../src/messages";
import { type Host, json, withHost } from "./host";

/** Calls of one kind, of which half are before the first measurement. */
const CALLS = 20_000;
const AT_ONCE = 100;
/** What the heap may vary by between two collections; 10,000 calls that each left 200 bytes are more. */
const TOLERANCE_BYTES = 1_500_000;

async function perform(host: Host, count: number): Promise<void> {
  const call = {
    op: "perform",
    destination: "slack",
    action: "postToChannel",
    settings: {},
    instance: "alerts",
    mapping: {},
    payload: { url: "https://hooks.slack.com/x", text: "hello" },
    rawData: { type: "track", event: "Signed up", properties: { text: "x".repeat(500) } },
  } as const;
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => host.call(call).catch(() => undefined)));
    host.requests.length = host.said.length = 0;
  }
}

async function measure(host: Host): Promise<MemoryUse> {
  return (await host.call({ op: "memory", destination: "" })) as unknown as MemoryUse;
}

test("the heap is flat over 20,000 performs, of which one in ten fails", { timeout: 60_000 }, async () => {
  let answers = 0;
  const partner = () => (++answers % 10 ? json({ ok: true }) : json({ error: "no" }, 400, "Bad Request"));
  await withHost(partner, async (host) => {
    await perform(host, CALLS / 2);
    const before = await measure(host);
    await perform(host, CALLS / 2);
    const after = await measure(host);
    assert.equal(answers, CALLS);
    assert.ok(after.heapUsed - before.heapUsed < TOLERANCE_BYTES, `the heap grew from ${before.heapUsed} to ${after.heapUsed} bytes`);
    assert.deepEqual([after.calls, after.fetches], [0, 0]);
  });
});
