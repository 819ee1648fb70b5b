// Whether an instance may use its partner by OAuth 2: since when, until when, and how to change that.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { GrantAnswer, GrantShape, InstanceAnswer } from "../api-types";
import { call } from "../core/client";
import { useLoaded } from "../core/loaded";
import { sentence, timeText } from "../core/texts";
import { Button } from "../parts/button";
import { CopyButton } from "../parts/code";
import { Confirm } from "../parts/dialog";
import { ErrorNotice, Notice, toast } from "../parts/notice";
import { Badge, type BadgeKind, Card, Loading } from "../parts/page";
import { GivenTokensDialog } from "./given-tokens";

const REFRESH_MS = 5_000;
const STATES: Record<GrantShape["state"], { kind: BadgeKind; text: string }> = {
  connected: { kind: "success", text: "Connected" },
  not_connected: { kind: "neutral", text: "Not connected" },
  gone: { kind: "error", text: "Access is gone" },
  expired: { kind: "warning", text: "Expired" },
};
const FLOWS: Record<NonNullable<GrantShape["flow"]>, string> = {
  authorization_code: "by consent at the partner",
  client_credentials: "by the credentials of the app",
  refresh_token: "by tokens that were entered",
};

export function AccessCard({ answer, isChanged }: { answer: InstanceAnswer; isChanged: boolean }): JSX.Element {
  if (answer.instance.sandbox)
    return (
      <Card title="Access">
        <p class="muted">This destination sends to its sandbox, which needs no access to the partner.</p>
      </Card>
    );
  return <Access answer={answer} isChanged={isChanged} />;
}

function Access({ answer, isChanged }: { answer: InstanceAnswer; isChanged: boolean }): JSX.Element {
  const { name, enabled } = answer.instance;
  const loaded = useLoaded(
    `grant ${name}`,
    (signal) => call("GET /api/instances/{name}/grant", { path: { name }, signal }),
    // A disabled instance would be started each time.
    enabled ? REFRESH_MS : undefined,
  );
  // The ways to connect it depend on what is saved.
  const shown = useRef(answer.revision);
  useEffect(() => {
    if (shown.current !== answer.revision) loaded.reload();
    shown.current = answer.revision;
  }, [answer.revision]);
  return (
    <Card title="Access">
      <Loading of={loaded}>
        {({ grant }) => (
          <>
            <Ended grant={grant} name={name} />
            <State grant={grant} />
            <Ways grant={grant} name={name} isChanged={isChanged} onChanged={loaded.reload} />
          </>
        )}
      </Loading>
    </Card>
  );
}

/** How the connect ended from which the browser came back. */
function Ended({ grant, name }: { grant: GrantShape; name: string }): JSX.Element | null {
  if (grant.last_connect === null) return null;
  const { error, at } = grant.last_connect;
  if (error === null)
    return (
      <Notice kind="success" title={`${name} is connected`}>
        <p>The partner granted access at {timeText(at)}.</p>
      </Notice>
    );
  return (
    <Notice kind="error" title={`${name} was not connected`}>
      <p>{sentence(error)}</p>
    </Notice>
  );
}

function State({ grant }: { grant: GrantShape }): JSX.Element {
  const { state, message, flow, actor, obtained_at, refreshed_at, expires_at, refreshable, scopes } = grant;
  const rows: [string, string | undefined][] = [
    ["Since", obtained_at === null ? undefined : `${timeText(obtained_at)}${flow ? `, ${FLOWS[flow]}` : ""}${actor ? `, by ${actor}` : ""}`],
    ["Refreshed", refreshed_at === null || refreshed_at === obtained_at ? undefined : timeText(refreshed_at)],
    ["Until", state === "gone" || obtained_at === null ? undefined : untilText(expires_at, refreshable)],
    ["Scopes", scopes.join(", ") || undefined],
  ];
  return (
    <>
      <p>
        <Badge kind={STATES[state].kind}>{STATES[state].text}</Badge>
      </p>
      {message !== null && state !== "not_connected" && <Notice kind="error">{sentence(message)}</Notice>}
      {state === "not_connected" && <p class="muted">Nothing is sent until it is connected: its events wait.</p>}
      {obtained_at !== null && (
        <dl class="facts">
          {rows.map(
            ([head, text]) =>
              text !== undefined && (
                <div key={head}>
                  <dt>{head}</dt>
                  <dd>{text}</dd>
                </div>
              ),
          )}
        </dl>
      )}
    </>
  );
}

function untilText(expiresAt: string | null, isRefreshable: boolean): string {
  if (expiresAt === null) return "the partner revokes it";
  return isRefreshable ? `${timeText(expiresAt)}; the host gets a new token before` : `${timeText(expiresAt)}; then connect it again`;
}

interface WaysProps {
  grant: GrantShape;
  name: string;
  isChanged: boolean;
  onChanged: () => void;
}

/** The ways to connect the instance as it is configured, and to disconnect it. */
function Ways({ grant, name, isChanged, onChanged }: WaysProps): JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [asked, setAsked] = useState<"tokens" | "disconnect">();
  const path = { name };
  const can = (flow: GrantShape["flows"][number]) => grant.flows.includes(flow);
  const whyNot = whyNotOf(grant, isChanged);
  async function attempt(work: () => Promise<void>): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await work();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  const goToPartner = () =>
    attempt(async () => {
      const { authorize_url } = await call("POST /api/instances/{name}/grant/authorize", { path });
      location.assign(authorize_url);
    });
  const useCredentials = () => attempt(async () => connected(await call("POST /api/instances/{name}/grant/client-credentials", { path })));
  function connected({ instance }: GrantAnswer): void {
    toast(`${instance} is connected`);
    setAsked(undefined);
    onChanged();
  }
  return (
    <>
      {whyNot !== undefined && <p class="muted">{whyNot}</p>}
      {error !== undefined && <ErrorNotice error={error} title="It was not connected" />}
      {can("authorization_code") && <RedirectUri uri={grant.redirect_uri} />}
      <div class="form-actions">
        {can("authorization_code") && (
          <Button look={grant.state === "connected" ? "secondary" : "primary"} isBusy={isBusy} disabled={isChanged} onClick={() => void goToPartner()}>
            {grant.obtained_at === null ? "Connect" : "Connect again"}
          </Button>
        )}
        {can("client_credentials") && (
          <Button isBusy={isBusy} disabled={isChanged} onClick={() => void useCredentials()}>
            Connect with the app’s credentials
          </Button>
        )}
        <Button disabled={isChanged} onClick={() => setAsked("tokens")}>
          Enter tokens
        </Button>
        {grant.obtained_at !== null && (
          <Button look="danger" onClick={() => setAsked("disconnect")}>
            Disconnect
          </Button>
        )}
      </div>
      {asked === "tokens" && <GivenTokensDialog name={name} onConnected={connected} onClose={() => setAsked(undefined)} />}
      {asked === "disconnect" && (
        <Confirm
          title={`Disconnect ${name}?`}
          action="Disconnect"
          isDangerous
          onClose={() => setAsked(undefined)}
          onConfirm={async () => {
            const { message } = await call("DELETE /api/instances/{name}/grant", { path });
            toast(message === null ? `${name} is disconnected, and the partner was told` : `${name} is disconnected: ${message}`, message === null ? "success" : "warning");
            onChanged();
          }}
        >
          <p>Its tokens are deleted, and revoked where the partner allows that. Its events wait until it is connected again.</p>
        </Confirm>
      )}
    </>
  );
}

function whyNotOf(grant: GrantShape, isChanged: boolean): string | undefined {
  if (isChanged) return "Save your changes first: a connect uses the settings that are saved.";
  if (!grant.has_client) return "To connect it by consent at the partner, enter the client ID of your app below, and save.";
  return undefined;
}

function RedirectUri({ uri }: { uri: string }): JSX.Element {
  return (
    <p class="redirect-uri">
      Register this redirect URI at the partner: <code>{uri}</code> <CopyButton text={uri} label="Copy redirect URI" />
    </p>
  );
}
