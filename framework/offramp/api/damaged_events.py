"""Events that are damaged on disk: name what waits for them, and end it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal, TypedDict

import msgspec

from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_TEXT_CHARACTERS, Call, Operation, Reply
from offramp.api.problems import refuse
from offramp.errors import NotFoundError
from offramp.queue import DamagedEvents, ExpiredDamaged

#: The number of an event.
_EVENT: Final = r"^[0-9]{1,18}$"


class ExpireDamagedBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which damaged events are given up: their deliveries end as expired."""

    decision: Literal["expire"]
    #: The ranges that begin with these events.
    events: list[Annotated[str, msgspec.Meta(pattern=_EVENT, max_length=MAX_TEXT_CHARACTERS)]] = []
    #: Every range that is listed and undecided.
    all: bool = False


class DamagedDeliveriesShape(TypedDict):
    """What waits in one subscription for damaged events."""

    subscription: str
    waiting: int
    #: The first and the last event that wait.
    first: str
    last: str


class DamagedMessage(TypedDict):
    """A damaged event whose message id can still be read."""

    event: str
    message_id: str


class DamagedRow(TypedDict):
    """A range of damaged events, and what waits for it."""

    first: str
    last: str
    cause: str
    #: Whether what waited was expired, so that the host no longer counts as degraded for it.
    decided: bool
    deliveries: list[DamagedDeliveriesShape]
    #: Of events that wait; 1,000 at most.
    message_ids: list[DamagedMessage]


class DamagedShape(TypedDict):
    """What is known to be damaged."""

    rows: list[DamagedRow]
    #: Deliveries with a row of their own that cannot be read, and so not ended either.
    unreadable_deliveries: int


class ExpiredRow(TypedDict):
    """What was ended in one subscription of a range."""

    first: str
    last: str
    subscription: str
    expired: int
    #: Those that are being sent now, and were left.
    leased: int


class ExpiredShape(TypedDict):
    """What was ended."""

    rows: list[ExpiredRow]


class DamagedEventsResource:
    """The events that the disk spoiled, as far as the host has met them."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/damaged-events",
            tag="deliveries",
            summary="List events that are damaged on disk, and what waits for them",
            serve=self.list,
            answer=DamagedShape,
        )
        yield Operation(
            method="POST",
            path="/api/damaged-events",
            tag="deliveries",
            summary="Expire what waits for events that are damaged on disk",
            serve=self.expire,
            answer=ExpiredShape,
            body=ExpireDamagedBody,
        )

    async def list(self, _: Call) -> Reply:
        """Answer with what is damaged."""
        rows = [_row(each) for each in await self._host.damaged.list()]
        unreadable = len(self._host.damage.rows)
        return Reply(data=DamagedShape(rows=rows, unreadable_deliveries=unreadable))

    async def expire(self, call: Call) -> Reply:
        """End what waits in some ranges."""
        body: ExpireDamagedBody = call.body
        if body.all is bool(body.events):
            raise refuse("$", "name the first of the `events`, or give `all: true` for all of them")
        known = {str(each.first): each for each in await self._host.damaged.list()}
        chosen = [first for first, each in known.items() if not each.decided]
        if not body.all:
            chosen = list(dict.fromkeys(body.events))
        for first in chosen:
            if first not in known:
                listed = ", ".join(known) or "none"
                raise NotFoundError(
                    f"no range of damaged events begins with {first!r}; there are: {listed}"
                )
        rows: list[ExpiredRow] = []
        for first in chosen:
            rows += await self._expire(known[first], call)
        return Reply(data=ExpiredShape(rows=rows))

    async def _expire(self, damaged: DamagedEvents, call: Call) -> Sequence[ExpiredRow]:
        ended = await self._host.damaged.expire(damaged.first)
        for each in ended:
            await self._host.configs.note(
                "subscription",
                each.subscription,
                before={"damaged_events": f"{damaged.first} to {damaged.last}"},
                after={"damaged_events": f"expire {each.expired}"},
                actor=call.actor,
                token=call.token,
            )
        return [_expired_row(damaged, each) for each in ended]


def _row(damaged: DamagedEvents) -> DamagedRow:
    return {
        "first": str(damaged.first),
        "last": str(damaged.last),
        "cause": damaged.cause,
        "decided": damaged.decided,
        "deliveries": [
            {
                "subscription": each.subscription,
                "waiting": each.waiting,
                "first": str(each.first),
                "last": str(each.last),
            }
            for each in damaged.in_flight
        ],
        "message_ids": [
            {"event": str(event), "message_id": message_id}
            for event, message_id in damaged.message_ids.items()
        ],
    }


def _expired_row(damaged: DamagedEvents, ended: ExpiredDamaged) -> ExpiredRow:
    return {
        "first": str(damaged.first),
        "last": str(damaged.last),
        "subscription": ended.subscription,
        "expired": ended.expired,
        "leased": ended.leased,
    }
