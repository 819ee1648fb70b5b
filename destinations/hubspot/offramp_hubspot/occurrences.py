"""The action for custom events: what somebody did, on the timeline of a contact.

Source: HubSpot's developer documentation, pages "Send custom event occurrences" and "Define custom
events".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

import attrs

from offramp import (
    Action,
    Batch,
    ChoicesQuery,
    DynamicChoices,
    Fault,
    Request,
    SaveHook,
    coalesce,
    field,
    format_time,
    path,
)
from offramp_hubspot.api import VERSION, address, call
from offramp_hubspot.definitions import HOOK, define_on_save, event_names, event_properties
from offramp_hubspot.properties import as_texts, property_faults
from offramp_hubspot.settings import Settings

#: Occurrences of one request.
MAX_OCCURRENCES: Final = 500
MAX_PROPERTIES: Final = 50


@attrs.frozen
class Occurrence:
    """One occurrence of a custom event; the default mappings read a track call."""

    event_name: str = field(
        key="eventName",
        label="Event",
        description=(
            "The full name of the custom event at HubSpot, such as pe12345_plan_changed; an event "
            "that was defined when the mapping was saved takes its place"
        ),
        default=path("$.event"),
        dynamic=True,
        minimum=1,
    )
    email: str | None = field(
        label="Email",
        description="The email address of the contact; HubSpot creates one that it does not know",
        default=coalesce(path("$.context.traits.email"), path("$.properties.email")),
    )
    object_id: str | None = field(
        key="objectId",
        label="Record ID",
        description="The id of the record at HubSpot, instead of an email address",
    )
    utk: str | None = field(
        label="User token",
        description="The value of the cookie hubspotutk, for visitors whose address is not known",
        secret=False,  # it opens nothing: it names a visitor
    )
    occurred_at: datetime = field(
        key="occurredAt",
        label="Time",
        description="When it occurred",
        default=path("$.timestamp"),
    )
    uuid: str = field(
        label="ID",
        description="Identifies the occurrence, so that it can be found at HubSpot again",
        default=path("$.messageId"),
        minimum=1,
    )
    properties: dict[str, Any] | None = field(
        label="Properties",
        description="Properties of the event, by their internal names; at most 50",
        default=path("$.properties"),
        default_object_ui="keyvalue",
    )

    def on_the_wire(self, defined: str | None) -> dict[str, Any]:
        """The occurrence as HubSpot accepts it; `defined`, the event of a save hook, wins."""
        known = {"email": self.email, "objectId": self.object_id, "utk": self.utk}
        return {
            "eventName": defined or self.event_name,
            **{key: value for key, value in known.items() if value},
            "occurredAt": format_time(self.occurred_at),
            "uuid": self.uuid,
            "properties": as_texts(self.properties),
        }


class SendEvent(Action[Settings, Occurrence]):
    """Sends occurrences of custom events, up to 500 in a request."""

    slug = "sendEvent"
    title = "Send Event"
    description = "Send an occurrence of a custom event"
    batch = Batch(max_events=MAX_OCCURRENCES)
    dynamic_fields: ClassVar[Mapping[str, str]] = {
        "eventName": "event_names",
        "properties.__keys__": "event_properties",
    }
    save_hooks: ClassVar[Mapping[str, SaveHook]] = {HOOK: define_on_save}

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[Occurrence]
    ) -> None:
        """Send occurrences; HubSpot accepts all of them or, if one is bad, none."""
        defined = request.hook_outputs.get(HOOK, {}).get("eventName")
        inputs = [payload.on_the_wire(defined) for payload in payloads]
        url = address("events", VERSION, "send", "batch")
        await call(request, "POST", url, json={"inputs": inputs})

    def validate(self, payload: Occurrence, **_: object) -> Iterable[Fault]:
        """The faults for which HubSpot would refuse the whole batch."""
        if not (payload.email or payload.object_id or payload.utk):
            yield Fault("$.email", "is missing, and so are objectId and utk; HubSpot needs one")
        count = len(payload.properties or {})
        if count > MAX_PROPERTIES:
            yield Fault("$.properties", f"has {count} properties; at most {MAX_PROPERTIES}")
        yield from property_faults(payload.properties)

    async def event_names(self, request: Request[Settings], query: ChoicesQuery) -> DynamicChoices:
        """The custom events of the account."""
        return await event_names(request, query)

    async def event_properties(
        self, request: Request[Settings], query: ChoicesQuery
    ) -> DynamicChoices:
        """The properties of the custom event that the form has."""
        return await event_properties(request, query)
