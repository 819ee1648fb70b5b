// Adds an instance of a destination: which source, which name; then its settings are entered.
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { DestinationShape, SourceShape } from "../api-types";
import { ApiError, call } from "../core/client";
import { faultAt, isElsewhere } from "../core/faults";
import { useLoaded } from "../core/loaded";
import { goTo, hrefTo } from "../core/router";
import { sentence } from "../core/texts";
import { createInstance } from "../instances/create";
import { Button, ButtonLink } from "../parts/button";
import { Field, Select, TextField } from "../parts/field";
import { ErrorNotice, Notice } from "../parts/notice";
import { Card, Loading, Page } from "../parts/page";
import { keepNewKey } from "../sources/new-key";
import { NewKeyNotice, type NewSource, NewSourceDialog } from "../sources/new-source";

interface Known {
  destination: DestinationShape;
  sources: SourceShape[];
}

export function AddDestination({ slug }: { slug: string }): JSX.Element {
  const known = useLoaded(`add ${slug}`, (signal) => load(slug, signal));
  const name = known.data?.destination.name ?? slug;
  return (
    <Page
      title={`Configure ${name}`}
      subtitle="Choose where its events come from, and what to call it. The settings come next."
      back={{ href: hrefTo("catalog", slug), label: name }}
    >
      <Loading of={known}>{(data) => <Form known={data} onSourceCreated={known.reload} />}</Loading>
    </Page>
  );
}

async function load(slug: string, signal: AbortSignal): Promise<Known> {
  const [destination, { sources }] = await Promise.all([
    call("GET /api/catalog/{slug}", { path: { slug }, signal }),
    call("GET /api/sources", { signal }),
  ]);
  return { destination, sources };
}

function Form({ known, onSourceCreated }: { known: Known; onSourceCreated: () => void }): JSX.Element {
  const { destination, sources } = known;
  const [chosen, setChosen] = useState<string>();
  const source = chosen ?? (sources.length === 1 ? sources[0]?.name : undefined) ?? "";
  const [name, setName] = useState(destination.instance_name);
  const [isCreating, setCreating] = useState(false);
  const [made, setMade] = useState<NewSource>();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const element = useRef<HTMLFormElement>(null);
  async function add(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      // It is disabled until it has its settings; its mappings are the presets, disabled too.
      await createInstance({ name, destination: destination.slug, source, enabled: false });
      goTo(hrefTo("destinations", name, "settings"));
    } catch (caught) {
      setError(caught);
      setBusy(false);
      setTimeout(() => element.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
    }
  }
  const offered = sources.map((each) => ({ value: each.name, label: each.name }));
  if (source === "") offered.unshift({ value: "", label: "Choose a source …" });
  const createSource = (
    <Button icon="plus" onClick={() => setCreating(true)}>
      Create a source
    </Button>
  );
  const isTaken = error instanceof ApiError && error.status === 409;
  return (
    <Card class="narrow">
      <form
        ref={element}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        {sources.length === 0 ? (
          <Notice title="There is no source yet">
            <p>A destination takes the events of one source: create the one that sends them.</p>
            {createSource}
          </Notice>
        ) : (
          <Field label="Source" description="Each destination takes the events of one source." fault={faultAt(error, "source")} isRequired>
            {(control) => (
              <div class="choose-source">
                <Select {...control} value={source} choices={offered} onChange={setChosen} />
                {createSource}
              </div>
            )}
          </Field>
        )}
        {made && <NewKeyNotice writeKey={made.key} />}
        <TextField
          label="Destination name"
          description="It tells this one from others of its kind, and stays as it is."
          value={name}
          onInput={setName}
          fault={faultAt(error, "name") ?? (isTaken ? sentence(error.message) : undefined)}
          isRequired
        />
        {!isTaken && isElsewhere(error, [["name"], ["source"]]) && <ErrorNotice error={error} title="It was not created" />}
        <div class="form-actions">
          <Button type="submit" look="primary" isBusy={isBusy} disabled={source === ""}>
            Create destination
          </Button>
          <ButtonLink href={hrefTo("catalog", destination.slug)}>Cancel</ButtonLink>
        </div>
      </form>
      {isCreating && (
        <NewSourceDialog
          onMade={(source) => {
            // Its own page shows the key too, as long as this page of the browser is open.
            keepNewKey(source.name, source.key);
            setMade(source);
            setChosen(source.name);
            setCreating(false);
            onSourceCreated();
          }}
          onClose={() => setCreating(false)}
        />
      )}
    </Card>
  );
}
