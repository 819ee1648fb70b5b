// Bundles the console into the folder that the command names; see hatch_build.py.
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2];
const watching = process.argv.includes("--watch");

const options = {
  entryPoints: { app: join(here, "src/main.tsx") },
  outdir: target,
  bundle: true,
  minify: !watching,
  sourcemap: true,
  sourcesContent: watching,
  target: ["chrome120", "firefox120", "safari17.4"],
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "info",
};

await mkdir(target, { recursive: true });
await copyFile(join(here, "src/index.html"), join(target, "index.html"));
// Preact's licence asks that its notice travels with copies; the bundle has no comments.
const notice = await readFile(join(here, "node_modules/preact/LICENSE"), "utf8");
await writeFile(join(target, "LICENSES.txt"), `app.js contains Preact.\n\n${notice}`);

if (watching) {
  const context = await esbuild.context(options);
  await context.watch();
} else {
  await esbuild.build(options);
}
