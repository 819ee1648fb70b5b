// The write keys of a source: when each was last used; added and revoked without loss.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { WriteKeyShape } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { agoText, timeText } from "../core/texts";
import { Button } from "../parts/button";
import { Confirm, Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { ErrorNotice, toast } from "../parts/notice";
import { Card, Loading } from "../parts/page";
import { NewKeyNotice } from "./new-source";

/** `onKey` is told of a new key, which nobody can read again. */
export function WriteKeys({ source, newKey, onKey }: { source: string; newKey: string | undefined; onKey: (key: string) => void }): JSX.Element {
  const keys = useLoaded(`keys ${source}`, (signal) => call("GET /api/sources/{name}/keys", { path: { name: source }, signal }));
  const [isAdding, setAdding] = useState(false);
  const [revoked, setRevoked] = useState<WriteKeyShape>();
  return (
    <Card
      title="Write keys"
      actions={
        <Button icon="plus" onClick={() => setAdding(true)}>
          Add key
        </Button>
      }
    >
      {newKey && <NewKeyNotice writeKey={newKey} />}
      <Loading of={keys}>
        {({ keys: all }) => (
          <ul class="rows" aria-label="Write keys">
            {all.length === 0 && <li class="row muted">It has no write key, so it can send nothing.</li>}
            {all.map((each) => (
              <li key={each.label} class="row">
                <strong>{each.label}</strong> <code>{each.key}</code>
                <span class="muted" title={each.last_used_at ? timeText(each.last_used_at) : undefined}>
                  {each.last_used_at ? `last used ${agoText(each.last_used_at)}` : "not used since the host started"}
                </span>
                <span class="row-end">
                  <Button look="quiet" icon="trash" aria-label={`Revoke the key ${each.label}`} onClick={() => setRevoked(each)}>
                    Revoke
                  </Button>
                </span>
              </li>
            ))}
          </ul>
        )}
      </Loading>
      {isAdding && (
        <AddKey
          source={source}
          onClose={() => setAdding(false)}
          onAdded={(key) => {
            setAdding(false);
            onKey(key);
            keys.reload();
          }}
        />
      )}
      {revoked && (
        <Confirm
          title={`Revoke the key “${revoked.label}”?`}
          action="Revoke"
          isDangerous
          onClose={() => setRevoked(undefined)}
          onConfirm={async () => {
            await call("DELETE /api/sources/{name}/keys/{label}", { path: { name: source, label: revoked.label } });
            toast(`The key ${revoked.label} is revoked`);
            keys.reload();
          }}
        >
          <p>Events that are sent with it are refused from then on. Change what uses it first.</p>
        </Confirm>
      )}
    </Card>
  );
}

function AddKey({ source, onAdded, onClose }: { source: string; onAdded: (key: string) => void; onClose: () => void }): JSX.Element {
  const [label, setLabel] = useState("");
  const [error, setError] = useState<unknown>();
  async function add(event: Event): Promise<void> {
    event.preventDefault();
    try {
      const { key } = await call("POST /api/sources/{name}/keys", { path: { name: source }, body: { label: label.trim() } });
      onAdded(key);
    } catch (caught) {
      setError(caught);
    }
  }
  return (
    <Dialog title="Add a write key" onClose={onClose}>
      <form class="stack" onSubmit={(event) => void add(event)}>
        <TextField label="Label" description="Where the key is used, such as “backend 2026”." value={label} onInput={setLabel} isRequired autoFocus />
        {error !== undefined && <ErrorNotice error={error} />}
        <div class="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary">
            Add key
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
