// Adds the first destination: with the destination's own emulator where it has one, or for real.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { SandboxShape } from "../api-types";
import { call } from "../core/client";
import { hrefTo } from "../core/router";
import { Button, ButtonLink } from "../parts/button";
import { ErrorNotice, Notice } from "../parts/notice";
import type { StepProps } from "./progress";

export function ChooseDestination({ progress, onChanged }: StepProps): JSX.Element {
  const { catalog, instances, sandboxes, sources } = progress;
  const [source] = sources;
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<unknown>();
  async function addSandbox(sandbox: SandboxShape): Promise<void> {
    if (!source) return;
    setBusy(sandbox.destination);
    setError(undefined);
    try {
      await addWithSandbox(sandbox, source.name);
      onChanged();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(undefined);
    }
  }
  return (
    <div class="stack">
      {instances.length > 0 && (
        <Notice kind="warning" title="No destination delivers yet">
          <ul>
            {instances.map(({ name, problem }) => (
              <li key={name}>
                <a href={hrefTo("destinations", name, "settings")}>Enter the settings of {name}</a>: {problem ?? "it is disabled."}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <p>Where should the events of {source?.name} go?</p>
      <ul class="rows" aria-label="Destinations">
        {catalog.destinations.map((each) => {
          const sandbox = sandboxes.find((one) => one.destination === each.slug);
          return (
            <li key={each.slug} class="row">
              <strong>{each.name}</strong>
              {sandbox && <span class="muted">{sandbox.description}</span>}
              <span class="row-end button-row">
                {sandbox && (
                  <Button isBusy={busy === each.slug} onClick={() => void addSandbox(sandbox)}>
                    Try it with {sandbox.label}
                  </Button>
                )}
                <ButtonLink href={hrefTo("catalog", each.slug, "add")} look="primary">
                  Configure {each.name}
                </ButtonLink>
              </span>
            </li>
          );
        })}
      </ul>
      {error !== undefined && <ErrorNotice error={error} title="It was not added" />}
    </div>
  );
}

/** Add an instance that sends to the emulator, with the presets as disabled mappings. */
async function addWithSandbox({ destination, name, settings }: SandboxShape, source: string): Promise<void> {
  const body = { name: `${name} sandbox`, destination, source, settings, sandbox: true };
  await call("POST /api/sandboxes/{slug}", { path: { slug: destination } });
  await call("POST /api/instances", { body });
  const { presets } = await call("GET /api/catalog/{slug}", { path: { slug: destination } });
  for (const preset of presets) await call("POST /api/subscriptions", { body: { instance: body.name, preset: preset.name } });
}
