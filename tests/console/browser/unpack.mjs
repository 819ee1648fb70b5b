// Unpacks Chromium, its fonts and the system libraries that a slim machine lacks, into TMPDIR.
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages are installed in the folder that is given, and not beside this file.
const require = createRequire(join(process.argv[2], "package.json"));
const main = require.resolve("@sparticuz/chromium");
const { default: chromium, inflate } = await import(pathToFileURL(main));
await chromium.executablePath();
await inflate(join(dirname(main), "..", "bin", "al2023.tar.br"));
