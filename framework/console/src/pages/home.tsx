// The first page: what runs, or the steps to the first delivered event.
import type { JSX } from "preact";
import { Page } from "../parts/page";

export function Home(): JSX.Element {
  return <Page title="Home">{null}</Page>;
}
