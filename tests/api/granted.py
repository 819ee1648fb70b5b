"""A destination with OAuth 2 for the control API, and a partner that gives tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from tests.delivery.parts import Item

from offramp import (
    Action,
    AuthTokens,
    Destination,
    OAuth2,
    OutgoingRequest,
    Request,
    RequestOptions,
    Response,
    _json,
    hookimpl,
    setting,
)
from offramp.definition.oauth import FLOWS
from offramp.plugins import Catalog, load_catalog, load_plugins

SLUG = "granted"
CLIENT_SECRET = "client-s3cr3t-of-the-app"
INSTANCE: dict[str, Any] = {
    "name": SLUG,
    "destination": SLUG,
    "source": "site",
    "oauth": {"client_id": "the-client", "client_secret": CLIENT_SECRET},
}


@attrs.frozen
class Settings:
    address: str = setting(label="Address of the partner", default="https://partner.example")


class Send(Action[Settings, Item]):
    """Sends a batch to whatever takes the access token."""

    slug = "send"
    title = "Send"

    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Item]) -> None:
        ids = [each.id for each in payloads]
        await request.post(f"{request.settings.address}/resource", json=ids)


def bearer(_: Settings, auth: AuthTokens | None) -> RequestOptions:
    token = "none" if auth is None else auth.access_token
    return RequestOptions(headers={"Authorization": f"Bearer {token}"})


def granted(**changes: Any) -> Destination:
    """A destination whose partner is at the address in its settings."""
    declared: dict[str, Any] = {
        "slug": SLUG,
        "name": "Granted",
        "settings": Settings,
        "scheme": "oauth2",
        "actions": [Send],
        "extend_request": bearer,
        "oauth": OAuth2(
            authorize_url=lambda settings: f"{settings.address}/authorize",
            token_url=lambda settings: f"{settings.address}/token",
            revoke_url=lambda settings: f"{settings.address}/revoke",
            scopes=["contacts.write"],
            flows=FLOWS,
        ),
    }
    return Destination(**{**declared, **changes})


class GrantedPlugin:
    """The plugin that declares it."""

    def __init__(self, destination: Destination | None = None) -> None:
        self._destination = destination or granted()

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [self._destination]


def granted_catalog(destination: Destination | None = None) -> Catalog:
    """A catalog with this destination alone."""
    return load_catalog(load_plugins(extra=[GrantedPlugin(destination)], installed=False))


async def token_endpoint(outgoing: OutgoingRequest) -> Response:
    """A partner that gives tokens to everybody."""
    body = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600}
    return Response(status=200, headers={}, body=_json.dumps(body), url=outgoing.url)
