// One source: its write keys, snippets for each SDK, a test event.
import type { JSX } from "preact";
import { Page } from "../parts/page";

export function SourcePage({ name }: { name: string }): JSX.Element {
  return <Page title={name}>{null}</Page>;
}
