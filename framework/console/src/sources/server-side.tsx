// Whether a source is server-side: only then does it take events of type `delete`.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SourceShape } from "../api-types";
import { call } from "../core/client";
import { Button } from "../parts/button";
import { Checkbox } from "../parts/field";
import { ErrorNotice, toast } from "../parts/notice";
import { Card } from "../parts/page";

const DESCRIPTION =
  "Events of type `delete` are taken from it: each asks the destinations to delete a user. " +
  "**The key of a page or an app must never be a key of such a source**: everybody can read it, and could have any user deleted.";

/** The control, with what it means. */
export function ServerSideBox({ isChecked, onChange }: { isChecked: boolean; onChange: (isChecked: boolean) => void }): JSX.Element {
  return <Checkbox label="Server-side: only servers of yours send to it" description={DESCRIPTION} isChecked={isChecked} onChange={onChange} />;
}

/** Changes it for a source that exists. */
export function ServerSideCard({ source, onSaved }: { source: SourceShape; onSaved: () => void }): JSX.Element {
  const { name, server_side } = source;
  const [isOn, setOn] = useState(server_side);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  async function save(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await call("PATCH /api/sources/{name}", { path: { name }, body: { server_side: isOn } });
      toast(isOn ? "It takes requests to delete users now" : "It takes no requests to delete users any more");
      onSaved();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  return (
    <Card title="Requests to delete users">
      <form class="stack" onSubmit={(event) => void save(event)}>
        <ServerSideBox isChecked={isOn} onChange={setOn} />
        {error !== undefined && <ErrorNotice error={error} title="It is not saved" />}
        <div class="form-actions">
          <Button type="submit" look="primary" isBusy={isBusy} disabled={isOn === server_side}>
            Save changes
          </Button>
        </div>
      </form>
    </Card>
  );
}
