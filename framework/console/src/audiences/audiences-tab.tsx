// The Audiences tab of an instance: which the partner has, by what id, and how to make it have one.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { AudienceConfigShape, AudienceShape, InstanceAnswer } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { sentence } from "../core/texts";
import { Button } from "../parts/button";
import { type Changes, useChanges } from "../parts/changes";
import { Menu } from "../parts/menu";
import { toast } from "../parts/notice";
import { Badge, type BadgeKind, Card, Empty, Loading } from "../parts/page";
import { AdoptDialog } from "./adopt-dialog";
import { AudienceDialog } from "./audience-dialog";

const STATES: Record<AudienceShape["state"], { kind: BadgeKind; text: string }> = {
  created: { kind: "success", text: "At the partner" },
  not_created: { kind: "warning", text: "Not there" },
  unknown: { kind: "error", text: "May be there" },
  not_needed: { kind: "neutral", text: "Needs no id" },
};

export interface AudiencesTabProps {
  answer: InstanceAnswer;
  form: AudienceConfigShape;
  onChanged: () => void;
}

export function AudiencesTab({ answer, form, onChanged }: AudiencesTabProps): JSX.Element {
  const { name } = answer.instance;
  const list = useLoaded(`audiences ${name}`, (signal) => call("GET /api/instances/{name}/audiences", { path: { name }, signal }));
  useEffect(() => {
    if (list.data && list.data.revision !== answer.revision) list.reload();
  }, [answer.revision]);
  const [edited, setEdited] = useState<AudienceShape | "new">();
  const [adopted, setAdopted] = useState<AudienceShape>();
  const changes = useChanges();
  function changed(text: string): void {
    setEdited(undefined);
    setAdopted(undefined);
    toast(text);
    list.reload();
    onChanged();
  }
  return (
    <section aria-label="Audiences">
      <div class="tab-header">
        <p class="muted">Lists at the partner, which users join and leave. Events name one in context.personas.computation_key.</p>
        <Button look="primary" icon="plus" onClick={() => setEdited("new")}>
          Add audience
        </Button>
      </div>
      {changes.view}
      <Loading of={list}>
        {({ audiences }) =>
          audiences.length === 0 ? (
            <Empty title="There are no audiences yet">
              <p>Add one for each key that your events name.</p>
            </Empty>
          ) : (
            <Card>
              <ul class="rows" aria-label="Audiences">
                {audiences.map((each) => (
                  <Row
                    key={each.key}
                    instance={name}
                    audience={each}
                    form={form}
                    changes={changes}
                    onEdit={() => setEdited(each)}
                    onAdopt={() => setAdopted(each)}
                    onChanged={changed}
                    onFailed={list.reload}
                  />
                ))}
              </ul>
            </Card>
          )
        }
      </Loading>
      {edited !== undefined && (
        <AudienceDialog instance={name} audience={edited === "new" ? undefined : edited} form={form} onSaved={changed} onClose={() => setEdited(undefined)} />
      )}
      {adopted && <AdoptDialog instance={name} audience={adopted} canAsk={form.gets} onSaved={changed} onClose={() => setAdopted(undefined)} />}
    </section>
  );
}

interface RowProps {
  instance: string;
  audience: AudienceShape;
  form: AudienceConfigShape;
  changes: Changes;
  onEdit: () => void;
  onAdopt: () => void;
  onChanged: (text: string) => void;
  onFailed: () => void;
}

function Row({ instance, audience, form, changes, onEdit, onAdopt, onChanged, onFailed }: RowProps): JSX.Element {
  const { key, name, state, external_id, remedy } = audience;
  const path = { name: instance, key };
  const isUnknown = state === "unknown";
  function create(): void {
    changes.start({
      title: `Create ${name} again?`,
      action: "Create",
      ...(isUnknown ? { question: <p>The partner may have it already. Look there first: it may have it twice afterwards.</p> } : {}),
      async run() {
        try {
          await call("POST /api/instances/{name}/audiences/{key}/create", { path, query: isUnknown ? { again: true } : {} });
        } catch (error) {
          // It may be there all the same.
          onFailed();
          throw error;
        }
        onChanged(`The partner has ${name}`);
      },
    });
  }
  function remove(): void {
    changes.start({
      title: `Delete ${name} here?`,
      action: "Delete",
      isDangerous: true,
      question: <p>The partner keeps it. Events that name it are sent without its id.</p>,
      async run() {
        await call("DELETE /api/instances/{name}/audiences/{key}", { path });
        onChanged(`${name} is deleted here`);
      },
    });
  }
  async function ask(): Promise<void> {
    const { result, message } = await call("POST /api/instances/{name}/audiences/{key}/get", { path });
    toast(`${name}: ${message}`, result === "found" ? "success" : "warning");
  }
  return (
    <li class="row">
      <strong>{name}</strong> {name !== key && <code>{key}</code>}
      <Badge kind={STATES[state].kind}>{STATES[state].text}</Badge>
      {external_id !== null && (
        <span>
          Its id there: <code>{external_id}</code>
        </span>
      )}
      <span class="row-end">
        {form.creates && (isUnknown || state === "not_created") && (
          <Button isBusy={changes.isBusy} aria-label={`Create ${name}`} onClick={create}>
            Create
          </Button>
        )}
        <Menu
          label={`More about ${name}`}
          items={[
            { label: "Edit", onChoose: onEdit },
            { label: "Use one that the partner has", onChoose: onAdopt },
            ...(form.gets && external_id !== null
              ? [{ label: "Ask the partner for it", onChoose: () => changes.start({ title: "", action: "Ask", run: ask }) }]
              : []),
            { label: "Delete", icon: "trash" as const, isDangerous: true, onChoose: remove },
          ]}
        />
      </span>
      {isUnknown && remedy !== null && <p class="row-text muted">{sentence(remedy)}</p>}
    </li>
  );
}
