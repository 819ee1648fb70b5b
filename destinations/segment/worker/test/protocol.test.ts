// What the host and the worker say to each other, seen from the host.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { BatchResult, Index } from "../src/messages";
import { built, Host, json, withHost } from "./host";

const { version } = JSON.parse(readFileSync(built("index.json"), "utf8")) as Index;

const SLACK = {
  op: "perform",
  destination: "slack",
  action: "postToChannel",
  settings: {},
  instance: "alerts",
  mapping: {},
  payload: { url: "https://hooks.slack.com/x", text: "naïve" },
  rawData: { type: "track", event: "Signed up" },
} as const;

const BRAZE = {
  op: "performBatch",
  destination: "braze",
  action: "trackEvent",
  settings: { api_key: "k", app_id: "a", endpoint: "https://rest.braze.example" },
  instance: "braze",
  mapping: {},
  payload: ["b1", "b2", "b3"].map((external_id) => ({ external_id, name: "Order", time: "2026-11-30T06:00:00Z" })),
  rawData: ["b1", "b2", "b3"].map((userId) => ({ type: "track", userId })),
} as const;

test("the first answer says that the worker is ready, and with what", async () => {
  await withHost(() => null, async (host) => {
    assert.deepEqual(await host.ready, { ready: true, node: process.version, version });
  });
});

test("a request is the host's to send, with its body as text", async () => {
  await withHost(() => json({ ok: true }), async (host) => {
    assert.equal(await host.call(SLACK), null);
    const [request] = host.requests;
    assert.deepEqual(request, {
      fetch: 1,
      call: 1,
      method: "POST",
      url: "https://hooks.slack.com/x",
      headers: [["user-agent", "Segment (Actions)"], ["content-type", "application/json"]],
      body: { t: '{"text":"naïve"}' },
    });
  });
});

test("a response that is an error is told with its status, its headers and its body", async () => {
  const busy = { status: 429, reason: "Too Many Requests", url: "", headers: [["retry-after", "7"]] as [string, string][], t: "slow down" };
  await withHost(() => busy, async (host) => {
    const error = await host.failure(SLACK);
    assert.equal(error.kind, "HTTPError");
    assert.equal(error.response?.status, 429);
    assert.equal(error.response?.headers["retry-after"], "7");
    assert.equal(error.response?.body, "slow down");
  });
});

test("a failure of the network is told with the number of the request, under which the host knows why", async () => {
  await withHost(() => ({ error: { message: "connect refused", code: "ECONNREFUSED" } }), async (host) => {
    const error = await host.failure(SLACK);
    assert.equal(error.kind, "FetchError");
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.fetch, 1);
  });
});

test("a payload that the destination refuses is told by the class of the error", async () => {
  await withHost(() => json({}), async (host) => {
    const error = await host.failure({ ...SLACK, destination: "braze", action: "trackEvent", settings: BRAZE.settings, payload: { name: "x", time: "2026-01-01" } });
    assert.equal(error.status, 400);
    assert.match(error.message, /external_id|must/);
    assert.equal(host.requests.length, 0);
  });
});

test("a batch with one answer for each event has one outcome for each", async () => {
  const answer = json({ message: "success", errors: [{ type: "unknown", input_array: "events", index: 1 }] }, 201, "Created");
  await withHost(() => answer, async (host) => {
    const result = (await host.call(BRAZE)) as unknown as BatchResult;
    assert.equal(result.whole, false);
    assert.equal(result.outcomes[0], null);
    assert.equal(result.outcomes[1]?.status, 400);
    assert.equal(result.outcomes[2], null);
    assert.equal(host.requests.length, 1);
  });
});

test("a batch with one answer for all of them is delivered as a whole", async () => {
  await withHost(() => json({}), async (host) => {
    const payload = [{ url: "https://partner.example/", method: "POST", data: { n: 1 } }, { url: "https://partner.example/", method: "POST", data: { n: 2 } }];
    const call = { ...BRAZE, destination: "webhook", action: "send", settings: {}, payload, rawData: payload } as const;
    assert.deepEqual(await host.call(call), { whole: true, outcomes: [null, null] });
    assert.deepEqual(host.requests[0]?.body, { t: '[{"n":1},{"n":2}]' });
  });
});

test("a cancelled call takes its requests back, and those after it fail at once", async () => {
  await withHost(() => null, async (host) => {
    const failed = assert.rejects(host.call(SLACK), /aborted/);
    await host.next((message) => "fetch" in message);
    host.say({ cancel: host.lastCall });
    assert.deepEqual(await host.next((message) => "abort" in message), { abort: 1 });
    await failed;
  });
});

test("a ping is answered while calls wait for their partners", async () => {
  await withHost(() => null, async (host) => {
    void host.call(SLACK).catch(() => undefined);
    await host.next((message) => "fetch" in message);
    host.say({ ping: 5 });
    assert.deepEqual(await host.next((message) => "pong" in message), { pong: 5 });
  });
});

test("credentials of the first message reach the destination, and are in no environment and in no argument", async () => {
  const environment = { ACTIONS_APOLLOIO_HEADER_SECRET: "first-message-only", BRAZE_COHORTS_PARTNER_API_KEY_US: "partner-key" };
  await withHost(() => json({}), async (host) => {
    const payload = { cohort_name: "big", cohort_id: "c1", personas_audience_key: "big", external_id: "u1", event_properties: { big: true }, time: "2026-11-30T00:00:00Z" };
    const settings = { client_secret: "s", endpoint: "https://rest.iad-01.braze.example" };
    await host.call({ ...SLACK, destination: "braze-cohorts", action: "syncAudiences", settings, payload });
    assert.match(JSON.stringify(host.requests[0]?.body), /partner-key/);
    assert.ok(!host.process.spawnargs.join(" ").includes("partner-key"));
  }, { environment });
});

test("what a destination keeps between calls is kept for each instance", async () => {
  await withHost(() => json({}), async (host) => {
    const payload = { cohort_name: "big", cohort_id: "c1", personas_audience_key: "big", external_id: "u1", event_properties: { big: true }, time: "2026-11-30T00:00:00Z" };
    const call = { ...SLACK, destination: "braze-cohorts", action: "syncAudiences", settings: { client_secret: "s", endpoint: "https://rest.braze.example" }, payload } as const;
    const paths = async (instance: string): Promise<string[]> => {
      host.requests.length = 0;
      await host.call({ ...call, instance });
      return host.requests.map(({ url }) => new URL(url).pathname);
    };
    const both = ["/partners/segment/cohorts", "/partners/segment/cohorts/users"];
    assert.deepEqual(await paths("one"), both);
    assert.deepEqual(await paths("one"), both.slice(1));
    assert.deepEqual(await paths("two"), both);
  });
});

test("a destination or an action that is not in the bundle is refused by name", async () => {
  await withHost(() => null, async (host) => {
    const error = await host.failure({ ...SLACK, destination: "nowhere" });
    assert.deepEqual([error.kind, error.message], ["WorkerError", 'there is no destination "nowhere" in this bundle']);
    assert.equal((await host.failure({ ...SLACK, action: "nothing" })).message, 'there is no action "nothing" in slack');
  });
});

test("the worker ends with the host's side of the channel", async () => {
  const host = new Host(() => null);
  await host.ready;
  assert.equal(await host.close(), 0);
});

test("a line that is no message ends the worker, which says so", async () => {
  const host = new Host(() => null);
  await host.ready;
  let errors = "";
  host.process.stderr?.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  host.write("{nonsense");
  assert.equal(await host.ended, 3);
  assert.match(errors, /no message/);
});
