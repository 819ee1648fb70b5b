// Chooses what a new mapping is made from: a preset, which has trigger and fields, or an action alone.
import type { JSX } from "preact";
import type { DestinationShape } from "../api-types";
import { hrefTo } from "../core/router";
import { useTriggerWords } from "../core/trigger-words";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { NO_TRIGGER, TriggerText } from "../trigger/trigger-text";

export function NewMapping({
  instance,
  destination,
  onClose,
}: {
  instance: string;
  destination: DestinationShape;
  onClose: () => void;
}): JSX.Element {
  const { actions, presets } = destination;
  const words = useTriggerWords(presets.map((each) => each.trigger));
  const editor = hrefTo("destinations", instance, "mappings", "new");
  return (
    <Dialog title="New mapping" onClose={onClose}>
      <div class="dialog-body">
        <p class="muted">Nothing is saved yet: the editor opens with what you choose.</p>
        <h3>From an action</h3>
        <ul class="rows choices">
          {actions.map((each) => (
            <li key={each.slug} class="choice">
              <a href={`${editor}?action=${encodeURIComponent(each.slug)}`}>{each.title}</a>
              <p class="muted">{each.description}</p>
            </li>
          ))}
        </ul>
        {presets.length > 0 && (
          <>
            <h3>From a preset</h3>
            <ul class="rows choices">
              {presets.map((each) => (
                <li key={each.name} class="choice">
                  <a href={`${editor}?preset=${encodeURIComponent(each.name)}`}>{each.name}</a>
                  <p class="muted">{each.trigger === null ? NO_TRIGGER : <>When <TriggerText trigger={each.trigger} words={words} /></>}</p>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      <div class="dialog-actions">
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </Dialog>
  );
}
