"""Replays: preview with a dry run, start, and progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypedDict

import msgspec

from offramp.api.dead_letter_replays import DeadLetterReplay
from offramp.api.deliveries import dead_letter_filter
from offramp.api.filtered_replays import FilteredReplay
from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_LIMIT, Call, Operation, Reply
from offramp.api.previews import Preview, PreviewPage, preview, preview_filtered
from offramp.api.problems import refuse
from offramp.api.replay_targets import ReplayTarget, find_target
from offramp.api.running_replays import Replay, RunningReplays
from offramp.api.shapes import Time
from offramp.api.times import read_time, write_optional, write_time
from offramp.api.triggers import body_condition
from offramp.errors import NotFoundError, OfframpError, TriggerError
from offramp.queue import DeadLetterFilter

#: The most ids of one request.
MAX_IDS: Final = 10_000
#: Default number of deliveries in a preview.
DEFAULT_PREVIEW: Final = 20


class ReplayBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Selects rejected and expired deliveries, or filtered events: all conditions must hold."""

    ids: Annotated[list[str], msgspec.Meta(max_length=MAX_IDS)] | None = None
    subscription: str | None = None
    reason: str | None = None
    stage: Literal["rejected", "expired"] | None = None
    #: Ended at or after, in ISO 8601 or epoch seconds.
    since: str | float | None = None
    #: Ended before.
    until: str | float | None = None
    #: Required if no condition is given.
    all: bool = False
    #: Select what `subscription` did not get instead: events that were filtered, or accepted
    #: before it existed. `since` is required; `since` and `until` are times of acceptance.
    filtered: bool = False
    #: With `filtered`: only events that meet this condition, in FQL.
    where: str | None = None
    #: Deliver dead letters to this subscription instead of their own.
    into: str | None = None
    #: Send nothing: compare what would be sent with what was sent.
    dry_run: bool = False
    #: For a dry run: fields that replace those of the subscription's mapping; `null` removes
    #: one.
    mapping: dict[str, Any] | None = None
    #: The most deliveries of a dry run.
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_PREVIEW
    #: The `cursor` of the previous page of the dry run.
    cursor: str | None = None


class ReplayShape(TypedDict):
    """One replay: what it found, and the number of deliveries that are queued again so far."""

    id: str
    kind: Literal["dead letters", "filtered events"]
    #: Whether it only counts.
    dry_run: bool
    state: Literal["counting", "running", "done", "failed"]
    #: Number of dead letters, `None` until they are counted; or of filtered events found so far.
    total: int | None
    replayed: int
    #: Reason -> how many are left out.
    skipped: dict[str, int]
    #: Events that were looked at for a replay of filtered events.
    scanned: int
    #: When the last of them was accepted: the search goes back from `until` to `since`.
    reached_at: Time | None
    started_at: Time
    ended_at: Time | None
    #: Why it failed.
    error: str | None


class ReplaysShape(TypedDict):
    """The replays of this host since it started, latest first."""

    rows: list[ReplayShape]


class ReplayAnswer(TypedDict):
    """The replay that was started, or the preview of a dry run.

    A dry run of filtered events has both: the replay counts them.
    """

    replay: ReplayShape | None
    preview: Preview | None


class ReplaysResource:
    """Replays of dead letters and of filtered events."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._running = RunningReplays(host)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/replays",
            tag="replays",
            summary="Deliver dead letters or filtered events; a dry run shows what would be sent",
            serve=self.replay,
            answer=ReplayAnswer,
            body=ReplayBody,
        )
        yield Operation(
            method="GET",
            path="/api/replays",
            tag="replays",
            summary="List the replays since the host started, latest first",
            serve=self.list,
            answer=ReplaysShape,
        )
        yield Operation(
            method="GET",
            path="/api/replays/{id}",
            tag="replays",
            summary="Show the progress of a replay; replays are forgotten when the host stops",
            serve=self.show,
            answer=ReplayShape,
        )

    async def replay(self, call: Call) -> Reply:
        """Start a replay, or preview it."""
        body: ReplayBody = call.body
        _check(body)
        if body.filtered:
            return Reply(data=await self._filtered(body, call.actor))
        filters = _dead_letters_of(body)
        into = None if body.into is None else self._target(body.into, "$.into")
        if body.dry_run:
            page = PreviewPage(mapping=body.mapping, limit=body.limit, cursor=body.cursor)
            previewed = await preview(self._host, filters, page, into=body.into)
            return Reply(data=ReplayAnswer(replay=None, preview=previewed))
        if into is None and body.subscription is not None:
            self._refuse_gone(body.subscription)
        work = DeadLetterReplay(host=self._host, filters=filters, into=into)
        started = self._running.start(work, "dead letters", actor=call.actor)
        return Reply(data=ReplayAnswer(replay=_shape(started), preview=None))

    async def _filtered(self, body: ReplayBody, actor: str) -> ReplayAnswer:
        work = self._filtered_replay(body)
        previewed = started = None
        if body.dry_run:
            page = PreviewPage(mapping=body.mapping, limit=body.limit, cursor=body.cursor)
            previewed = await preview_filtered(work, page)
        if body.cursor is None:
            started = self._running.start(
                work, "filtered events", actor=actor, dry_run=body.dry_run
            )
        return ReplayAnswer(replay=None if started is None else _shape(started), preview=previewed)

    def _filtered_replay(self, body: ReplayBody) -> FilteredReplay:
        try:
            where = None if body.where is None else body_condition(body.where)
        except TriggerError as error:
            raise TriggerError(fault.under("where") for fault in error.faults) from None
        until = _time_of(body, "until")
        return FilteredReplay(
            host=self._host,
            target=self._target(body.subscription or "", "$.subscription"),
            since=_time_of(body, "since") or 0.0,
            # What is accepted from now on is matched with the present trigger anyway.
            until=self._host.clock() if until is None else until,
            reason=body.reason,
            where=where,
        )

    def _target(self, subscription: str, place: str) -> ReplayTarget:
        try:
            return find_target(self._host, subscription)
        except OfframpError as error:
            raise refuse(place, str(error)) from None

    def _refuse_gone(self, subscription: str) -> None:
        if subscription not in self._host.config.subscriptions:
            message = "does not exist any more: name the one that gets its dead letters in `into`"
            raise refuse("$.subscription", message)

    async def list(self, _: Call) -> Reply:
        """Answer with the latest replays."""
        return Reply(data=ReplaysShape(rows=[_shape(each) for each in self._running.all()]))

    async def show(self, call: Call) -> Reply:
        """Answer with one replay."""
        found = self._running.find(call.path["id"])
        if found is None:
            raise NotFoundError(f"no replay {call.path['id']!r} was started since the host started")
        return Reply(data=_shape(found))


def _check(body: ReplayBody) -> None:
    """Refuse a body whose parts do not go together."""
    if body.mapping is not None and not body.dry_run:
        message = "is for a dry run: to send with it, save it in the subscription, then replay"
        raise refuse("$.mapping", message)
    if not body.filtered:
        if body.where is not None:
            raise refuse("$.where", "is for filtered events: add `filtered: true`")
        if body.into is not None and body.into == body.subscription:
            raise refuse("$.into", "is where these dead letters are from: leave it out")
        return
    for name in ("ids", "stage", "into"):
        if getattr(body, name) is not None:
            raise refuse(f"$.{name}", "is for dead letters: leave it out for filtered events")
    if body.all:
        raise refuse("$.all", "is for dead letters: give `since` for filtered events")
    wanted = {
        "subscription": "name the one that gets the events",
        "since": "from when on were the events accepted?",
    }
    for name, what in wanted.items():
        if getattr(body, name) is None:
            raise refuse(f"$.{name}", f"is missing: {what}")


def _dead_letters_of(body: ReplayBody) -> DeadLetterFilter:
    """The dead letters that a body selects; raises `ProblemError` if it has no condition."""
    named = ("ids", "subscription", "reason", "stage", "since", "until")
    given = {name: getattr(body, name) for name in named}
    if not body.all and all(value is None for value in given.values()):
        message = f"select deliveries with {', '.join(named)}; or `all: true` for every dead letter"
        raise refuse("$", message)
    given |= {name: _time_of(body, name) for name in ("since", "until")}
    return dead_letter_filter(given, None if body.ids is None else tuple(body.ids))


def _time_of(body: ReplayBody, name: Literal["since", "until"]) -> float | None:
    given = getattr(body, name)
    try:
        return None if given is None else read_time(given)
    except ValueError as error:
        raise refuse(f"$.{name}", str(error)) from None


def _shape(found: Replay) -> ReplayShape:
    return {
        "id": found.id,
        "kind": found.kind,
        "dry_run": found.dry_run,
        "state": found.state,
        "total": found.total,
        "replayed": found.replayed,
        "skipped": {reason: n for reason, n in found.skipped.items() if n},
        "scanned": found.scanned,
        "reached_at": write_optional(found.reached_at),
        "started_at": write_time(found.started_at),
        "ended_at": write_optional(found.ended_at),
        "error": found.error,
    }
