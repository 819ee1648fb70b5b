// The catalog: the destinations that can be added, with a search.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DestinationBrief } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { offeredText, problemTitle } from "../core/origin";
import { hrefTo } from "../core/router";
import { plural, sentence } from "../core/texts";
import { Button } from "../parts/button";
import { TextField } from "../parts/field";
import { Monogram } from "../parts/monogram";
import { Notice } from "../parts/notice";
import { Empty, Loading, Page } from "../parts/page";
import { plainText } from "../parts/prose";

export function Catalog(): JSX.Element {
  const catalog = useLoaded("catalog", (signal) => call("GET /api/catalog", { signal }));
  const [search, setSearch] = useState("");
  return (
    <Page title="Destinations Catalog" subtitle="What events can be sent to: the destinations of the installed plugins.">
      <Loading of={catalog}>
        {({ destinations, problems }) => {
          const found = destinations.filter((each) => isFound(each, search));
          return (
            <>
              {problems.map((each) => (
                <Notice key={each.place} kind="warning" title={problemTitle(each.place)}>
                  <p>{sentence(each.message)}</p>
                </Notice>
              ))}
              {destinations.length > 0 && (
                <TextField
                  label="Search destinations"
                  type="search"
                  placeholder="Name, description or action"
                  value={search}
                  onInput={setSearch}
                  class="search"
                />
              )}
              <p class="result-count muted" role="status">
                {search.trim() === "" ? plural(destinations.length, "destination") : `${plural(found.length, "destination")} found`}
              </p>
              {found.length === 0 && <NothingFound search={search} onClear={() => setSearch("")} />}
              <ul class="tiles" aria-label="Destinations">
                {found.map((each) => (
                  <DestinationTile key={each.slug} destination={each} />
                ))}
              </ul>
            </>
          );
        }}
      </Loading>
    </Page>
  );
}

function DestinationTile({ destination }: { destination: DestinationBrief }): JSX.Element {
  const { slug, name, description, actions, presets } = destination;
  return (
    <li class="tile">
      <div class="tile-title">
        <Monogram name={name} />
        <a href={hrefTo("catalog", slug)}>{name}</a>
      </div>
      {/* A destination without a description is told by what it does. */}
      <p>{plainText(description ?? actions.map((each) => each.description || each.title).join(" · "))}</p>
      <p class="muted">
        {plural(actions.length, "action")} · {plural(presets.length, "preset")} · {offeredText(destination)}
      </p>
    </li>
  );
}

function NothingFound({ search, onClear }: { search: string; onClear: () => void }): JSX.Element {
  if (search.trim() === "")
    return (
      <Empty title="No destination is installed">
        <p>
          Install a plugin beside the host with <code>pip install</code>, and start the host again.
        </p>
      </Empty>
    );
  return (
    <Empty title={`No destination matches “${search}”`}>
      <p>Try another word, or install the plugin that has it and start the host again.</p>
      <Button onClick={onClear}>Clear the search</Button>
    </Empty>
  );
}

/** Every word has to stand somewhere: a name is found as it is written, and by any part of it. */
function isFound(destination: DestinationBrief, search: string): boolean {
  const text = destination.search;
  const words = search.toLowerCase().split(/\s+/);
  return words.every((word) => text.includes(word));
}
