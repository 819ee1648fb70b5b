// The catalog: the destinations that can be added, with a search.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DestinationBrief } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { TextField } from "../parts/field";
import { Notice } from "../parts/notice";
import { Empty, Loading, Page } from "../parts/page";

export function Catalog(): JSX.Element {
  const catalog = useLoaded("catalog", (signal) => call("GET /api/catalog", { signal }));
  const [search, setSearch] = useState("");
  return (
    <Page title="Catalog" subtitle="The destinations that the installed plugins offer.">
      <TextField label="Search destinations" type="search" value={search} onInput={setSearch} />
      <Loading of={catalog}>
        {({ destinations, problems }) => {
          const found = destinations.filter((each) => isFound(each, search));
          return (
            <>
              {problems.map((each) => (
                <Notice key={each.place} kind="warning" title={each.place}>
                  {each.message}
                </Notice>
              ))}
              {found.length === 0 && <Empty title={search ? `Nothing is called “${search}”` : "No destination is installed"} />}
              <ul class="tiles" aria-label="Destinations">
                {found.map((each) => (
                  <li key={each.slug} class="tile">
                    <a href={hrefTo("catalog", each.slug)}>{each.name}</a>
                    <p>{each.description}</p>
                    <p class="muted">
                      {plural(each.actions.length, "action")} · {plural(each.presets.length, "preset")} · {each.plugin}
                    </p>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </Loading>
    </Page>
  );
}

function isFound(destination: DestinationBrief, search: string): boolean {
  const text = `${destination.name} ${destination.slug} ${destination.description ?? ""}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
