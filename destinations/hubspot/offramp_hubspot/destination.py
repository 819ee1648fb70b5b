"""HubSpot as a destination: OAuth, the actions, presets, deletion, the sandbox."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from offramp import (
    DeliveryError,
    Destination,
    HTTPError,
    InvalidAuthenticationError,
    OAuth2,
    OutgoingRequest,
    Preset,
    Request,
    RequestOptions,
    RunningSandbox,
    Sandbox,
    path,
)
from offramp_hubspot.api import FORBIDDEN, UNAUTHORIZED, VERSION, address, call, consent_page
from offramp_hubspot.contacts import UpsertContact, erase_contact
from offramp_hubspot.emulator import Emulator
from offramp_hubspot.objects import UpsertObject
from offramp_hubspot.occurrences import SendEvent
from offramp_hubspot.settings import Settings

#: What contacts need. Source: HubSpot, "Scopes".
SCOPES: Final = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.schemas.contacts.read",
)


def authenticate(outgoing: OutgoingRequest) -> RequestOptions:
    """The access token as a bearer token."""
    if outgoing.auth is None:
        return RequestOptions()
    return RequestOptions(headers={"Authorization": f"Bearer {outgoing.auth.access_token}"})


async def check_account(request: Request[Settings]) -> None:
    """Ask for the details of the account, which every token may read.

    After an outage or a throttled answer the error says that nothing is known about the tokens.
    """
    try:
        await call(request, "GET", address("account-info", VERSION, "details"))
    except HTTPError as error:
        if error.status in (UNAUTHORIZED, FORBIDDEN):
            raise InvalidAuthenticationError(
                "HubSpot refuses the access token: connect the instance again, and check that the "
                "app is still installed in the account"
            ) from error
        raise DeliveryError(
            f"could not find out whether the tokens are good: HubSpot answered {error.status}; "
            "try again later",
            status=error.status,
        ) from error


@contextlib.asynccontextmanager
async def start_sandbox() -> AsyncIterator[RunningSandbox]:
    """Run an emulator of HubSpot on a free port."""
    async with Emulator(accept_any_token=True) as emulator:
        yield RunningSandbox(url=emulator.url, received=lambda: emulator.received)


hubspot = Destination(
    slug="hubspot",
    name="HubSpot",
    description="Contacts, companies, deals, custom objects and custom events of HubSpot",
    settings=Settings,
    scheme="oauth2",
    # Functions, as a variable of the environment may name an emulator.
    oauth=OAuth2(
        authorize_url=lambda _: consent_page(),
        token_url=lambda _: address("oauth", VERSION, "token"),
        revoke_url=lambda _: address("oauth", VERSION, "token", "revoke"),
        scopes=SCOPES,
        client_authentication="post",
    ),
    actions=[UpsertContact, UpsertObject, SendEvent],
    presets=[
        Preset(
            name="Contacts from identify calls", action="upsertContact", trigger='type = "identify"'
        ),
        Preset(
            name="Companies from group calls",
            action="upsertObject",
            trigger='type = "group"',
            mapping={
                "objectType": "companies",
                "idProperty": "domain",
                "id": path("$.traits.website"),
                "properties": {
                    "name": path("$.traits.name"),
                    "industry": path("$.traits.industry"),
                    "numberofemployees": path("$.traits.employees"),
                },
            },
        ),
    ],
    extend_request=authenticate,
    test_authentication=check_account,
    on_delete=erase_contact,
    sandbox=Sandbox(
        label="HubSpot emulator",
        description=(
            "An emulator of the parts of HubSpot that are used, on this machine: an account with "
            "contacts, companies, deals, a custom object and a custom event, which is empty at "
            "each start."
        ),
        start=start_sandbox,
    ),
)
