"""Runs replays in the background: dead letters are queued again in chunks."""

from __future__ import annotations

import logging
import uuid
from typing import Final, Literal

import attrs

from offramp.api.host_context import HostContext
from offramp.errors import OfframpError
from offramp.queue import DeadLetterFilter, dead_letter_pages

#: The number of latest replays that are remembered.
KEPT: Final = 100

_log = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Replay:
    """One replay and its progress; times are epoch seconds."""

    id: str
    started_at: float
    state: Literal["counting", "running", "done", "failed"] = "counting"
    total: int | None = None
    replayed: int = 0
    ended_at: float | None = None
    error: str | None = None

    def add(self, n: int) -> None:
        """Note that `n` more are queued again."""
        self.replayed += n


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

    def start(self, filters: DeadLetterFilter, *, actor: str) -> Replay:
        """Start a replay in the background; the log names the actor."""
        begun = Replay(id=uuid.uuid4().hex, started_at=self._host.clock())
        while len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[begun.id] = begun
        _log.info("replay %s was started by %s", begun.id, actor)
        self._host.background.start(self._run(begun, filters))
        return begun

    async def _run(self, begun: Replay, filters: DeadLetterFilter) -> None:
        try:
            total = 0
            queue = self._host.queue
            async for page in dead_letter_pages(queue, filters):
                total += len(page)
            begun.total, begun.state = total, "running"
            await queue.replay(filters, report=begun.add)
            begun.state = "done"
            _log.info(
                "replay %s ended: %d of %d dead letters are queued again",
                begun.id,
                begun.replayed,
                total,
            )
        except OfframpError as error:
            _log.error("replay %s stopped: %s", begun.id, error)
            begun.state, begun.error = "failed", str(error)
        except Exception:  # noqa: BLE001 - a background task must report every error itself
            _log.exception("replay %s broke", begun.id)
            begun.state, begun.error = "failed", "the host failed on it; its log has the traceback"
        finally:
            begun.ended_at = self._host.clock()
