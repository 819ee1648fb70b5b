// Which package a file belongs to, and under which licence that is.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { here } from "./tree.mjs";

const MODULES = "node_modules/";
const TEXT_FILE = /^(un)?(licen[cs]e|copying|notice)/i;

/** The folder of the package that a file of the tree belongs to, below `here`; null for our own files. */
export function folderOf(file) {
  const at = file.lastIndexOf(MODULES);
  if (at < 0) return null;
  const [scope, name] = file.slice(at + MODULES.length).split("/");
  return file.slice(0, at + MODULES.length) + (scope.startsWith("@") ? `${scope}/${name}` : scope);
}

/** What a package says of itself: name, version, licence (null where unstated), author, and the texts of its licence files. */
export function describePackage(folder) {
  const { name, version, license, licenses, author } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  const texts = readdirSync(join(here, folder))
    .filter((file) => TEXT_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(here, folder, file), "utf8").trim());
  return { name, version, licence: stated(license) ?? stated(licenses), author: author?.name ?? author ?? null, texts };
}

/** A licence as an expression of SPDX, from any of the shapes that package.json has had for it. */
function stated(licence) {
  if (!licence) return null;
  if (Array.isArray(licence)) return licence.map(stated).filter(Boolean).join(" OR ") || null;
  return typeof licence === "string" ? licence : (licence.type ?? null);
}

/** Names of the installed packages that may not be passed on: they state no licence, in words or in a file. */
export const UNSTATED = new Set(
  installed().filter((folder) => {
    const { licence, texts } = describePackage(folder);
    return !licence && !texts.length;
  }).map((folder) => folder.slice(folder.lastIndexOf(MODULES) + MODULES.length)),
);

function installed() {
  const { packages } = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
  // Optional ones of other platforms are locked and not installed.
  return Object.keys(packages).filter((folder) => folder && existsSync(join(here, folder, "package.json")));
}
