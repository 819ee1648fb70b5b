// The installed packages: where they are, and what Segment's package registers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(join(here, "package.json"));

/** The version of an installed package. */
export function versionOf(name) {
  return JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8")).version;
}

/** All registered destinations in the order of their directories: `{id, directory, definition}`. */
export const destinations = Object.entries(require("@segment/action-destinations").manifest)
  .map(([id, { directory, definition }]) => ({ id, directory, definition }))
  .sort((one, other) => (one.directory < other.directory ? -1 : 1));

/** The file from which a destination is loaded. */
export function entryOf(directory) {
  return require.resolve(`@segment/action-destinations/dist/destinations/${directory}/index.js`);
}

/** The file of Segment's engine that the destinations load. */
export const engine = require.resolve("@segment/actions-core");
