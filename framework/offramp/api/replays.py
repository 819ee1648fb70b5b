"""Replays: preview with a dry run, start, and progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypedDict

import msgspec

from offramp.api.deliveries import dead_letter_filter
from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_LIMIT, Call, Operation, Reply
from offramp.api.previews import Preview, preview
from offramp.api.problems import refuse
from offramp.api.running_replays import Replay, RunningReplays
from offramp.api.shapes import Time
from offramp.api.times import read_time, write_optional, write_time
from offramp.errors import NotFoundError
from offramp.queue import DeadLetterFilter

#: The most ids of one request.
MAX_IDS: Final = 10_000
#: Default number of deliveries in a preview.
DEFAULT_PREVIEW: Final = 20


class ReplayBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Selects rejected and expired deliveries: all given conditions must hold."""

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
    """One replay: the number of dead letters it found, and the number queued again so far."""

    id: str
    state: Literal["counting", "running", "done", "failed"]
    #: Number of dead letters; `None` until they are counted.
    total: int | None
    replayed: int
    started_at: Time
    ended_at: Time | None
    #: Why it failed.
    error: str | None


class ReplaysShape(TypedDict):
    """The replays of this host since it started, latest first."""

    rows: list[ReplayShape]


class ReplayAnswer(TypedDict):
    """The replay that was started, or the preview of a dry run."""

    replay: ReplayShape | None
    preview: Preview | None


class ReplaysResource:
    """Replays of dead letters."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._running = RunningReplays(host)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/replays",
            tag="replays",
            summary="Deliver dead letters again; a dry run shows what would be sent",
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
        filters = _filters(body)
        if body.dry_run:
            previewed = await preview(
                self._host, filters, mapping=body.mapping, limit=body.limit, cursor=body.cursor
            )
            return Reply(data=ReplayAnswer(replay=None, preview=previewed))
        if body.mapping is not None:
            message = "is for a dry run: to send with it, save it in the subscription, then replay"
            raise refuse("$.mapping", message)
        started = self._running.start(filters, actor=call.actor)
        return Reply(data=ReplayAnswer(replay=_shape(started), preview=None))

    async def list(self, _: Call) -> Reply:
        """Answer with the latest replays."""
        return Reply(data=ReplaysShape(rows=[_shape(each) for each in self._running.all()]))

    async def show(self, call: Call) -> Reply:
        """Answer with one replay."""
        found = self._running.find(call.path["id"])
        if found is None:
            raise NotFoundError(f"no replay {call.path['id']!r} was started since the host started")
        return Reply(data=_shape(found))


def _filters(body: ReplayBody) -> DeadLetterFilter:
    named = ("ids", "subscription", "reason", "stage", "since", "until")
    given = {name: getattr(body, name) for name in named}
    if not body.all and all(value is None for value in given.values()):
        message = f"select deliveries with {', '.join(named)}; or `all: true` for every dead letter"
        raise refuse("$", message)
    for name in ("since", "until"):
        try:
            given[name] = None if given[name] is None else read_time(given[name])
        except ValueError as error:
            raise refuse(f"$.{name}", str(error)) from None
    return dead_letter_filter(given, None if body.ids is None else tuple(body.ids))


def _shape(found: Replay) -> ReplayShape:
    return {
        "id": found.id,
        "state": found.state,
        "total": found.total,
        "replayed": found.replayed,
        "started_at": write_time(found.started_at),
        "ended_at": write_optional(found.ended_at),
        "error": found.error,
    }
