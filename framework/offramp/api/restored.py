"""What was in flight at the backup that the data folder was restored from: send or expire it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias, TypedDict

import msgspec

from offramp.api.backups import InFlightShape, in_flight_shape
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import refuse
from offramp.api.shapes import Time
from offramp.api.times import write_time
from offramp.errors import NotFoundError
from offramp.queue import InFlight

Decision: TypeAlias = Literal["send", "expire"]
Repeats: TypeAlias = Literal["recognized", "partly recognized", "not recognized", "unknown"]


class DecisionBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What becomes of the deliveries that were in flight at the backup."""

    decision: Decision
    #: Of these subscriptions.
    subscriptions: list[str] = []
    #: Of every subscription that is undecided.
    all: bool = False


class RestoredRow(InFlightShape):
    """What is held in one subscription, and what would happen if it were sent twice."""

    #: Seconds from acceptance in which the destination recognizes a repeat by an idempotency key;
    #: `None` if it declares none.
    idempotency_window: float | None
    #: Whether it would recognize what was sent since the backup and is sent again now: all of it,
    #: a part of it or nothing; unknown while the subscription does not run for another reason.
    repeats: Repeats


class RestoredShape(TypedDict):
    """The deliveries that are held; none if the data folder was not restored."""

    #: When the backup was made.
    backup_made_at: Time | None
    rows: list[RestoredRow]


class DecidedRow(TypedDict):
    """What was decided for one subscription."""

    subscription: str
    decision: Decision
    #: The deliveries that are sent now, or that were expired.
    deliveries: int


class DecidedShape(TypedDict):
    """What was decided."""

    rows: list[DecidedRow]


class RestoredResource:
    """The deliveries that a restored host holds until a person decides."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/restored",
            tag="backups",
            summary="List what was in flight at the backup that was restored, and is held",
            serve=self.list,
            answer=RestoredShape,
        )
        yield Operation(
            method="POST",
            path="/api/restored",
            tag="backups",
            summary="Send or expire what was in flight at the backup that was restored",
            serve=self.decide,
            answer=DecidedShape,
            body=DecisionBody,
        )

    async def list(self, _: Call) -> Reply:
        """Answer with what is held."""
        backup = await self._host.restored.backup()
        if backup is None:
            return Reply(data=RestoredShape(backup_made_at=None, rows=[]))
        rows = [self._row(each) for each in backup.undecided]
        return Reply(data=RestoredShape(backup_made_at=write_time(backup.made_at), rows=rows))

    async def decide(self, call: Call) -> Reply:
        """Send or expire what is held."""
        body: DecisionBody = call.body
        if body.all is bool(body.subscriptions):
            raise refuse("$", "name `subscriptions`, or give `all: true` for every one of them")
        backup = await self._host.restored.backup()
        held = {} if backup is None else {each.subscription: each for each in backup.undecided}
        chosen = list(held) if body.all else list(dict.fromkeys(body.subscriptions))
        for name in chosen:
            if name not in held:
                known = f"it is of: {', '.join(held)}" if held else "all of it is decided"
                raise NotFoundError(f"nothing of {name!r} waits for a decision; {known}")
        rows = [await self._decide(held[name], body.decision, call) for name in chosen]
        return Reply(data=DecidedShape(rows=rows))

    async def _decide(self, held: InFlight, decision: Decision, call: Call) -> DecidedRow:
        name = held.subscription
        if decision == "expire":
            deliveries = await self._host.restored.expire(name)
        else:
            deliveries = held.waiting + held.retrying
            await self._host.restored.send(name)
        await self._host.engine.release(name)
        await self._host.configs.note(
            "subscription",
            name,
            before={"in_flight_at_backup": "held"},
            after={"in_flight_at_backup": f"{decision} {deliveries}"},
            actor=call.actor,
            token=call.token,
        )
        return {"subscription": name, "decision": decision, "deliveries": deliveries}

    def _row(self, held: InFlight) -> RestoredRow:
        plan = self._host.engine.snapshot.plans.get(held.subscription)
        window = None if plan is None else plan.policy.idempotency_window
        repeats: Repeats = "unknown" if plan is None else _repeats(held, window, self._host.clock())
        return {**in_flight_shape(held), "idempotency_window": window, "repeats": repeats}


def _repeats(held: InFlight, window: float | None, now: float) -> Repeats:
    if window is None or now >= held.newest + window:
        return "not recognized"
    return "recognized" if now < held.oldest + window else "partly recognized"
