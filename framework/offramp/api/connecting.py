"""Obtains the OAuth 2 grant of an instance: with the code of a connect, or in another way."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, Final

from offramp.api.connects import Connect
from offramp.api.host_context import HostContext
from offramp.api.problems import ProblemError, conflict
from offramp.api.times import write_optional
from offramp.config import Grant, Instance
from offramp.definition import AuthTokens, Flow
from offramp.delivery import InstanceRuntime
from offramp.delivery.token_requests import TokenEndpoint
from offramp.delivery.token_sources import token_client, token_endpoint
from offramp.errors import DeliveryError
from offramp.plugins import pick

log = logging.getLogger(__name__)

USED: Final = "this connect was used already, has expired or was begun by somebody else: start anew"


@asynccontextmanager
async def borrow_for_grant(host: HostContext, name: str) -> AsyncIterator[InstanceRuntime]:
    """The running instance; raises `ProblemError` if it needs no grant."""
    _, config = await host.configs.load()
    instance: Instance = pick(config.instances, name, "instance")
    entry = host.catalog[instance.destination]
    if not entry.destination.needs_grant:
        raise conflict(f"the destination {entry.slug!r} does not use OAuth 2")
    if instance.sandbox:
        raise conflict(f"{name!r} uses a sandbox, which needs no grant: let it use the partner")
    async with host.engine.borrow(instance) as runtime:
        yield runtime


async def finish_connect(host: HostContext, connect: Connect, code: str) -> None:
    """Exchange the code of a connect that was taken; raises `ProblemError`."""
    async with borrow_for_grant(host, connect.instance) as runtime:
        if runtime.entry.slug != connect.destination:
            raise conflict(USED)
        endpoint = endpoint_for(runtime, "authorization_code")

        async def obtain() -> AuthTokens:
            return await endpoint.by_code(
                token_client(runtime),
                code=code,
                redirect_uri=connect.redirect_uri,
                verifier=connect.verifier,
            )

        await connect_instance(
            host, runtime, "authorization_code", obtain, actor=connect.actor, token=connect.label
        )


async def connect_instance(  # noqa: PLR0913 - a grant, and who asked for it
    host: HostContext,
    runtime: InstanceRuntime,
    flow: Flow,
    obtain: Callable[[], Awaitable[AuthTokens]],
    *,
    actor: str,
    token: str,
) -> None:
    """Obtain and store a grant, and enter that into the audit log; raises `ProblemError`."""
    before = runtime.keeper.grant
    with problems_of(runtime):
        grant = await runtime.keeper.connect(obtain, flow=flow, actor=actor)
    host.connects.forget(runtime.instance.name)
    await note_grant(host, runtime.instance.name, before, grant, actor=actor, token=token)


async def note_grant(  # noqa: PLR0913 - the columns of an entry
    host: HostContext,
    name: str,
    before: Grant | None,
    after: Grant | None,
    *,
    actor: str,
    token: str,
) -> None:
    """Enter a change of a grant into the log and the audit log, without its tokens."""
    what = "disconnected" if after is None else "connected"
    log.info(
        "the instance %s was %s by %s, with the token %r", name, what, actor, token,
        extra={"action": f"grant_{what}", "instance": name},
    )  # fmt: skip
    await host.configs.note(
        "grant", name, before=_audited(before), after=_audited(after), actor=actor, token=token
    )


def _audited(grant: Grant | None) -> Mapping[str, Any] | None:
    if grant is None:
        return None
    expires_at = write_optional(grant.expires_at)
    return {"flow": grant.flow, "scopes": list(grant.tokens.scopes), "expires_at": expires_at}


def endpoint_for(runtime: InstanceRuntime, flow: Flow) -> TokenEndpoint:
    """The partner's endpoint for a flow; raises `ProblemError` that says what is missing."""
    endpoint, name = token_endpoint(runtime), runtime.instance.name
    if endpoint is None:
        missing = "`client_id`" if runtime.app.client_id is None else "`token_url`"
        raise conflict(f"write {missing} into the table `oauth` of the instance {name!r} first")
    if flow not in endpoint.oauth.flows:
        flows = ", ".join(endpoint.oauth.flows)
        raise conflict(f"the destination does not support {flow} here, but: {flows}")
    return endpoint


@contextmanager
def problems_of(runtime: InstanceRuntime) -> Iterator[None]:
    """Answer with what the partner says where it gives no tokens, secrets masked."""
    try:
        yield
    except DeliveryError as error:
        raise ProblemError(HTTPStatus.BAD_GATEWAY, runtime.mask(error.message)) from error
