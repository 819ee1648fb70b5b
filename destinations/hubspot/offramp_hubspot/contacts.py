"""Contacts, the people in an account: the action that writes them, and how one is forgotten.

Source: HubSpot's developer documentation, pages "Contacts" and "Permanently delete a contact
(GDPR-compliant)".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from offramp import (
    Action,
    Batch,
    ChoicesQuery,
    DeliveryError,
    DynamicChoices,
    Fault,
    RejectedError,
    Request,
    coalesce,
    field,
    path,
)
from offramp_hubspot.api import call, objects
from offramp_hubspot.finding import find_records
from offramp_hubspot.properties import CONTACTS, EMAIL, choices, property_faults
from offramp_hubspot.records import MAX_RECORDS, SYNC_MODE, Record, write_records
from offramp_hubspot.settings import Settings


def _trait(name: str) -> dict[str, Any]:
    return path(f"$.traits.{name}")


@attrs.frozen
class Contact:
    """What an event says of a contact; the default mappings read an identify call."""

    id_property: str = field(
        key="idProperty",
        label="Identified by",
        description="The unique property of contacts by which a contact is found",
        default=EMAIL,
        dynamic=True,
        minimum=1,
    )
    id: str = field(
        label="Identifier",
        description="The value of that property, such as the email address",
        default=coalesce(_trait("email"), path("$.context.traits.email")),
        minimum=1,
    )
    properties: dict[str, Any] | None = field(
        label="Properties",
        description="Properties of the contact, by their internal names at HubSpot",
        default={
            "firstname": coalesce(_trait("firstName"), _trait("first_name")),
            "lastname": coalesce(_trait("lastName"), _trait("last_name")),
            "phone": _trait("phone"),
            "company": _trait("company.name"),
            "website": _trait("website"),
            "city": _trait("address.city"),
            "country": _trait("address.country"),
        },
        default_object_ui="keyvalue",
    )

    def record(self) -> Record:
        """The contact as a record."""
        return Record(
            kind=CONTACTS,
            id_property=self.id_property,
            id=self.id,
            properties=self.properties,
        )


class UpsertContact(Action[Settings, Contact]):
    """Creates or updates contacts, up to 100 in a request."""

    slug = "upsertContact"
    title = "Upsert Contact"
    description = "Create or update a contact"
    batch = Batch(max_events=MAX_RECORDS, keys=("idProperty",))
    sync_mode = SYNC_MODE
    dynamic_fields: ClassVar[Mapping[str, str]] = {
        "idProperty": "unique_properties",
        "properties.__keys__": "writable_properties",
    }

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[Contact]
    ) -> list[DeliveryError | None]:
        """Write contacts that are identified by the same property."""
        return await write_records(request, [payload.record() for payload in payloads])

    def validate(self, payload: Contact, **_: object) -> Iterable[Fault]:
        """Values that no property of HubSpot can have."""
        return property_faults(payload.properties)

    async def unique_properties(
        self,
        request: Request[Settings],
        query: ChoicesQuery,  # noqa: ARG002 - all of them are offered, and the host narrows them
    ) -> DynamicChoices:
        """The properties by which a contact can be found."""
        return await choices(request, CONTACTS, only="unique")

    async def writable_properties(
        self,
        request: Request[Settings],
        query: ChoicesQuery,  # noqa: ARG002 - all of them are offered, and the host narrows them
    ) -> DynamicChoices:
        """The properties that an event can set."""
        return await choices(request, CONTACTS)


async def erase_contact(request: Request[Settings], event: Mapping[str, Any]) -> None:
    """Delete a contact for good, with all that HubSpot knows of it.

    HubSpot also blocks an email address that no contact has.
    """
    user_id, email = event.get("userId"), _email_of(event)
    if email is not None:
        await _erase(request, {"idProperty": EMAIL, "objectId": email})
        return
    by = request.settings.user_id_property
    if not by or not user_id:
        raise RejectedError(
            "the event has no email address, and no contact can be found by its user ID: set "
            "`userIdProperty` to the property of contacts that has it"
        )
    key = str(user_id).lower()
    for record_id in (await find_records(request, CONTACTS, by, [key])).get(key, ()):
        await _erase(request, {"objectId": record_id})


async def _erase(request: Request[Settings], body: Mapping[str, str]) -> None:
    await call(request, "POST", objects(CONTACTS, "gdpr-delete"), json=body)


def _email_of(event: Mapping[str, Any]) -> str | None:
    """The email address that an event names, also as its user ID."""
    context = event.get("context") or {}
    for traits in (event.get("traits"), context.get("traits")):
        if isinstance(traits, Mapping) and isinstance(traits.get("email"), str):
            return str(traits["email"])
    user_id = str(event.get("userId") or "")
    return user_id if "@" in user_id else None
