// Renames a mapping in a dialog.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SubscriptionShape } from "../api-types";
import { ApiError, call } from "../core/client";
import { faultAt, isElsewhere } from "../core/faults";
import { sentence } from "../core/texts";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { ErrorNotice } from "../parts/notice";

export function RenameMapping({
  mapping,
  onRenamed,
  onClose,
}: {
  mapping: SubscriptionShape;
  onRenamed: () => void;
  onClose: () => void;
}): JSX.Element {
  const [name, setName] = useState(mapping.name);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  async function rename(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await call("PATCH /api/subscriptions/{id}", { path: { id: mapping.id }, body: { name } });
      onRenamed();
      onClose();
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  }
  // Another mapping of the instance has that name.
  const isTaken = error instanceof ApiError && error.status === 409;
  return (
    <Dialog title="Rename mapping" onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void rename();
        }}
      >
        <div class="dialog-body">
          <TextField
            label="Name"
            value={name}
            onInput={setName}
            fault={faultAt(error, "name") ?? (isTaken ? sentence(error.message) : undefined)}
            isRequired
            autoFocus
          />
        </div>
        {!isTaken && isElsewhere(error, [["name"]]) && <ErrorNotice error={error} title="It was not renamed" />}
        <div class="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isBusy}>
            Rename
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
