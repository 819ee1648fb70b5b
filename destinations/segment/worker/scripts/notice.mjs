// Writes the NOTICE that travels with the bundle: each package in it, with its licence.
import { describePackage, folderOf } from "./licences.mjs";

const RULE = "=".repeat(80);
const HEAD = `\
worker.cjs contains the packages below, unchanged but for the removal of whitespace and comments,
and definitions/ holds what the first of them declares. Each is under the licence that it states.`;
const NO_TEXT = "The package has no file with the text of its licence; it is the text of that name under others.";

/** The text, made of what went into the bundle. */
export async function notice(inputs) {
  const folders = new Set(Object.keys(inputs).map(folderOf).filter(Boolean));
  const packages = [...folders].map(describePackage);
  const unique = new Map(packages.map((each) => [`${each.name} ${each.version}`, each]));
  const sorted = [...unique.values()].sort(bySegmentFirst);
  return `${[HEAD, ...sorted.map(entry)].join(`\n\n${RULE}\n`)}\n`;
}

function bySegmentFirst(one, other) {
  const rank = ({ name }) => (name === "@segment/action-destinations" ? 0 : 1);
  return rank(one) - rank(other) || (one.name < other.name ? -1 : 1);
}

function entry({ name, version, licence, author, texts }) {
  const head = [`${name} ${version}`, `Licence: ${licence ?? "as below"}`, ...(author ? [`Author: ${author}`] : [])];
  return `${head.join("\n")}\n\n${texts.join("\n\n") || NO_TEXT}`;
}
