"""How the events of a subscription share requests: within its action's limits, as an operator says.

Four fields of an action steer it too, and mean what they mean at Segment. Source: the README of
action-destinations, "Batching Requests" and "Advanced batching configurations".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import attrs

from offramp.config.options import keys_of, read_options, write_options
from offramp.config.table import Table, plain_data, suggest
from offramp.definition import Batch, Field, option
from offramp.definition.action import DEFAULT_BATCH_BYTES, DEFAULT_BATCH_EVENTS
from offramp.errors import Fault, join_place
from offramp.plugins import CatalogAction

#: Fields of an action that steer its batches, by the constant that a mapping gives them: whether
#: events share requests, how many, how many bytes, and by the values of which fields.
ENABLE_FIELD: Final = "enable_batching"
SIZE_FIELD: Final = "batch_size"
BYTES_FIELD: Final = "batch_bytes"
KEYS_FIELD: Final = "batch_keys"
STEERING_FIELDS: Final = (ENABLE_FIELD, SIZE_FIELD, BYTES_FIELD, KEYS_FIELD)
#: As long as Segment gathers a batch at most. Source: the README of action-destinations.
LONGEST_LINGER: Final = timedelta(minutes=1)
#: What a mapping may write for true into a field of type boolean. Source: AJV's coercion.
_TRUE: Final = (True, "true", 1)


def _a_minute_at_most(linger: timedelta) -> str | None:
    longest = f"{LONGEST_LINGER.total_seconds():g}"
    return None if linger <= LONGEST_LINGER else f"must be at most {longest} seconds"


@attrs.frozen(kw_only=True)
class BatchTable:
    """The table `batch` of a subscription; what it leaves out is as the action declares it."""

    enabled: bool = option(
        default=True,
        description="whether events share requests; if not, each is sent alone, through `perform`",
    )
    max_events: int | None = option(
        default=None,
        default_text="the action's",
        unit="events",
        minimum=1,
        description="most events in one request; at most what the action allows",
    )
    max_bytes: int | None = option(
        default=None,
        default_text="the action's",
        unit="bytes",
        minimum=1,
        description="largest sum of the payloads of one request, as JSON; at most what the action "
        "allows",
    )
    linger: timedelta | None = option(
        default=None,
        default_text="the action's",
        description="time that the first event waits for others, at most a minute",
        check=_a_minute_at_most,
    )
    keys: tuple[str, ...] = option(
        default=(),
        description="fields of the action, besides the action's own keys, whose values are the "
        "same in all events of a request",
    )


def read_batch(
    written: Mapping[str, Any], offered: CatalogAction, place: str, faults: list[Fault]
) -> dict[str, Any]:
    """The table `batch` as plain data, checked against what the action allows."""
    table = Table(written, place, faults, keys=keys_of(BatchTable))
    values = read_options(BatchTable, table)
    limits = batch_limits(offered)
    if written and limits is None:
        faults.append(Fault(place, f"{offered.slug} sends each event alone: leave it out"))
    elif limits is not None:
        for key, limit in (("max_events", limits.max_events), ("max_bytes", limits.max_bytes)):
            if values.get(key, 0) > limit:
                table.fault(key, f"must be at most {limit}, the limit of {offered.slug}")
        for index, key in enumerate(values.get("keys", ())):
            if isinstance(key, str) and key.partition(".")[0] not in offered.fields:
                message = f"{key!r} is not a field of {offered.slug}{suggest(key, offered.fields)}"
                table.fault("keys", message, index=index)
    # With exact numbers, as a stored document reads back.
    plain: dict[str, Any] = plain_data(write_options(BatchTable(**values)), place, faults)
    return plain


def batch_limits(offered: CatalogAction) -> Batch | None:
    """What an action allows; `None` if it takes one event at a time.

    An action that declares no `Batch` of its own says it with its fields, as at Segment.
    """
    action, fields = offered.action, offered.fields
    if not action.batches or action.batch is not None:
        return action.batch if action.batches else None
    return Batch(
        max_events=_most(fields.get(SIZE_FIELD), DEFAULT_BATCH_EVENTS),
        max_bytes=_most(fields.get(BYTES_FIELD), DEFAULT_BATCH_BYTES),
    )


def batch_of(
    offered: CatalogAction, mapping: Mapping[str, Any], written: Mapping[str, Any]
) -> Batch | None:
    """How the events of a subscription share requests; `None` if each is sent alone.

    Of what the action, the constants in the mapping and the table `batch` say, the narrowest
    holds; keys are added up. What the action no longer allows is narrowed to what it does.
    """
    limits = batch_limits(offered)
    given = BatchTable(**read_options(BatchTable, Table(written, "", [], keys=keys_of(BatchTable))))
    if limits is None or not given.enabled or not _is_enabled(offered, mapping):
        return None
    fields = {key: mapping.get(key) for key in STEERING_FIELDS if key in offered.fields}
    usual = offered.action.batch or Batch()
    return Batch(
        max_events=_least(
            limits.max_events, given.max_events, _count(fields.get(SIZE_FIELD)), usual.max_events
        ),
        max_bytes=_least(
            limits.max_bytes, given.max_bytes, _count(fields.get(BYTES_FIELD)), usual.max_bytes
        ),
        linger=limits.linger if given.linger is None else given.linger,
        keys=tuple(dict.fromkeys([*limits.keys, *_names(fields.get(KEYS_FIELD)), *given.keys])),
    )


def steering_faults(mapping: Mapping[str, Any], offered: CatalogAction) -> Iterator[Fault]:
    """A fault for each directive in a field that steers batches; places begin with `$`."""
    if not offered.action.batches:
        return
    for key in STEERING_FIELDS:
        if key in offered.fields and isinstance(mapping.get(key), Mapping):
            message = "must be a constant: batches are formed for all events of a subscription"
            yield Fault(join_place("$", key), message)


def _is_enabled(offered: CatalogAction, mapping: Mapping[str, Any]) -> bool:
    """What the field says; an action that has it is batched only where it is true."""
    return ENABLE_FIELD not in offered.fields or mapping.get(ENABLE_FIELD) in _TRUE


def _most(field: Field | None, usual: int) -> int:
    """The largest number that a field may have; the usual one if it declares no bound."""
    if field is None:
        return usual
    if field.maximum is not None:
        return max(1, int(field.maximum))
    return max(usual, _count(field.default) or 0)


def _least(limit: int, one: int | None, other: int | None, usual: int) -> int:
    """The least of a limit and what is given; where nothing is, the usual number."""
    given = [each for each in (one, other) if each is not None]
    return min([limit, *(given or [usual])])


def _count(value: Any) -> int | None:
    """A number that a mapping gives, rounded down; `None` if it is none, or below 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value).strip())
        count = int(number) if number.is_finite() else 0
    except InvalidOperation:
        return None
    return count if count >= 1 else None


def _names(value: Any) -> list[str]:
    """Names of fields: a list of texts, or one."""
    given = value if isinstance(value, list | tuple) else [value]
    return [each for each in given if isinstance(each, str) and each]
