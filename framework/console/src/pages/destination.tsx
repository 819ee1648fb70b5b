// One destination of the catalog: what it does, its actions with their fields, its presets.
import type { JSX } from "preact";
import type { ActionShape, DestinationShape, FieldShape, PresetShape } from "../api-types";
import { call } from "../core/client";
import { mappedText } from "../core/directives";
import { useLoaded } from "../core/loaded";
import { offeredText } from "../core/origin";
import { hrefTo } from "../core/router";
import { plural } from "../core/texts";
import { useTriggerWords } from "../core/trigger-words";
import { ButtonLink } from "../parts/button";
import { Badge, Card, Loading, Page } from "../parts/page";
import { Prose } from "../parts/prose";
import { Table } from "../parts/table";
import { NO_TRIGGER, TriggerText } from "../trigger/trigger-text";

const BACK = { href: hrefTo("catalog"), label: "Destinations Catalog" };

export function DestinationPage({ slug }: { slug: string }): JSX.Element {
  const destination = useLoaded(`destination ${slug}`, (signal) => call("GET /api/catalog/{slug}", { path: { slug }, signal }));
  if (destination.data) return <Shown destination={destination.data} />;
  return (
    <Page title={slug} back={BACK}>
      <Loading of={destination}>{() => null}</Loading>
    </Page>
  );
}

function Shown({ destination }: { destination: DestinationShape }): JSX.Element {
  const { name, slug, description, actions, presets } = destination;
  const instances = useLoaded("instances", (signal) => call("GET /api/instances", { signal }));
  const own = (instances.data?.instances ?? []).filter((each) => each.destination === slug);
  return (
    <Page
      title={name}
      subtitle={
        <>
          <code>{slug}</code> from {offeredText(destination)}
        </>
      }
      back={BACK}
      actions={
        <ButtonLink look="primary" icon="plus" href={hrefTo("catalog", slug, "add")}>
          Configure {name}
        </ButtonLink>
      }
    >
      {description && (
        <p class="lead">
          <Prose text={description} />
        </p>
      )}
      {own.length > 0 && (
        <Card title="Configured as">
          <ul class="links">
            {own.map((each) => (
              <li key={each.name}>
                <a href={hrefTo("destinations", each.name)}>{each.name}</a>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Presets presets={presets} actions={actions} />
      {actions.map((each) => (
        <Action key={each.slug} action={each} />
      ))}
    </Page>
  );
}

function Presets({ presets, actions }: { presets: PresetShape[]; actions: ActionShape[] }): JSX.Element | null {
  const words = useTriggerWords(presets.map((each) => each.trigger));
  if (presets.length === 0) return null;
  const titles = new Map(actions.map((each) => [each.slug, each.title]));
  return (
    <Card title="Presets">
      <p class="muted">Ready-made mappings, which a new destination starts with.</p>
      <Table
        label="Presets"
        heads={["Preset", "Action", "Trigger"]}
        rows={presets.map((each) => [
          each.name,
          titles.get(each.action) ?? each.action,
          each.trigger === null ? NO_TRIGGER : <TriggerText trigger={each.trigger} words={words} />,
        ])}
      />
    </Card>
  );
}

function Action({ action }: { action: ActionShape }): JSX.Element {
  const fields = Object.entries(action.fields).filter(([, field]) => !field.hidden);
  return (
    <Card title={action.title}>
      <p>
        <Prose text={action.description} />
      </p>
      <p class="badges">
        {action.batch !== null && (
          <Badge>Up to {plural(action.batch.max_events, "event")} in a request</Badge>
        )}
        {action.idempotency_key !== null && (
          <Badge>
            Repeats are recognized by {action.idempotency_key}
          </Badge>
        )}
      </p>
      <Table
        label={`Fields of ${action.title}`}
        heads={["Field", "Type", "Required", "Default"]}
        rows={fields.map(([key, field]) => [
          <>
            <strong>{field.label}</strong> {field.label !== key && <code>{key}</code>}
            {field.description && <div class="muted"><Prose text={field.description} /></div>}
          </>,
          `${field.type}${field.multiple ? ", a list" : ""}`,
          requiredText(field.required),
          key in action.default_mapping ? <code>{mappedText(action.default_mapping[key])}</code> : <span class="muted">none</span>,
        ])}
      />
    </Card>
  );
}

function requiredText(required: FieldShape["required"]): string {
  if (typeof required === "object") return "Sometimes";
  return required ? "Yes" : "No";
}
