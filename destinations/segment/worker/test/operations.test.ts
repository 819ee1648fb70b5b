// What a destination does apart from delivering: credentials, choices in forms, hooks, audiences, deletion.
import assert from "node:assert/strict";
import { test } from "node:test";
import { json, type Partner, withHost } from "./host";

/** Answers by the end of the path. */
const by =
  (answers: Record<string, unknown>): Partner =>
  ({ url }) => {
    const found = Object.entries(answers).find(([path]) => new URL(url).pathname.endsWith(path));
    return found ? json(found[1]) : json({ message: "unknown" }, 404, "Not Found");
  };

const AUTH = { accessToken: "old", refreshToken: "long-lived" };

test("credentials that the partner takes are accepted, and others are told with its answer", async () => {
  const call = { op: "testAuthentication", destination: "klaviyo", settings: { api_key: "pk" } } as const;
  await withHost(by({ "/accounts/": { data: [] } }), async (host) => {
    assert.equal(await host.call(call), null);
    assert.deepEqual(host.requests[0]?.headers.find(([name]) => name.toLowerCase() === "authorization"), ["authorization", "Klaviyo-API-Key pk"]);
  });
  await withHost(() => json({}, 401, "Unauthorized"), async (host) => {
    assert.equal((await host.failure(call)).response?.status, 401);
  });
});

test("a token is refreshed with the client's credentials, which only this call gets", async () => {
  await withHost(by({ "/token": { access_token: "new" } }), async (host) => {
    const auth = { ...AUTH, clientId: "id", clientSecret: "secret" };
    assert.deepEqual(await host.call({ op: "refreshAccessToken", destination: "hubspot", settings: {}, auth }), { accessToken: "new" });
    assert.deepEqual(host.requests[0]?.body, { t: "refresh_token=long-lived&client_id=id&client_secret=secret&grant_type=refresh_token" });
  });
});

test("choices of a nested field come from the partner", async () => {
  const answers = { "/schemas": { results: [{ labels: { singular: "Car", plural: "Cars" }, fullyQualifiedName: "p1_car" }] } };
  await withHost(by(answers), async (host) => {
    const call = { op: "dynamicField", destination: "hubspot", action: "upsertObject", settings: {}, payload: {}, auth: AUTH } as const;
    const found = (await host.call({ ...call, field: "object_details.object_type" })) as { choices: { value: string; label: string }[] };
    assert.ok(found.choices.some(({ value }) => value === "p1_car"));
    const unknown = (await host.call({ ...call, field: "nothing" })) as { error: { code: string } };
    assert.equal(unknown.error.code, "404");
  });
});

test("a hook makes what its outputs name, which later calls read from the mapping", async () => {
  await withHost(by({ "/lists/": { data: { id: "list-9", attributes: { name: "Buyers" } } }, "/lists": { data: { id: "list-9", attributes: { name: "Buyers" } } } }), async (host) => {
    const hook = { op: "hook", destination: "klaviyo", action: "upsertProfile", hook: "retlOnMappingSave", settings: { api_key: "pk" } } as const;
    const result = (await host.call({ ...hook, hookInputs: { list_name: "Buyers" } })) as { savedData: { id: string } };
    assert.equal(result.savedData.id, "list-9");
  });
});

test("an audience is made at the partner, and looked up there", async () => {
  await withHost(by({ "/lists": { lists: [], listId: 77 } }), async (host) => {
    const call = { destination: "iterable-lists", settings: { apiKey: "k" } } as const;
    const made = await host.call({ ...call, op: "createAudience", audienceName: "Buyers", personas: { computation_key: "buyers" } });
    assert.deepEqual(made, { externalId: 77 });
    assert.deepEqual(host.requests.map(({ method }) => method), ["GET", "POST"]);
    assert.deepEqual(await host.call({ ...call, op: "getAudience", externalId: "77" }), { externalId: "77" });
  });
});

test("a person is deleted at the partner", async () => {
  await withHost(by({ "": {} }), async (host) => {
    const call = { op: "onDelete", destination: "amplitude", settings: { apiKey: "a", secretKey: "s" }, payload: { userId: "u1" } } as const;
    assert.equal(await host.call(call), null);
    assert.deepEqual(host.requests[0]?.body, { t: '{"user_ids":["u1"],"requester":"segment"}' });
  });
});
