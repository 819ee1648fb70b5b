"""Runs replays in the background, and keeps their progress."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias

import attrs

from offramp.api.host_context import HostContext
from offramp.errors import OfframpError

#: The number of latest replays that are remembered.
KEPT: Final = 100

_log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["dead letters", "filtered events"]


@attrs.define(kw_only=True)
class Replay:
    """One replay and its progress; times are epoch seconds."""

    id: str
    kind: Kind
    started_at: float
    #: Whether it only counts.
    dry_run: bool = False
    state: Literal["counting", "running", "done", "failed"] = "counting"
    total: int | None = None
    replayed: int = 0
    #: Reason -> how many are not queued again.
    skipped: Counter[str] = attrs.field(factory=Counter)
    #: Events that were looked at, and when the last of them was accepted.
    scanned: int = 0
    reached_at: float | None = None
    ended_at: float | None = None
    error: str | None = None

    def add(self, n: int) -> None:
        """Note that `n` more are queued again."""
        self.replayed += n


#: What a replay does: it notes its progress, and raises `OfframpError` if it cannot go on.
Work: TypeAlias = Callable[[Replay], Awaitable[None]]


class RunningReplays:
    """The replays of one host since it started."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._known: dict[str, Replay] = {}

    def all(self) -> list[Replay]:
        """List the remembered replays, the latest first."""
        return list(reversed(self._known.values()))

    def find(self, name: str) -> Replay | None:
        """Find a replay by its id."""
        return self._known.get(name)

    def start(self, work: Work, kind: Kind, *, actor: str, dry_run: bool = False) -> Replay:
        """Start a replay in the background; the log names the actor."""
        started_at = self._host.clock()
        begun = Replay(id=uuid.uuid4().hex, kind=kind, started_at=started_at, dry_run=dry_run)
        while len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[begun.id] = begun
        _log.info("%s %s was started by %s", _named(begun), begun.id, actor)
        self._host.background.start(self._run(begun, work))
        return begun

    async def _run(self, begun: Replay, work: Work) -> None:
        try:
            await work(begun)
            begun.state = "done"
            done = f"{begun.replayed} of {begun.total} {begun.kind} are queued again"
            if begun.dry_run:
                done = f"{begun.total} {begun.kind} would be queued again"
            _log.info("%s %s ended: %s", _named(begun), begun.id, done)
        except OfframpError as error:
            _log.error("%s %s stopped: %s", _named(begun), begun.id, error)
            begun.state, begun.error = "failed", str(error)
        except Exception:  # noqa: BLE001 - a background task must report every error itself
            _log.exception("%s %s broke", _named(begun), begun.id)
            begun.state, begun.error = "failed", "the host failed on it; its log has the traceback"
        finally:
            begun.ended_at = self._host.clock()


def _named(replay: Replay) -> str:
    return "dry run of replay" if replay.dry_run else "replay"
