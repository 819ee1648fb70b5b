// Which page an address shows.
import type { ComponentChildren } from "preact";
import type { Location } from "../core/router";
import { Empty, Page } from "../parts/page";
import { AddDestination } from "./add-destination";
import { Catalog } from "./catalog";
import { DestinationPage } from "./destination";
import { Home } from "./home";
import { InstancePage, tabOf } from "./instance";
import { Instances } from "./instances";
import { MappingPage } from "./mapping";
import { SourcePage } from "./source";
import { Sources } from "./sources";

/**
 * Draw the page of an address: `sources/NAME`, `catalog/SLUG/add`, `destinations/NAME/settings`,
 * `destinations/NAME/mappings/ID` and so on.
 */
export function pageOf({ parts, query }: Location): ComponentChildren {
  const [section, name, tab, item] = parts;
  switch (section) {
    case undefined:
      return <Home />;
    case "sources":
      return name === undefined ? <Sources /> : <SourcePage key={name} name={name} />;
    case "catalog":
      if (name === undefined) return <Catalog />;
      return tab === "add" ? <AddDestination key={name} slug={name} /> : <DestinationPage key={name} slug={name} />;
    case "destinations":
      if (name === undefined) return <Instances />;
      if (tab === "mappings" && item !== undefined) return <MappingPage key={item} instance={name} id={item} query={query} />;
      return <InstancePage key={name} name={name} tab={tabOf(tab)} />;
    default:
      return (
        <Page title="Not found">
          <Empty title="There is no such page">
            <a href="#/">Go home</a>
          </Empty>
        </Page>
      );
  }
}
