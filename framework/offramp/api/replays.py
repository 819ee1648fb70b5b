"""Replays: what a replay would send instead (a dry run), starting one, and its progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, TypedDict

import msgspec

from offramp.api.deliveries import dead_filter
from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_LIMIT, Call, Operation, Reply
from offramp.api.previews import Preview, preview
from offramp.api.problems import refuse
from offramp.api.running_replays import Replay, RunningReplays
from offramp.api.shapes import Time
from offramp.api.times import read_time, write_optional, write_time
from offramp.errors import NotFoundError
from offramp.queue import DeadFilter

#: Ids of one request.
MAX_IDS: Final = 10_000
#: Deliveries of one preview, where the caller does not say.
DEFAULT_PREVIEW: Final = 20


class ReplayBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which rejected and expired deliveries: all conditions that are given must hold."""

    ids: Annotated[list[str], msgspec.Meta(max_length=MAX_IDS)] | None = None
    subscription: str | None = None
    reason: str | None = None
    stage: Literal["rejected", "expired"] | None = None
    #: Ended at or after, in ISO 8601 or epoch seconds.
    since: str | float | None = None
    #: Ended before.
    until: str | float | None = None
    #: Has to be said where no condition is given.
    all: bool = False
    #: Send nothing: tell what would be sent instead of what was.
    dry_run: bool = False
    #: For a dry run: fields to map otherwise, laid over the subscription's mapping; `null` takes
    #: one away.
    mapping: dict[str, Any] | None = None
    #: Deliveries of a dry run, at the most.
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_PREVIEW
    #: Of the dry run before.
    cursor: str | None = None


class ReplayShape(TypedDict):
    """One replay: how many dead letters it found, and how many are queued again so far."""

    id: str
    state: Literal["counting", "running", "done", "failed"]
    #: `None` while they are counted.
    total: int | None
    replayed: int
    started_at: Time
    ended_at: Time | None
    #: What stopped it.
    error: str | None


class ReplaysShape(TypedDict):
    """The replays of this host since it started, latest first."""

    rows: list[ReplayShape]


class ReplayAnswer(TypedDict):
    """The replay that was started, or the preview of a dry run."""

    replay: ReplayShape | None
    preview: Preview | None


class ReplaysResource:
    """Delivers dead letters again."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._running = RunningReplays(host)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/replays",
            tag="replays",
            summary="Deliver dead letters again, or show with a dry run what that would send",
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
            summary="Show the progress of a replay; known until the host stops",
            serve=self.show,
            answer=ReplayShape,
        )

    async def replay(self, call: Call) -> Reply:
        """Start one, or preview it."""
        body: ReplayBody = call.body
        filters = _filters(body)
        if body.dry_run:
            previewed = await preview(
                self._host, filters, mapping=body.mapping, limit=body.limit, cursor=body.cursor
            )
            return Reply(data=ReplayAnswer(replay=None, preview=previewed))
        if body.mapping is not None:
            message = "is for a dry run: to send it so, save it in the subscription, then replay"
            raise refuse("$.mapping", message)
        started = self._running.start(filters, actor=call.actor)
        return Reply(data=ReplayAnswer(replay=_shape(started), preview=None))

    async def list(self, _: Call) -> Reply:
        """Answer with all that are remembered."""
        return Reply(data=ReplaysShape(rows=[_shape(each) for each in self._running.all()]))

    async def show(self, call: Call) -> Reply:
        """Answer with one."""
        found = self._running.find(call.path["id"])
        if found is None:
            raise NotFoundError(f"no replay {call.path['id']!r} was started since the host was")
        return Reply(data=_shape(found))


def _filters(body: ReplayBody) -> DeadFilter:
    named = ("ids", "subscription", "reason", "stage", "since", "until")
    given = {name: getattr(body, name) for name in named}
    if not body.all and all(value is None for value in given.values()):
        message = f"say which: {', '.join(named)}; or `all: true` for every dead letter"
        raise refuse("$", message)
    for name in ("since", "until"):
        try:
            given[name] = None if given[name] is None else read_time(given[name])
        except ValueError as error:
            raise refuse(f"$.{name}", str(error)) from None
    return dead_filter(given, None if body.ids is None else tuple(body.ids))


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
