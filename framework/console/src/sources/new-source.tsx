// Makes a source with its first write key, which is shown once.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../core/client";
import { Button } from "../parts/button";
import { CopyButton } from "../parts/code";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { ErrorNotice, Notice } from "../parts/notice";
import { ServerSideBox } from "./server-side";

export interface NewSource {
  name: string;
  key: string;
}

/** Make a source; the host makes its first write key. */
async function makeSource(name: string, isServerSide: boolean): Promise<NewSource> {
  const { source, new_key: key = "" } = await call("POST /api/sources", { body: { name, server_side: isServerSide } });
  return { name: source.name, key };
}

export interface NewSourceFormProps {
  onMade: (source: NewSource) => void;
  /** The very first source is asked for its name alone. */
  isFirst?: boolean;
  children?: JSX.Element;
}

/** Asks for a name, and whether the source is server-side. */
export function NewSourceForm({ onMade, isFirst = false, children }: NewSourceFormProps): JSX.Element {
  const [name, setName] = useState("");
  const [isServerSide, setServerSide] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  async function make(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onMade(await makeSource(name.trim(), isServerSide));
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  return (
    <form class="stack" onSubmit={(event) => void make(event)}>
      <TextField
        label="Source name"
        description="What sends the events, such as “website” or “billing-service”."
        value={name}
        onInput={setName}
        isRequired
        autoFocus
      />
      {!isFirst && <ServerSideBox isChecked={isServerSide} onChange={setServerSide} />}
      {error !== undefined && <ErrorNotice error={error} />}
      <div class="dialog-actions">
        {children}
        <Button type="submit" look="primary" isBusy={isBusy}>
          Create source
        </Button>
      </div>
    </form>
  );
}

/** A key that the host will not show again. */
export function NewKeyNotice({ writeKey }: { writeKey: string }): JSX.Element {
  return (
    <Notice kind="success" title="Copy the write key now">
      <p>The host shows it only this once. An SDK needs it to send events.</p>
      <p class="secret">
        <code>{writeKey}</code>
        <CopyButton text={writeKey} label="Copy the write key" />
      </p>
    </Notice>
  );
}

export function NewSourceDialog({ onMade, onClose }: { onMade: (source: NewSource) => void; onClose: () => void }): JSX.Element {
  return (
    <Dialog title="New source" onClose={onClose}>
      <div class="dialog-body">
        <NewSourceForm onMade={onMade}>
          <Button onClick={onClose}>Cancel</Button>
        </NewSourceForm>
      </div>
    </Dialog>
  );
}
