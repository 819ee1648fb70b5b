"""The properties of HubSpot's object types: which there are, what they are for, their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from offramp import Choice, DynamicChoices, Fault, Request, dumps
from offramp_hubspot.api import VERSION, address, call

CONTACTS: Final = "contacts"
#: Unique for contacts, whatever HubSpot's list of properties says.
EMAIL: Final = "email"
#: How long the properties of an object type are cached.
KEPT: Final = timedelta(minutes=10)

_BY_EMAIL: Final = (CONTACTS, EMAIL)


async def properties_of(request: Request[Any], kind: str) -> list[dict[str, Any]]:
    """The properties of an object type, from the cache if they were asked for lately."""

    async def ask() -> list[dict[str, Any]]:
        answer = await call(request, "GET", address("crm", "properties", VERSION, kind))
        return [
            {
                "name": each["name"],
                "label": each.get("label") or each["name"],
                "unique": bool(each.get("hasUniqueValue")) or (kind, each["name"]) == _BY_EMAIL,
                "writable": not each.get("modificationMetadata", {}).get("readOnlyValue")
                and not each.get("calculated"),
            }
            for each in answer.json()["results"]
        ]

    return await request.cache.get_or_make(f"properties/{kind}", ask, expires=KEPT)


async def is_unique(request: Request[Any], kind: str, name: str) -> bool:
    """Whether no two records of an object type have the same value of a property."""
    if (kind, name) == _BY_EMAIL:  # known without a request
        return True
    return any(
        each["unique"] for each in await properties_of(request, kind) if each["name"] == name
    )


async def choices(request: Request[Any], kind: str, *, only: str = "writable") -> DynamicChoices:
    """The properties of an object type to choose from: those that are `writable`, or `unique`."""
    listed = [each for each in await properties_of(request, kind) if each[only]]
    return DynamicChoices(choices=tuple(Choice(each["name"], each["label"]) for each in listed))


def as_texts(properties: Mapping[str, Any] | None) -> dict[str, str]:
    """Properties as HubSpot stores them, in texts; one that an event lacks is left alone."""
    return {name: _text(value) for name, value in (properties or {}).items() if value is not None}


def property_faults(properties: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Values that no property of HubSpot can have."""
    for name, value in (properties or {}).items():
        items = value if isinstance(value, list) else [value]
        if any(isinstance(item, dict | list) for item in items):
            yield Fault(
                f"$.properties.{name}",
                "is an object; a property of HubSpot is a text, a number, true or false, or a list "
                "of these: map its members to properties of their own",
            )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(_text, value))  # how HubSpot writes several choices
    return value if isinstance(value, str) else dumps(value).decode()
