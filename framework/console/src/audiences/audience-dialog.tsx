// Adds an audience to an instance, or changes its name and settings; the partner is not asked.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AudienceConfigShape, AudienceShape } from "../api-types";
import { call } from "../core/client";
import { faultAt, isElsewhere } from "../core/faults";
import type { JsonObject } from "../core/json";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { ErrorNotice } from "../parts/notice";
import { settingsIn } from "../settings/declaration";
import { ValueFields } from "../settings/value-fields";

export interface AudienceDialogProps {
  instance: string;
  /** `undefined` for a new one. */
  audience: AudienceShape | undefined;
  form: AudienceConfigShape;
  onSaved: (text: string) => void;
  onClose: () => void;
}

export function AudienceDialog({ instance, audience, form, onSaved, onClose }: AudienceDialogProps): JSX.Element {
  const [key, setKey] = useState(audience?.key ?? "");
  const [name, setName] = useState(audience === undefined || audience.name === audience.key ? "" : audience.name);
  const [settings, setSettings] = useState((audience?.settings ?? {}) as JsonObject);
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const shown = name || key;
  async function save(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { name: name || key, settings };
      if (audience === undefined) await call("POST /api/instances/{name}/audiences", { path: { name: instance }, body: { key, ...body } });
      else await call("PATCH /api/instances/{name}/audiences/{key}", { path: { name: instance, key }, body });
      onSaved(`${shown} is saved`);
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  }
  const close = () => isBusy || onClose();
  return (
    <Dialog title={audience === undefined ? "Add an audience" : `Edit ${audience.name}`} onClose={close}>
      <form class="stack" noValidate onSubmit={(event) => void save(event)}>
        <TextField
          label="Key"
          description="What events carry in context.personas.computation_key."
          value={key}
          onInput={setKey}
          readOnly={audience !== undefined}
          autoFocus={audience === undefined}
          fault={faultAt(error, "key")}
          isRequired
        />
        <TextField label="Name" description="What the partner calls it. Empty: its key." value={name} onInput={setName} fault={faultAt(error, "name")} />
        <ValueFields
          settings={settingsIn(form.fields)}
          values={settings}
          onChange={(setting, value) =>
            setSettings((old) => {
              const { [setting.key]: _, ...rest } = old;
              return value === undefined ? rest : { ...rest, [setting.key]: value };
            })
          }
        />
        {isElsewhere(error, [["key"], ["name"]]) && <ErrorNotice error={error} title="It was not saved" />}
        <div class="dialog-actions">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isBusy}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
