"""The records of the emulated account: created, updated, found and erased as at HubSpot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any, Final

import attrs

from offramp_hubspot.emulator.answers import CONFLICT, NOT_FOUND, RefusedError
from offramp_hubspot.emulator.schema import CONTACTS, ObjectType

_FIRST_ID: Final = 101


@attrs.define(kw_only=True)
class Record:
    """One record; the values of its properties are texts, as HubSpot stores them."""

    id: str
    object_type: ObjectType
    properties: dict[str, str]
    created_at: datetime
    updated_at: datetime
    #: How many times its properties were written.
    writes: int = 1

    def as_data(self) -> dict[str, Any]:
        """The record as JSON data."""
        return {
            "id": self.id,
            "properties": {**self.properties, "hs_object_id": self.id},
            "createdAt": self.created_at.isoformat(),
            "updatedAt": self.updated_at.isoformat(),
            "archived": False,
        }

    def has(self, name: str, value: Any) -> bool:
        """Whether a property has a value, whatever its case."""
        own = self.id if name == "hs_object_id" else self.properties.get(name)
        return own is not None and own.lower() == str(value).lower()


class Records:
    """All records of an account.

    Args:
        now: Returns the time, with its zone.
        search_lag: For how many seconds a search does not find what was created.
    """

    def __init__(self, *, now: Callable[[], datetime], search_lag: float) -> None:
        self._now = now
        self.search_lag = search_lag
        self._ids = count(_FIRST_ID)
        self._all: dict[tuple[str, str], Record] = {}
        #: (object type, property, value in lower case) -> record.
        self._unique: dict[tuple[str, str, str], Record] = {}
        #: Email addresses that were erased without a contact: none can be created with them.
        self.blocked: set[str] = set()
        #: (object type, property, value) -> how many records were created with it.
        self.creations: Counter[tuple[str, str, str]] = Counter()

    def of(self, kind: ObjectType) -> Iterator[Record]:
        """The records of an object type, in the order of their creation."""
        return (each for each in self._all.values() if each.object_type is kind)

    def find(self, kind: ObjectType, by: str | None, value: Any) -> Record | None:
        """The record with an id, or with a value of a unique property."""
        if by in (None, "hs_object_id"):
            return self._all.get((kind.path, str(value)))
        if by not in kind.unique:
            raise RefusedError(f"{by} is not a unique property of {kind.plural}")
        return self._unique.get((kind.path, str(by), str(value).lower()))

    def create(self, kind: ObjectType, properties: Mapping[str, Any]) -> Record:
        """Create a record."""
        kind.check(properties)
        texts = _texts(properties)
        if kind is CONTACTS and texts.get("email", "").lower() in self.blocked:
            raise RefusedError("The email address was deleted for privacy and is blocked")
        self._check_unique(kind, texts, None)
        now = self._now()
        record = Record(
            id=str(next(self._ids)), object_type=kind, properties={}, created_at=now, updated_at=now
        )
        self._all[kind.path, record.id] = record
        self._write(record, texts)
        self.creations.update((kind.path, name, text) for name, text in texts.items())
        return record

    def update(self, record: Record, properties: Mapping[str, Any]) -> Record:
        """Change properties of a record."""
        record.object_type.check(properties)
        texts = _texts(properties)
        self._check_unique(record.object_type, texts, record)
        record.writes += 1
        record.updated_at = self._now()
        self._write(record, texts)
        return record

    def search(self, kind: ObjectType, matches: Callable[[Record], bool]) -> list[Record]:
        """The records that match, but for those that the index does not have yet."""
        now = self._now()
        return [
            each
            for each in self.of(kind)
            if matches(each) and (now - each.created_at).total_seconds() >= self.search_lag
        ]

    def erase(self, record: Record) -> None:
        """Remove a record for good."""
        kind = record.object_type
        del self._all[kind.path, record.id]
        self._unique = {key: each for key, each in self._unique.items() if each is not record}

    def _check_unique(self, kind: ObjectType, texts: Mapping[str, str], own: Record | None) -> None:
        for name in kind.unique:
            other = self._unique.get((kind.path, name, texts.get(name, "").lower()))
            if other is not None and other is not own:
                raise RefusedError(
                    f"{kind.singular} already exists. Existing ID: {other.id}",
                    category="CONFLICT",
                    status=CONFLICT,
                )

    def _write(self, record: Record, texts: Mapping[str, str]) -> None:
        kind = record.object_type
        for name in kind.unique:
            if name in texts:
                before = record.properties.get(name, "").lower()
                self._unique.pop((kind.path, name, before), None)
                if texts[name]:
                    self._unique[kind.path, name, texts[name].lower()] = record
        record.properties.update(texts)
        if kind is CONTACTS and "email" in record.properties:
            record.properties["email"] = record.properties["email"].lower()
        for other in filter(None, texts.get("hs_additional_emails", "").lower().split(";")):
            self._unique[kind.path, "email", other] = record


def missing(kind: ObjectType, ids: list[str]) -> RefusedError:
    """The refusal of ids that no record has."""
    return RefusedError(
        f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        category="OBJECT_NOT_FOUND",
        status=NOT_FOUND,
        context={"ids": ids},
    )


def _texts(properties: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in properties.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
