// Runs the tests in Node.js's own runner, against the bundle as it is built: `node test/run.mjs [NAME...]`.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../node_modules/.tests");
const named = process.argv.slice(2).map((name) => `${name}.test.ts`);
const files = named.length ? named : readdirSync(here).filter((file) => file.endsWith(".test.ts"));

await esbuild.build({
  entryPoints: files.map((file) => join(here, file)),
  outdir: target,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
const compiled = files.map((file) => join(target, file.replace(/\.ts$/, ".mjs")));
const worker = join(here, "../../offramp_segment/_built/worker.cjs");
const { status } = spawnSync(process.execPath, ["--test", "--test-timeout=60000", "--test-reporter=spec", ...compiled], {
  stdio: "inherit",
  env: { ...process.env, OFFRAMP_SEGMENT_WORKER: worker },
});
process.exit(status ?? 1);
