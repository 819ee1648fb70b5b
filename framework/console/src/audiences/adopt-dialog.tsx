// Uses an audience that the partner has already, by its id there.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AudienceShape } from "../api-types";
import { call } from "../core/client";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Checkbox, TextField } from "../parts/field";
import { ErrorNotice } from "../parts/notice";

export interface AdoptDialogProps {
  instance: string;
  audience: AudienceShape;
  /** Whether the destination can ask the partner for an audience. */
  canAsk: boolean;
  onSaved: (text: string) => void;
  onClose: () => void;
}

export function AdoptDialog({ instance, audience, canAsk, onSaved, onClose }: AdoptDialogProps): JSX.Element {
  const [id, setId] = useState(audience.external_id ?? "");
  const [check, setCheck] = useState(true);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  async function adopt(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      const path = { name: instance, key: audience.key };
      await call("POST /api/instances/{name}/audiences/{key}/adopt", { path, body: { external_id: id.trim(), check } });
      onSaved(`${audience.name} has the id ${id.trim()}`);
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  }
  const close = () => isBusy || onClose();
  return (
    <Dialog title={`Use an audience that the partner has, as ${audience.name}`} onClose={close}>
      <form class="stack" noValidate onSubmit={(event) => void adopt(event)}>
        <TextField label="The partner’s id of it" value={id} onInput={setId} isRequired autoFocus />
        {canAsk && <Checkbox label="Ask the partner for it first" isChecked={check} onChange={setCheck} />}
        {error !== undefined && <ErrorNotice error={error} title="It was not changed" />}
        <div class="dialog-actions">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isBusy}>
            Use it
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
