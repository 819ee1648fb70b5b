// An instance of a destination: its mappings and its settings.
import type { JSX } from "preact";
import { Page } from "../parts/page";

export function InstancePage({ name }: { name: string; tab: "mappings" | "settings" }): JSX.Element {
  return <Page title={name}>{null}</Page>;
}
