"""Writes records in batches: creates, updates, or both, with an outcome for each record.

Source: HubSpot's developer documentation, the "Batch" pages of the object APIs, "Search the CRM"
and "Error handling".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from offramp import DeliveryError, HTTPError, RejectedError, Request, Response, SyncMode
from offramp_hubspot.api import CONFLICT, call, errors_of, objects
from offramp_hubspot.finding import find_records, remember
from offramp_hubspot.properties import as_texts, is_unique

#: Records of one request.
MAX_RECORDS: Final = 100
#: What a conflict says of the record that exists.
_EXISTING_ID: Final = re.compile(r"Existing ID: (\d+)")

SYNC_MODE: Final = SyncMode(
    default="upsert",
    label="What to do with records",
    description="Whether records are created, updated, or both",
    choices=(
        ("upsert", "Create or update"),
        ("add", "Create, and leave records that exist as they are"),
        ("update", "Update, and reject events whose record does not exist"),
    ),
)


@attrs.frozen(kw_only=True)
class Record:
    """What an event says of one record: how it is identified, and its properties."""

    kind: str
    id_property: str
    id: str
    properties: Mapping[str, Any] | None

    @property
    def key(self) -> str:
        """The same for all events of a record: HubSpot compares without regard to case."""
        return self.id.strip().lower()

    def to_create(self) -> dict[str, Any]:
        """The record's part of a request that creates it; answers name it by its trace id."""
        properties = {self.id_property: self.id, **as_texts(self.properties)}
        return {"properties": properties, "objectWriteTraceId": self.key}

    def to_upsert(self) -> dict[str, Any]:
        """Its part of a request that creates or updates it."""
        return {"id": self.id, "idProperty": self.id_property, **self.to_create()}

    def to_update(self, record_id: str) -> dict[str, Any]:
        """Its part of a request that updates it; a contact keeps its first email address."""
        properties = as_texts(self.properties)
        return {"id": record_id, "properties": properties, "objectWriteTraceId": self.key}


#: By key.
Records: TypeAlias = Mapping[str, Record]
Errors: TypeAlias = Mapping[str, DeliveryError]
#: What one request says of each of its records.
Inputs: TypeAlias = Sequence[Mapping[str, Any]]


async def write_records(
    request: Request[Any], records: Sequence[Record]
) -> list[DeliveryError | None]:
    """Write records of one kind, identified by one property, in the order of their events."""
    outcomes: list[DeliveryError | None] = [None] * len(records)
    for turn in _turns(records):
        errors = await _write(request, {key: records[at] for key, at in turn.items()})
        for key, error in errors.items():
            outcomes[turn[key]] = error
    return outcomes


def _turns(records: Iterable[Record]) -> Iterator[dict[str, int]]:
    """Key -> position, each key once: HubSpot refuses a request that names a record twice."""
    left = list(enumerate(records))
    while left:
        turn: dict[str, int] = {}
        later = []
        for at, record in left:
            if turn.setdefault(record.key, at) != at:
                later.append((at, record))
        yield turn
        left = later


async def _write(request: Request[Any], records: Records) -> Errors:
    """Write records of different keys, with one request or two, and a search before them."""
    mode = request.sync_mode or SYNC_MODE.default
    first = next(iter(records.values()))
    if mode == "upsert" and await is_unique(request, first.kind, first.id_property):
        inputs = [each.to_upsert() for each in records.values()]
        return errors_of(await _post(request, first.kind, "upsert", inputs))
    found = await find_records(request, first.kind, first.id_property, records)
    errors = {key: _ambiguous(records[key], ids) for key, ids in found.items() if len(ids) > 1}
    known = {key: ids[0] for key, ids in found.items() if len(ids) == 1}
    new = {key: each for key, each in records.items() if key not in found}
    if mode == "update":
        errors |= {key: _missing(each) for key, each in new.items()}
    elif new:
        refused = await _create(request, new)
        # Somebody created them meanwhile, or the answer to an earlier attempt was lost.
        known |= {key: id_ for key, error in refused.items() if (id_ := _existing(error))}
        errors |= {key: error for key, error in refused.items() if key not in known}
    if known and mode != "add":
        inputs = [records[key].to_update(id_) for key, id_ in known.items()]
        errors |= errors_of(await _post(request, first.kind, "update", inputs))
    return errors


async def _create(request: Request[Any], records: Records) -> Errors:
    first = next(iter(records.values()))
    inputs = [each.to_create() for each in records.values()]
    try:
        answer = await _post(request, first.kind, "create", inputs)
    except HTTPError as error:
        if error.status != CONFLICT or len(records) > 1:
            raise  # the host halves the batch
        return {first.key: error}
    remember(request, first.kind, first.id_property, answer)
    return errors_of(answer)


async def _post(request: Request[Any], kind: str, what: str, inputs: Inputs) -> Response:
    return await call(request, "POST", objects(kind, "batch", what), json={"inputs": inputs})


def _existing(error: DeliveryError) -> str | None:
    """The id of the record that already exists, if that is the error."""
    found = _EXISTING_ID.search(error.message) if error.status == CONFLICT else None
    return found and found[1]


def _missing(record: Record) -> DeliveryError:
    return RejectedError(
        f"no record of {record.kind} has the {record.id_property} {record.id!r}, and the sync mode "
        "is update: create it at HubSpot, or choose another mode",
        code="RECORD_NOT_FOUND",
        status=404,
    )


def _ambiguous(record: Record, ids: Sequence[str]) -> DeliveryError:
    return RejectedError(
        f"{len(ids)} records of {record.kind} have the {record.id_property} {record.id!r} "
        f"({', '.join(ids)}): merge them at HubSpot, or identify records by a unique property",
        code="SEVERAL_RECORDS",
    )
