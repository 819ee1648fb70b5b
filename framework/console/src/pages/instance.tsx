// An instance of a destination: its state, its mappings and its settings.
import type { JSX } from "preact";
import type { DestinationShape, InstanceAnswer, SandboxShape, StatusShape } from "../api-types";
import { AudiencesTab } from "../audiences/audiences-tab";
import { ApiError, call } from "../core/client";
import { enabledOf, instanceState } from "../core/instance-state";
import { useLoaded } from "../core/loaded";
import { goTo, hrefTo } from "../core/router";
import { sentence, timeText } from "../core/texts";
import { MappingsTab } from "../mappings/mappings-tab";
import { ButtonLink } from "../parts/button";
import { type Changes, useChanges } from "../parts/changes";
import { Switch } from "../parts/field";
import { Menu } from "../parts/menu";
import { Notice, toast } from "../parts/notice";
import { Badge, Empty, Loading, Page, Tabs } from "../parts/page";
import { SettingsTab } from "../settings/settings-tab";

const REFRESH_MS = 5_000;
const BACK = { href: hrefTo("destinations"), label: "Destinations" };

const TABS = ["mappings", "settings", "audiences"] as const;
export type Tab = (typeof TABS)[number];

/** The tab of an address; the mappings if it names none. */
export function tabOf(name: string | undefined): Tab {
  return TABS.find((each) => each === name) ?? "mappings";
}

/** What changes by itself, and is read again and again. */
interface Opened {
  answer: InstanceAnswer;
  status: StatusShape;
}

/** What stays as long as the host runs. */
interface Declared {
  /** `undefined` if no plugin offers the destination any more. */
  destination: DestinationShape | undefined;
  /** The destination's own emulator of its partner; `undefined` if it declares none. */
  sandbox: SandboxShape | undefined;
}

export function InstancePage({ name, tab }: { name: string; tab: Tab }): JSX.Element {
  const opened = useLoaded(`instance ${name}`, (signal) => open(name, signal), REFRESH_MS);
  const isGone = opened.error instanceof ApiError && opened.error.status === 404;
  if (opened.data && !isGone) return <Shown opened={opened.data} tab={tab} reload={opened.reload} />;
  return (
    <Page title={name} back={BACK}>
      {isGone ? (
        <Empty title={`There is no destination ${name}`}>
          <p>It was deleted, or never added.</p>
          <ButtonLink href={hrefTo("destinations")}>Show all destinations</ButtonLink>
        </Empty>
      ) : (
        <Loading of={opened}>{() => null}</Loading>
      )}
    </Page>
  );
}

async function open(name: string, signal: AbortSignal): Promise<Opened> {
  const [answer, status] = await Promise.all([
    call("GET /api/instances/{name}", { path: { name }, signal }),
    call("GET /api/status", { query: { instance: name }, signal }),
  ]);
  return { answer, status };
}

async function declared(slug: string, signal: AbortSignal): Promise<Declared> {
  const [{ destinations }, { sandboxes }] = await Promise.all([
    call("GET /api/catalog", { signal }),
    call("GET /api/sandboxes", { signal }),
  ]);
  const isOffered = destinations.some((each) => each.slug === slug);
  const destination = isOffered ? await call("GET /api/catalog/{slug}", { path: { slug }, signal }) : undefined;
  return { destination, sandbox: sandboxes.find((each) => each.destination === slug) };
}

function Shown({ opened, tab, reload }: { opened: Opened; tab: Tab; reload: () => void }): JSX.Element {
  const { answer, status } = opened;
  const { instance } = answer;
  const { name } = instance;
  const declaration = useLoaded(`declared ${instance.destination}`, (signal) => declared(instance.destination, signal));
  const changes = useChanges();
  const own = status.instances.find((each) => each.name === name);
  const state = instanceState(instance, own);
  return (
    <Page
      title={name}
      subtitle={
        <>
          <a href={hrefTo("catalog", instance.destination)}>{declaration.data?.destination?.name ?? instance.destination}</a> from the source{" "}
          <a href={hrefTo("sources", instance.source)}>{instance.source}</a>{" "}
          {/* Whether it is enabled is shown by its switch. */}
          {instance.sandbox && <Badge kind="accent">Sandbox</Badge>}{" "}
          {state.kind !== "neutral" && state.kind !== "success" && <Badge kind={state.kind}>{state.text}</Badge>}
        </>
      }
      back={BACK}
      actions={<Actions opened={opened} changes={changes} reload={reload} />}
    >
      {changes.view}
      <Troubles opened={opened} tab={tab} />
      <Tabs
        label={name}
        tabs={[
          { label: "Mappings", href: hrefTo("destinations", name, "mappings"), isCurrent: tab === "mappings" },
          { label: "Settings", href: hrefTo("destinations", name, "settings"), isCurrent: tab === "settings" },
          ...(declaration.data?.destination?.audience
            ? [{ label: "Audiences", href: hrefTo("destinations", name, "audiences"), isCurrent: tab === "audiences" }]
            : []),
        ]}
      />
      <Loading of={declaration}>
        {({ destination, sandbox }) =>
          destination === undefined ? (
            <Notice kind="error" title={`No plugin offers the destination ${instance.destination}`}>
              <p>Install the plugin that has it, and start the host again. Its events wait until then.</p>
            </Notice>
          ) : tab === "settings" ? (
            <SettingsTab answer={answer} destination={destination} sandbox={sandbox} onSaved={reload} />
          ) : tab === "audiences" && destination.audience ? (
            <AudiencesTab answer={answer} form={destination.audience} onChanged={reload} />
          ) : (
            <MappingsTab answer={answer} destination={destination} status={status} onChanged={reload} />
          )
        }
      </Loading>
    </Page>
  );
}

function Actions({ opened, changes, reload }: { opened: Opened; changes: Changes; reload: () => void }): JSX.Element {
  const { name, enabled, paused, subscriptions } = opened.answer.instance;
  const path = { name };
  async function pauseOrResume(): Promise<void> {
    if (paused) await call("POST /api/instances/{name}/resume", { path });
    else await call("POST /api/instances/{name}/pause", { path });
    reload();
  }
  function turn(isOn: boolean): void {
    changes.start({
      title: `Disable ${name}?`,
      action: isOn ? "Enable" : "Disable",
      async run(confirm) {
        if (isOn) await call("POST /api/instances/{name}/enable", { path });
        else await call("POST /api/instances/{name}/disable", { path, query: { confirm } });
        reload();
      },
    });
  }
  function remove(): void {
    changes.start({
      title: `Delete ${name}?`,
      action: "Delete",
      isDangerous: true,
      question: (
        <p>
          Its settings and {subscriptions.length === 1 ? "its mapping" : `its ${subscriptions.length} mappings`} go too, and cannot be
          restored. Events are not sent to it any more.
        </p>
      ),
      async run(confirm) {
        await call("DELETE /api/instances/{name}", { path, query: { confirm } });
        goTo(hrefTo("destinations"));
        toast(`${name} is deleted`);
      },
    });
  }
  return (
    <>
      <span class="labelled-switch">
        <span aria-hidden="true">{enabled ? "Enabled" : "Disabled"}</span>
        <Switch label={`Enable ${name}`} isOn={enabled} isBusy={changes.isBusy} onChange={turn} />
      </span>
      <Menu
        label={`More about ${name}`}
        items={[
          {
            label: paused ? "Resume" : "Pause",
            icon: paused ? "play" : "pause",
            onChoose: () => changes.start({ title: "", action: paused ? "Resume" : "Pause", run: pauseOrResume }),
          },
          { label: "Delete", icon: "trash", isDangerous: true, onChoose: remove },
        ]}
      />
    </>
  );
}

/** What keeps the instance from delivering, and what to do about it. */
function Troubles({ opened, tab }: { opened: Opened; tab: Tab }): JSX.Element {
  const { instance } = opened.answer;
  const isIdle = instance.enabled && instance.subscriptions.length > 0 && enabledOf(opened.status, instance.subscriptions) === 0;
  const breaker = opened.status.instances.find((each) => each.name === instance.name)?.circuit_breaker;
  return (
    <>
      {instance.problem !== null && (
        <Notice kind="error" title="This destination does not run">
          <p>{sentence(instance.problem)}</p>
        </Notice>
      )}
      {breaker && breaker.state !== "closed" && (
        <Notice kind="error" title="The host holds this destination back: its events wait">
          {breaker.message && <p>{sentence(breaker.message)}</p>}
          {breaker.reason === "grant" ? (
            <Connect instance={instance.name} tab={tab} />
          ) : (
            breaker.remedy && <p>{sentence(breaker.remedy)}</p>
          )}
          {breaker.until && <p>The next attempt is at {timeText(breaker.until)}.</p>}
        </Notice>
      )}
      {instance.paused && (
        <Notice kind="warning" title="Paused">
          <p>Events are accepted and wait. Choose Resume in the menu to deliver them.</p>
        </Notice>
      )}
      {isIdle && (
        <Notice title="No mapping is enabled: nothing is sent">
          <p>
            {tab === "settings"
              ? "Go on to the tab Mappings, look at what it has, and enable one."
              : "Look at a mapping with Edit Mapping in its menu, then turn it on with its switch."}
          </p>
        </Notice>
      )}
    </>
  );
}

function Connect({ instance, tab }: { instance: string; tab: Tab }): JSX.Element {
  if (tab === "settings") return <p>Connect it below, under Access.</p>;
  return <ButtonLink href={hrefTo("destinations", instance, "settings")}>Connect it in its settings</ButtonLink>;
}
