"""Events prepared together: their payloads, column by column, and how they share requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from offramp import _json
from offramp.definition import Batch
from offramp.delivery.failures import PluginCode
from offramp.delivery.memory import NO_PASTS, Past


def _first(_: int) -> int:
    return 1


@attrs.frozen(kw_only=True, eq=False)
class PreparedBatch:
    """Events that are ready to be sent; a part of it is a `PreparedBatch` too."""

    #: Their positions in what was leased, ascending; the other columns are in this order.
    positions: Sequence[int]
    #: The events as JSON.
    bodies: Sequence[bytes] = attrs.field(repr=False)
    #: What the action gets.
    payloads: Sequence[Any] = attrs.field(repr=False)
    #: The checked payloads as JSON data.
    checked: Sequence[dict[str, Any]] = attrs.field(repr=False)
    #: Position -> how its delivery failed before; only of those that did.
    pasts: Mapping[int, Past] = NO_PASTS
    #: Position -> number of the attempt, from 1.
    attempt_of: Callable[[int], int] = _first

    def __len__(self) -> int:
        return len(self.positions)

    def past(self, index: int) -> Past | None:
        """How the event at an index failed before; `None` if it did not."""
        return self.pasts.get(self.positions[index]) if self.pasts else None

    def wire(self, index: int) -> bytes:
        """The payload at an index as JSON."""
        return _json.dumps(self.checked[index])

    def wires(self) -> list[bytes]:
        """The payloads as JSON."""
        return [_json.dumps(each) for each in self.checked]

    def events(self) -> list[dict[str, Any]]:
        """The events, parsed."""
        return [_json.loads(body) for body in self.bodies]

    def pick(self, indexes: Sequence[int]) -> PreparedBatch:
        """The part at some indexes."""
        if len(indexes) == len(self):
            return self
        return PreparedBatch(
            positions=[self.positions[index] for index in indexes],
            bodies=[self.bodies[index] for index in indexes],
            payloads=[self.payloads[index] for index in indexes],
            checked=[self.checked[index] for index in indexes],
            pasts=self.pasts,
            attempt_of=self.attempt_of,
        )


@attrs.define(kw_only=True, eq=False)
class Preparation:
    """Events that are being prepared, in as many turns of the event loop as that takes."""

    bodies: Sequence[bytes]
    #: Position -> why an event could not be prepared: a `RejectedError`, or what a plugin raised.
    failures: dict[int, BaseException] = attrs.field(factory=dict, init=False)
    #: Position of the next event.
    next: int = attrs.field(default=0, init=False)
    #: What was made of the events that are no failures, in their order.
    payloads: list[Any] = attrs.field(factory=list, init=False)
    checked: list[dict[str, Any]] = attrs.field(factory=list, init=False)
    #: Bytes of the payloads as JSON, each with a comma.
    size: int = attrs.field(default=0, init=False)
    #: What of a stored event must be equal within one request, if anything.
    group: Callable[[bytes], bytes] | None = attrs.field(default=None, init=False)

    def finish(self) -> None:
        """Write the payloads as JSON; one that has no such form is a failure of its event."""
        with PluginCode() as code:
            self.size = len(_json.dumps(self.checked)) - 1
        if code.error is not None:
            self._leave_out()

    def _leave_out(self) -> None:
        made = zip(self._positions(), self.payloads, self.checked, strict=True)
        self.payloads, self.checked = [], []
        for position, payload, checked in list(made):
            with PluginCode() as code:
                self.size += len(_json.dumps(checked)) + 1
                self.payloads.append(payload)
                self.checked.append(checked)
            if code.error is not None:
                self.failures[position] = code.error

    def _positions(self) -> Sequence[int]:
        positions = range(len(self.bodies))
        if not self.failures:
            return positions
        return [position for position in positions if position not in self.failures]

    def batches(
        self,
        batch: Batch | None,
        *,
        pasts: Mapping[int, Past] = NO_PASTS,
        attempt_of: Callable[[int], int] = _first,
    ) -> list[PreparedBatch]:
        """Cut what was prepared into the batches of one request each.

        Without a `Batch` each event is sent alone. A batch has equal batch keys, and keeps the
        limits of number and size. Events that may share a request only with few others are grouped
        among themselves.
        """
        positions = self._positions()
        whole = PreparedBatch(
            positions=positions,
            bodies=self.bodies
            if not self.failures
            else [self.bodies[position] for position in positions],
            payloads=self.payloads,
            checked=self.checked,
            pasts=pasts,
            attempt_of=attempt_of,
        )
        if batch is None:
            return [whole.pick([index]) for index in range(len(whole))]
        fits = len(whole) <= batch.max_events and self.size <= batch.max_bytes
        if fits and not pasts and not batch.keys and self.group is None:
            return [whole] if len(whole) else []
        return [whole.pick(indexes) for indexes in _grouped(batch, whole, self.group)]


@attrs.define
class _Open:
    indexes: list[int] = attrs.field(factory=list)
    #: Bytes of JSON, including commas.
    size: int = 0


def _grouped(
    batch: Batch, prepared: PreparedBatch, group: Callable[[bytes], bytes] | None
) -> list[list[int]]:
    """The indexes of the events of each batch."""
    cut: list[list[int]] = []
    open_batches: dict[tuple[Any, ...], _Open] = {}
    for index, wire in enumerate(prepared.wires()):
        past = prepared.past(index)
        together = None if past is None else past.together
        if together == 1:
            cut.append([index])
            continue
        most = batch.max_events if together is None else min(together, batch.max_events)
        shared = b"" if group is None else group(prepared.bodies[index])
        equal = (_json.dumps(_at(prepared.checked[index], key)) for key in batch.keys)
        key = (together, shared, *equal)
        open_ = open_batches.setdefault(key, _Open())
        size = len(wire) + 1
        if open_.indexes and (len(open_.indexes) == most or open_.size + size > batch.max_bytes):
            cut.append(open_.indexes)
            open_ = open_batches[key] = _Open()
        open_.indexes.append(index)
        open_.size += size
    return [*cut, *(open_.indexes for open_ in open_batches.values())]


def _at(payload: Mapping[str, Any], key: str) -> Any:
    value: Any = payload
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
