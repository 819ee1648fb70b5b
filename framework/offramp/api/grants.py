"""OAuth 2 grants of instances: connect, show, refresh, disconnect; tokens are never shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import attrs

from offramp.api.connecting import (
    USED,
    borrow_for_grant,
    connect_instance,
    endpoint_for,
    finish_connect,
    note_grant,
    problems_of,
)
from offramp.api.connects import (
    CALLBACK_PATH,
    CONNECT_SECONDS,
    cookie_name,
    new_verifier,
    redirect_fault,
)
from offramp.api.grant_shapes import (
    ConnectCode,
    ConnectShape,
    EndedConnectShape,
    EndedGrant,
    GivenTokens,
    GrantAnswer,
    GrantShape,
    NewConnect,
)
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.api.times import write_optional, write_time
from offramp.config import Grant
from offramp.definition import AuthTokens, Flow
from offramp.delivery import InstanceRuntime
from offramp.delivery.token_sources import refreshed_tokens, token_client, token_endpoint
from offramp.errors import DeliveryError

_PATH: Final = "/api/instances/{name}/grant"


class GrantsResource:
    """The grants of instances."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        for method, below, summary, serve, more in (
            ("GET", "", "Show the OAuth grant of an instance, without its tokens", self.show, {}),
            ("POST", "/authorize", "Start a connect: where a person grants access", self.authorize,
             {"answer": ConnectShape, "body": NewConnect, "body_optional": True}),
            ("POST", "/code", "Finish a connect with the code of the partner", self.by_code,
             {"body": ConnectCode}),
            ("POST", "/client-credentials", "Connect with the credentials of the app alone",
             self.by_client_credentials, {}),
            ("POST", "/tokens", "Connect with tokens that were obtained elsewhere",
             self.by_tokens, {"body": GivenTokens}),
            ("POST", "/refresh", "Get a new access token now", self.refresh, {}),
            ("DELETE", "", "Disconnect: revoke the grant if the partner can, and forget it",
             self.disconnect, {"answer": EndedGrant}),
        ):  # fmt: skip
            given: Mapping[str, Any] = {"answer": GrantAnswer, **more}
            yield Operation(
                method=method,
                path=_PATH + below,
                tag="instances",
                summary=summary,
                serve=serve,
                **given,
            )

    async def show(self, call: Call) -> Reply:
        """Answer with the grant."""
        async with self._borrow(call.path["name"]) as runtime:
            return self._reply(call, runtime)

    async def authorize(self, call: Call) -> Reply:
        """Start a connect by authorization code."""
        body: NewConnect | None = call.body
        own = self._own_redirect(call)
        redirect_uri = own if body is None or body.redirect_uri is None else body.redirect_uri
        if fault := redirect_fault(redirect_uri, own):
            raise refuse("redirect_uri", fault)
        async with self._borrow(call.path["name"]) as runtime:
            endpoint = endpoint_for(runtime, "authorization_code")
            verifier, challenge = new_verifier() if endpoint.oauth.pkce else (None, None)
            state, cookie, connect = self._host.connects.begin(
                instance=runtime.instance.name,
                destination=runtime.entry.slug,
                redirect_uri=redirect_uri,
                verifier=verifier,
                actor=call.actor,
                label=call.token,
                session=None if call.session is None else call.session.id,
            )
            with problems_of(runtime):
                url = endpoint.authorize_url(
                    state=state, redirect_uri=redirect_uri, challenge=challenge
                )
        answer: ConnectShape = {
            "authorize_url": url,
            "state": state,
            "redirect_uri": redirect_uri,
            "expires_at": write_time(connect.expires_at),
        }
        headers = {"Set-Cookie": _cookie(state, cookie, redirect_uri)} if call.session else {}
        return Reply(data=answer, headers=headers)

    async def by_code(self, call: Call) -> Reply:
        """Finish a connect that a command began, or a browser whose address was pasted."""
        body: ConnectCode = call.body
        connects, session = self._host.connects, call.session
        found = connects.find(body.state)
        mine = (call.token, None if session is None else session.id)
        if found is None or (found.label, found.session) != mine:
            raise conflict(USED)
        if found.instance != call.path["name"]:
            raise conflict(f"this connect is one of the instance {found.instance!r}")
        connects.take(body.state)
        await finish_connect(self._host, found, body.code)
        return await self.show(call)

    async def by_client_credentials(self, call: Call) -> Reply:
        """Connect with the credentials of the app."""
        async with self._borrow(call.path["name"]) as runtime:
            endpoint = endpoint_for(runtime, "client_credentials")

            async def obtain() -> AuthTokens:
                return await endpoint.by_client_credentials(token_client(runtime))

            await self._connect(call, runtime, "client_credentials", obtain)
            return self._reply(call, runtime)

    async def by_tokens(self, call: Call) -> Reply:
        """Connect with pasted tokens; a refresh token is tried at once."""
        body: GivenTokens = call.body
        access, refresh = body.access_token, body.refresh_token
        if not access and not refresh:
            raise refuse("refresh_token", "is missing: send a refresh token, or an access token")
        if body.expires_in is not None and body.expires_in <= 0:
            raise refuse("expires_in", "must be above 0 seconds")
        given = AuthTokens(
            access_token=access or "",
            refresh_token=refresh or None,
            expires_in=body.expires_in if access else None,
        )
        async with self._borrow(call.path["name"]) as runtime:

            async def obtain() -> AuthTokens:
                if access:
                    return given
                pasted = runtime.keeper.new_grant(given, "refresh_token", call.actor)
                fresh = await refreshed_tokens(runtime, pasted)
                return attrs.evolve(fresh, refresh_token=fresh.refresh_token or refresh)

            await self._connect(call, runtime, "refresh_token", obtain)
            return self._reply(call, runtime)

    async def refresh(self, call: Call) -> Reply:
        """Get a new access token."""
        async with self._borrow(call.path["name"]) as runtime:
            grant = runtime.keeper.grant
            if grant is None or grant.gone is not None:
                raise conflict(
                    f"there is nothing to refresh: connect {runtime.instance.name} first"
                )
            with problems_of(runtime):
                if not await runtime.refresh(grant.tokens):
                    raise conflict("this grant cannot be refreshed: it has no refresh token")
            return self._reply(call, runtime)

    async def disconnect(self, call: Call) -> Reply:
        """Remove the grant."""
        host, name = self._host, call.path["name"]
        async with self._borrow(name) as runtime:
            grant = runtime.keeper.grant
            if grant is None and name not in host.grants.unreadable:
                raise conflict(f"the instance {name!r} is not connected")
            message = None if grant is None else await _revoke(runtime, grant)
            async with host.grants.changing(name):
                await host.grants.remove(name)
            host.connects.forget(name)
            await note_grant(host, name, grant, None, actor=call.actor, token=call.token)
        revoked = grant is not None and message is None
        answer: EndedGrant = {"instance": name, "revoked": revoked, "message": message}
        return Reply(data=answer)

    async def _connect(
        self,
        call: Call,
        runtime: InstanceRuntime,
        flow: Flow,
        obtain: Callable[[], Awaitable[AuthTokens]],
    ) -> None:
        await connect_instance(
            self._host, runtime, flow, obtain, actor=call.actor, token=call.token
        )

    def _borrow(self, name: str) -> AbstractAsyncContextManager[InstanceRuntime]:
        return borrow_for_grant(self._host, name)

    def _own_redirect(self, call: Call) -> str:
        # A console at an address of its own is not at the public one, which senders use.
        is_own = call.host_url == self._host.console
        url = call.host_url if is_own else self._host.public_url or call.host_url
        return url.rstrip("/") + CALLBACK_PATH

    def _reply(self, call: Call, runtime: InstanceRuntime) -> Reply:
        name = runtime.instance.name
        answer: GrantAnswer = {
            "instance": name,
            "grant": _shape(
                runtime,
                redirect_uri=self._own_redirect(call),
                last_connect=self._last_connect(call, name),
            ),
        }
        return Reply(data=answer)

    def _last_connect(self, call: Call, name: str) -> EndedConnectShape | None:
        session = call.session
        found = None if session is None else self._host.connects.ended(session.id, name)
        return None if found is None else {"at": write_time(found.at), "error": found.error}


def _flows(runtime: InstanceRuntime) -> list[Flow]:
    """The ways in which an instance can be connected as it is configured."""
    endpoint = token_endpoint(runtime)
    flows = [] if endpoint is None else [*endpoint.oauth.flows]
    # Tokens from outside need no app.
    return flows if "refresh_token" in flows else [*flows, "refresh_token"]


async def _revoke(runtime: InstanceRuntime, grant: Grant) -> str | None:
    """Revoke a grant at the partner; returns why that was not possible, or `None`."""
    endpoint = token_endpoint(runtime)
    if endpoint is None or endpoint.oauth.revoke_url is None:
        return "the partner was not told: there is no address for that; revoke the access there"
    try:
        await endpoint.revoke(token_client(runtime), grant.tokens)
    except DeliveryError as error:
        return runtime.mask(error.message)
    return None


def _shape(
    runtime: InstanceRuntime, *, redirect_uri: str, last_connect: EndedConnectShape | None
) -> GrantShape:
    keeper = runtime.keeper
    grant, hold, endpoint = keeper.grant, keeper.hold(), token_endpoint(runtime)
    state: Any = "connected"
    if grant is None:
        state = "not_connected"
    elif grant.gone is not None:
        state = "gone"
    elif keeper.expired:
        state = "expired"
    return {
        "state": state,
        "message": None if hold is None else runtime.mask(hold.message),
        "remedy": None if hold is None else hold.remedy,
        "flow": None if grant is None else grant.flow,
        "scopes": [] if grant is None else list(grant.tokens.scopes),
        "expires_at": None if grant is None else write_optional(grant.expires_at),
        "obtained_at": None if grant is None else write_time(grant.obtained_at),
        "refreshed_at": None if grant is None else write_time(grant.refreshed_at),
        "actor": None if grant is None else grant.actor,
        "refreshable": grant is not None and keeper.can_refresh(grant),
        "flows": _flows(runtime),
        "requested_scopes": [] if endpoint is None else list(endpoint.oauth.scopes),
        "has_client": runtime.app.client_id is not None,
        "redirect_uri": redirect_uri,
        "last_connect": last_connect,
    }


def _cookie(state: str, secret: str, redirect_uri: str) -> str:
    """The cookie by which the callback knows the browser; sent on the way back from the partner."""
    parts = [f"{cookie_name(state)}={secret}", f"Path={CALLBACK_PATH}", "HttpOnly"]
    parts += ["SameSite=Lax", f"Max-Age={CONNECT_SECONDS:.0f}"]
    return "; ".join([*parts, *(["Secure"] if redirect_uri.startswith("https:") else [])])
