"""A destination with OAuth 2 for the control API, and a partner that gives tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from tests.delivery.parts import Item
from tests.plugins.small import catalog_of, declares

from offramp import (
    Action,
    Destination,
    OAuth2,
    OutgoingRequest,
    Request,
    RequestOptions,
    Response,
    _json,
    setting,
)
from offramp.definition.oauth import FLOWS
from offramp.plugins import Catalog

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


def bearer(outgoing: OutgoingRequest) -> RequestOptions:
    token = "none" if outgoing.auth is None else outgoing.auth.access_token
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


def granted_catalog(destination: Destination | None = None) -> Catalog:
    """A catalog with this destination alone."""
    return catalog_of(declares("granted", destination or granted()))


async def token_endpoint(outgoing: OutgoingRequest) -> Response:
    """A partner that gives tokens to everybody."""
    body = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600}
    return Response(status=200, headers={}, body=_json.dumps(body), url=outgoing.url)
