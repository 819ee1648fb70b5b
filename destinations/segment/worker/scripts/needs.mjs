// Finds what a destination needs that an operator may not have: read from the code that it loads, and from two tables.
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { folderOf, UNSTATED } from "./licences.mjs";
import { entryOf, here } from "./tree.mjs";

const ENGINE = "node_modules/@segment/actions-core";
const DESTINATIONS = "node_modules/@segment/action-destinations";
/** Packages that open sockets themselves. */
const CLIENTS = /^node_modules\/(@aws-sdk\/client-[^/]+|kafkajs|ssh2-sftp-client)$/;
const VARIABLE = /process(?:_\d)?\.env(?:\.([A-Za-z_]\w*)|\[["'](\w+)["']\])/g;
/** Of the process and of Segment's own services: no credentials that an operator could bring. */
const NOT_FOR_OPERATORS = new Set(["NODE_ENV", "ACTIONS_MEMORA_ENV"]);

/** Destinations that use a service to which only Segment has access. */
const SEGMENT_ONLY = {
  segment: "It sends events back into Segment's own pipeline.",
  "segment-profiles": "It writes to Segment's profiles.",
  "engage-messaging-sendgrid": "It sends messages of Segment's Engage, whose profiles and templates only Segment has.",
  "engage-messaging-twilio": "It sends messages of Segment's Engage, whose profiles and templates only Segment has.",
  "twilio-messaging-omnichannel": "It sends messages of Segment's Engage, whose profiles and templates only Segment has.",
  memora: "It writes to a service inside Twilio.",
  "memora-internal": "It writes to a service inside Twilio.",
};

/** The needs of a destination; `inputs` are esbuild's, of the bundle. */
export async function needsOf(directory, inputs) {
  const files = reached(relative(here, entryOf(directory)), inputs);
  const folders = new Set(files.map(folderOf));
  const environment = new Set();
  for (const file of files.filter((each) => folderOf(each) === DESTINATIONS)) {
    const text = await readFile(join(here, file), "utf8");
    for (const [, plain, quoted] of text.matchAll(VARIABLE)) environment.add(plain ?? quoted);
  }
  return {
    environment: [...environment].filter((name) => !NOT_FOR_OPERATORS.has(name)).sort(),
    own_network: [...folders].some((folder) => CLIENTS.test(folder ?? "")),
    segment: SEGMENT_ONLY[directory] ?? null,
    packages: files.map((file) => file.replace(/^unstated:/, "")).filter((name) => UNSTATED.has(name)),
  };
}

/** The files that a file loads, apart from what only the engine loads: it checks triggers, and here the host does. */
function reached(entry, inputs) {
  const found = new Set([entry]);
  for (const file of found) {
    for (const { path } of inputs[file]?.imports ?? []) {
      if (folderOf(path) !== ENGINE) found.add(path);
    }
  }
  return [...found];
}
