// The mapping editor: trigger, sample event, fields, preview, save.
import type { JSX } from "preact";
import { Page } from "../parts/page";

export function MappingPage({ id }: { instance: string; id: string; query: URLSearchParams }): JSX.Element {
  return <Page title={id}>{null}</Page>;
}
