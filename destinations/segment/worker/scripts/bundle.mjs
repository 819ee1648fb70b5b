// Bundles the worker with all destinations into one file, without the packages whose licence is unstated.
import { join } from "node:path";
import * as esbuild from "esbuild";
import { UNSTATED } from "./licences.mjs";
import { destinations, engine, entryOf, here, versionOf } from "./tree.mjs";

/** Loads of these fail at run time, where their users expect it: compiled code, which no bundle can hold. */
const COMPILED = ["cpu-features", "*.node"];

/** Write `worker.cjs`; return what went into it, by path: esbuild's `inputs`. */
export async function bundle(target) {
  const { metafile } = await esbuild.build({
    absWorkingDir: here,
    entryPoints: { worker: "src/main.ts" },
    outdir: target,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    mainFields: ["main", "module"],
    // Only that: names and expressions are in the messages of JavaScript's own errors.
    minifyWhitespace: true,
    // An error is told by the name of its class.
    keepNames: true,
    legalComments: "none",
    external: COMPILED,
    plugins: [replacements],
    metafile: true,
    logLevel: "warning",
  });
  return metafile.inputs;
}

const replacements = {
  name: "replacements",
  setup(build) {
    build.onResolve({ filter: /^cross-fetch$/ }, () => ({ path: join(here, "src/fetch.ts") }));
    // Imported and required it would be two, each with its own classes of errors.
    build.onResolve({ filter: /^@segment\/actions-core$/ }, () => ({ path: engine }));
    build.onResolve({ filter: /^offramp:destinations$/ }, ({ path }) => ({ path, namespace: "offramp" }));
    build.onLoad({ filter: /.*/, namespace: "offramp" }, () => ({ contents: registry(), resolveDir: here }));
    build.onResolve({ filter: /^[^./]/ }, ({ path, resolveDir }) => {
      const name = path.split("/", path.startsWith("@") ? 2 : 1).join("/");
      return UNSTATED.has(name) && resolveDir ? { path: name, namespace: "unstated" } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "unstated" }, ({ path }) => ({ contents: missing(path) }));
  },
};

function registry() {
  const lines = destinations.map(({ directory }) => `${JSON.stringify(directory)}: () => require(${JSON.stringify(entryOf(directory))}),`);
  const version = JSON.stringify(versionOf("@segment/action-destinations"));
  return `export const version = ${version};\nexport const destinations = {\n${lines.join("\n")}\n};`;
}

/** What takes the place of a package without a stated licence: whatever is used of it throws. */
function missing(name) {
  const text = JSON.stringify(`${name} is left out of this bundle, as its licence is not stated`);
  return `module.exports = new Proxy({}, { get(_, key) { if (key === "__esModule") return true; return () => { throw new Error(${text}); }; } });`;
}
