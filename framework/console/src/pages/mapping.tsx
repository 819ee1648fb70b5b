// The mapping editor: trigger, sample event, fields, preview, save.
import type { JSX } from "preact";
import type { DestinationShape, InstanceShape } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { Editor } from "../editor/editor";
import { type Saved, editedOf, readSaved } from "../editor/save";
import { type Candidate, asObject } from "../editor/state";
import { Loading, Page } from "../parts/page";

interface Opened {
  instance: InstanceShape;
  destination: DestinationShape;
  saved: Saved | undefined;
  candidate: Candidate;
}

/** `id` of a saved mapping, or `new` with `?action=` or `?preset=`. */
export function MappingPage({ instance, id, query }: { instance: string; id: string; query: URLSearchParams }): JSX.Element {
  const opened = useLoaded(`mapping ${instance} ${id} ${query}`, () => open(instance, id, query));
  if (opened.data) return <Editor key={id} {...opened.data} />;
  return (
    <Page title="Mapping" back={{ href: hrefTo("destinations", instance, "mappings"), label: instance }}>
      <Loading of={opened}>{() => null}</Loading>
    </Page>
  );
}

async function open(name: string, id: string, query: URLSearchParams): Promise<Opened> {
  const { instance } = await call("GET /api/instances/{name}", { path: { name } });
  const destination = await call("GET /api/catalog/{slug}", { path: { slug: instance.destination } });
  if (id === "new") return { instance, destination, saved: undefined, candidate: newCandidate(instance, destination, query) };
  const saved = await readSaved(id);
  const candidate = { id, instance: name, action: saved.subscription.action, ...editedOf(saved.subscription) };
  return { instance, destination, saved, candidate };
}

/** What a preset or an action gives a new mapping. */
function newCandidate(instance: InstanceShape, destination: DestinationShape, query: URLSearchParams): Candidate {
  const preset = destination.presets.find((each) => each.name === query.get("preset"));
  if (preset)
    return {
      instance: instance.name,
      action: preset.action,
      name: preset.name,
      trigger: preset.trigger ?? "",
      syncMode: preset.sync_mode ?? "",
      mapping: asObject(preset.mapping),
      batch: {},
      hooks: {},
    };
  const action = destination.actions.find((each) => each.slug === query.get("action")) ?? destination.actions[0];
  return {
    instance: instance.name,
    action: action?.slug ?? "",
    name: action?.title ?? "",
    trigger: 'type = "track"',
    syncMode: "",
    mapping: asObject(action?.default_mapping),
    batch: {},
    hooks: {},
  };
}
