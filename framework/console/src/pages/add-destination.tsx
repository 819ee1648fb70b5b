// Adds an instance of a destination: source, name, settings.
import type { JSX } from "preact";
import { Page } from "../parts/page";

export function AddDestination({ slug }: { slug: string }): JSX.Element {
  return <Page title={`Add ${slug}`}>{null}</Page>;
}
