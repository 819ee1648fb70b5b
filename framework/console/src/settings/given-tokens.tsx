// Connects an instance with tokens that were obtained elsewhere; they stay in the memory of the page.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { GrantAnswer } from "../api-types";
import { call } from "../core/client";
import { faultAt, isElsewhere } from "../core/faults";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { TextField } from "../parts/field";
import { ErrorNotice } from "../parts/notice";

export interface GivenTokensProps {
  name: string;
  onConnected: (answer: GrantAnswer) => void;
  onClose: () => void;
}

const FIELDS = [
  {
    key: "refresh_token",
    label: "Refresh token",
    description: "It is tried at once. Without one, the access ends with the access token.",
    type: "password",
  },
  {
    key: "access_token",
    label: "Access token",
    description: "Not needed with a refresh token: the host gets one by itself.",
    type: "password",
  },
  { key: "expires_in", label: "Seconds for which the access token is valid", description: "Empty: until it is revoked.", type: "text" },
] as const;

/** Asks for a refresh token, an access token, or both. */
export function GivenTokensDialog({ name, onConnected, onClose }: GivenTokensProps): JSX.Element {
  const [entered, setEntered] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  async function connect(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      const { refresh_token, access_token, expires_in } = entered;
      const body = { refresh_token: refresh_token || null, access_token: access_token || null, expires_in: numberOf(expires_in) };
      onConnected(await call("POST /api/instances/{name}/grant/tokens", { path: { name }, body }));
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  }
  const close = () => isBusy || onClose();
  return (
    <Dialog title={`Connect ${name} with tokens`} onClose={close}>
      <form class="stack" noValidate onSubmit={(event) => void connect(event)}>
        {FIELDS.map(({ key, ...field }, index) => (
          <TextField
            key={key}
            {...field}
            value={entered[key] ?? ""}
            // A password of the browser's owner has no place here, nor this one in the browser.
            autoComplete="new-password"
            autoFocus={index === 0}
            fault={faultAt(error, key)}
            onInput={(text) => setEntered((old) => ({ ...old, [key]: text.trim() }))}
          />
        ))}
        {isElsewhere(error, FIELDS.map(({ key }) => [key])) && <ErrorNotice error={error} title="It was not connected" />}
        <div class="dialog-actions">
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" look="primary" isBusy={isBusy}>
            Connect
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function numberOf(text: string | undefined): number | null {
  if (!text) return null;
  const number = Number(text);
  // The host says what is wrong with a text that is no number.
  return Number.isNaN(number) ? (text as unknown as number) : number;
}
