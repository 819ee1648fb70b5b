// The mapping editor: trigger, sample event, fields, preview, save; a built-in mapping is shown only.
import type { JSX } from "preact";
import type { DestinationShape, InstanceShape, SubscriptionShape } from "../api-types";
import { call } from "../core/client";
import { mappingState } from "../core/instance-state";
import { useLoaded } from "../core/loaded";
import { hrefTo } from "../core/router";
import { sentence } from "../core/texts";
import { Editor } from "../editor/editor";
import { type Saved, editedOf, readSaved } from "../editor/save";
import { type Candidate, asObject } from "../editor/state";
import { Notice } from "../parts/notice";
import { Badge, Loading, Page } from "../parts/page";

interface Opened {
  instance: InstanceShape;
  destination: DestinationShape;
  saved: Saved | undefined;
  candidate: Candidate;
}

/** `id` of a saved mapping, or `new` with `?action=` or `?preset=`. */
export function MappingPage({ instance, id, query }: { instance: string; id: string; query: URLSearchParams }): JSX.Element {
  const opened = useLoaded(`mapping ${instance} ${id} ${query}`, () => open(instance, id, query));
  const saved = opened.data?.saved?.subscription;
  if (saved?.built_in) return <BuiltIn mapping={saved} />;
  if (opened.data) return <Editor key={id} {...opened.data} />;
  return (
    <Page title="Mapping" back={backTo(instance)}>
      <Loading of={opened}>{() => null}</Loading>
    </Page>
  );
}

function backTo(instance: string): { href: string; label: string } {
  return { href: hrefTo("destinations", instance, "mappings"), label: instance };
}

/** What the host makes by itself, and nobody can save. */
function BuiltIn({ mapping }: { mapping: SubscriptionShape }): JSX.Element {
  const { name, instance, trigger, problem } = mapping;
  const state = mappingState(mapping);
  return (
    <Page
      title={name}
      subtitle={
        <>
          <Badge>Built in</Badge> {state && <Badge kind={state.kind}>{state.text}</Badge>}
        </>
      }
      back={backTo(instance)}
    >
      {problem !== null && (
        <Notice kind="error" title="This mapping does not run">
          <p>{sentence(problem)}</p>
        </Notice>
      )}
      <Notice title="This mapping is built in and cannot be edited">
        <p>
          The host makes it for each destination that deletes users: events that match <code>{trigger}</code> go to {instance} as they are.
          It can be paused and resumed in its menu, in the list of mappings.
        </p>
      </Notice>
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
