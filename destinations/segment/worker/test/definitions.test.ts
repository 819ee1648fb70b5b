// The files that the build writes: complete, and in the shapes that messages.ts gives.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { Definition, Index } from "../src/messages";
import { built, withHost } from "./host";

const index = JSON.parse(readFileSync(built("index.json"), "utf8")) as Index;
const definitionOf = (directory: string): Definition => JSON.parse(readFileSync(built(`definitions/${directory}.json`), "utf8")) as Definition;

test("every registered destination has a file, and every file an entry", () => {
  assert.equal(index.destinations.length, 214);
  const files = readdirSync(built("definitions"));
  assert.deepEqual(files.sort(), index.destinations.map(({ directory }) => `${directory}.json`).sort());
  assert.equal(index.destinations.reduce((sum, { actions }) => sum + Object.keys(actions).length, 0), 601);
  assert.equal(new Set(index.destinations.map(({ slug }) => slug)).size, 214);
});

test("every destination loads from the bundle", async () => {
  await withHost(() => null, async (host) => {
    for (const { directory } of index.destinations) assert.equal(await host.call({ op: "load", destination: directory }), null, directory);
  });
});

test("what destinations need is read from their code", () => {
  const needs = Object.fromEntries(index.destinations.map((each) => [each.directory, each.needs]));
  const own = index.destinations.filter((each) => each.needs.own_network).map(({ directory }) => directory);
  assert.deepEqual(own, ["acoustic-s3tc", "amazon-eventbridge", "aws-kinesis", "aws-s3", "kafka", "liveramp-audiences", "s3", "sftp", "the-trade-desk-crm"]);
  assert.deepEqual(needs["salesforce"]?.environment, ["SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"]);
  assert.match(needs["segment-profiles"]?.segment ?? "", /Segment's profiles/);
  assert.deepEqual(index.destinations.filter((each) => each.needs.packages.length), []);
});

test("functions are written by their places", () => {
  const hubspot = definitionOf("hubspot");
  assert.equal(hubspot.authentication.refreshAccessToken, true);
  assert.ok(hubspot.actions["upsertObject"]?.dynamicFields.includes("object_details.object_type"));
  const hooks = definitionOf("klaviyo").actions;
  assert.ok(Object.values(hooks).some(({ performBatch }) => performBatch));
  assert.ok(Object.keys(definitionOf("google-enhanced-conversions").actions["userList"]?.hooks ?? {}).includes("retlOnMappingSave"));
});

test("the notice names each package in the bundle with its licence, and none without one", () => {
  const notice = readFileSync(built("NOTICE"), "utf8");
  assert.match(notice, /^@segment\/action-destinations 3\.497\.0\nLicence: MIT$/m);
  assert.match(notice, /^aws4 .*\nLicence: MIT$/m);
  assert.doesNotMatch(notice, /fql-ts|Licence: null/);
});
