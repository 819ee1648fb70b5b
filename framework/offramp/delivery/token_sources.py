"""Where the tokens of a running instance come from: its partner's endpoint, or its plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from offramp.definition import AuthTokens
from offramp.definition.awaited import awaited
from offramp.delivery.token_requests import NoTokenError, TokenEndpoint
from offramp.http import make_mask

if TYPE_CHECKING:
    from offramp.config import Grant
    from offramp.delivery.runtime import InstanceRuntime
    from offramp.http import Client


def token_client(runtime: InstanceRuntime) -> Client[Any]:
    """A client for requests for tokens: without what the destination adds to its requests."""
    client = runtime.client()
    client.extend = None
    return client


def token_endpoint(runtime: InstanceRuntime) -> TokenEndpoint | None:
    """The partner's side of OAuth 2; `None` if neither plugin nor operator describes it."""
    destination = runtime.entry.destination
    settings = runtime.typed_settings(destination.settings)
    return TokenEndpoint.of(destination, runtime.app, settings)


def can_refresh(runtime: InstanceRuntime, grant: Grant | None) -> bool:
    """Whether new tokens can be requested in the place of a grant's."""
    if runtime.entry.destination.refresh_access_token is not None:
        return True
    if grant is None or token_endpoint(runtime) is None:
        return False
    return grant.flow == "client_credentials" or grant.tokens.refresh_token is not None


async def refreshed_tokens(runtime: InstanceRuntime, grant: Grant | None) -> AuthTokens:
    """Ask for new tokens: with the destination's own function, or as RFC 6749 says."""
    refresh = runtime.entry.destination.refresh_access_token
    if refresh is not None:
        client = runtime.client()
        if grant is not None:
            client.auth = attrs.evolve(grant.tokens, client=runtime.app.client)
            mask = make_mask([grant.tokens.access_token, grant.tokens.refresh_token or ""])
            before = client.mask
            client.mask = lambda text: mask(before(text))
        return await awaited(refresh, client)
    endpoint = token_endpoint(runtime)
    if endpoint is None or grant is None:
        raise NoTokenError(
            "the instance has no client id, or no address for tokens: write them into its table "
            "`oauth`"
        )
    if grant.flow == "client_credentials":
        return await endpoint.by_client_credentials(token_client(runtime))
    return await endpoint.by_refresh_token(token_client(runtime), grant.tokens.refresh_token or "")
