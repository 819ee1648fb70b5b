// One destination of the catalog: actions, fields, presets.
import type { JSX } from "preact";
import { Page } from "../parts/page";

export function DestinationPage({ slug }: { slug: string }): JSX.Element {
  return <Page title={slug}>{null}</Page>;
}
