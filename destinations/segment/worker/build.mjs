// Builds the Python package's part that is no Python, from the packages that the lock pins, into a new folder that the
// command names; see build_worker.py.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./scripts/bundle.mjs";
import { describe, summarize } from "./scripts/definitions.mjs";
import { needsOf } from "./scripts/needs.mjs";
import { notice } from "./scripts/notice.mjs";
import { destinations, versionOf } from "./scripts/tree.mjs";

const target = process.argv[2];

await mkdir(join(target, "definitions"), { recursive: true });

const inputs = await bundle(target);
await writeFile(join(target, "NOTICE"), await notice(inputs));

const index = [];
for (const { id, directory, definition } of destinations) {
  const needs = await needsOf(directory, inputs);
  const described = describe(id, directory, definition, needs);
  await writeFile(join(target, "definitions", `${directory}.json`), JSON.stringify(described));
  index.push(summarize(described));
}
const versions = { version: versionOf("@segment/action-destinations"), core: versionOf("@segment/actions-core") };
await writeFile(join(target, "index.json"), JSON.stringify({ ...versions, destinations: index }));
