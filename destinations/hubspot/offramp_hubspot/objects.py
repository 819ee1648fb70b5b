"""The action for other records: companies, deals, and the custom objects of an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import attrs

from offramp import (
    Action,
    Batch,
    Choice,
    ChoicesQuery,
    DeliveryError,
    DynamicChoices,
    Fault,
    Request,
    field,
)
from offramp_hubspot.api import VERSION, address, call
from offramp_hubspot.properties import choices, property_faults
from offramp_hubspot.records import MAX_RECORDS, SYNC_MODE, Record, write_records
from offramp_hubspot.settings import Settings

#: HubSpot's own object types that records of other systems become; contacts have their own action.
STANDARD_TYPES: Final = (
    Choice("companies", "Companies"),
    Choice("deals", "Deals"),
    Choice("tickets", "Tickets"),
    Choice("products", "Products"),
    Choice("line_items", "Line items"),
)


@attrs.frozen
class CRMObject:
    """What an event says of a record of any object type."""

    kind: str = field(
        key="objectType",
        label="Object type",
        description="The type of the record: companies, deals, or a custom object such as 2-123456",
        dynamic=True,
        minimum=1,
    )
    id_property: str = field(
        key="idProperty",
        label="Identified by",
        description=(
            "The property by which a record is found; with one that is not unique, such as the "
            "domain of companies, two records may be created at the same time"
        ),
        dynamic=True,
        minimum=1,
    )
    id: str = field(
        label="Identifier",
        description="The value of that property",
        minimum=1,
    )
    properties: dict[str, Any] | None = field(
        label="Properties",
        description="Properties of the record, by their internal names at HubSpot",
        default_object_ui="keyvalue",
    )

    def record(self) -> Record:
        """The object as a record."""
        return Record(
            kind=self.kind,
            id_property=self.id_property,
            id=self.id,
            properties=self.properties,
        )


class UpsertObject(Action[Settings, CRMObject]):
    """Creates or updates records of any object type, up to 100 in a request."""

    slug = "upsertObject"
    title = "Upsert Object"
    description = "Create or update a company, a deal or a record of a custom object"
    batch = Batch(max_events=MAX_RECORDS, keys=("objectType", "idProperty"))
    sync_mode = SYNC_MODE
    dynamic_fields: ClassVar[Mapping[str, str]] = {
        "objectType": "object_types",
        "idProperty": "all_properties",
        "properties.__keys__": "all_properties",
    }

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[CRMObject]
    ) -> list[DeliveryError | None]:
        """Write records of the same type that are identified by the same property."""
        return await write_records(request, [payload.record() for payload in payloads])

    def validate(self, payload: CRMObject, **_: object) -> Iterable[Fault]:
        """Values that no property of HubSpot can have."""
        return property_faults(payload.properties)

    async def object_types(
        self,
        request: Request[Settings],
        query: ChoicesQuery,  # noqa: ARG002 - all of them are offered, and the host narrows them
    ) -> DynamicChoices:
        """HubSpot's own object types, and the account's custom ones."""
        answer = await call(request, "GET", address("crm-object-schemas", VERSION, "schemas"))
        custom = [
            Choice(each["objectTypeId"], each["labels"].get("plural") or each["name"])
            for each in answer.json()["results"]
        ]
        return DynamicChoices(choices=(*STANDARD_TYPES, *custom))

    async def all_properties(
        self, request: Request[Settings], query: ChoicesQuery
    ) -> DynamicChoices:
        """The properties of the object type that the form has."""
        kind = query.payload.get("objectType")
        if not isinstance(kind, str) or not kind:
            return DynamicChoices()
        return await choices(request, kind)
