"""Refreshes OAuth 2 tokens before they expire, also those of paused instances."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from offramp.delivery import InstanceRuntime
from offramp.delivery.grant_keeper import GrantKeeper
from offramp.errors import DeliveryError
from offramp.http import readable

#: Seconds between two looks for tokens that are about to expire.
LOOK_SECONDS: Final = 1.0
#: Seconds before its expiry in which an access token is refreshed, and the most of its lifetime.
MARGIN_SECONDS: Final = 300.0
MARGIN_SHARE: Final = 0.25

log = logging.getLogger(__name__)


class TokenRefresher:
    """Refreshes the tokens of running instances when they are due; `clock` gives epoch seconds."""

    def __init__(
        self, runtimes: Callable[[], Mapping[str, InstanceRuntime]], clock: Callable[[], float]
    ) -> None:
        self._runtimes = runtimes
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look for due tokens until cancelled; each instance is refreshed by itself."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._running.values():
                task.cancel()

    def look(self) -> None:
        """Start the refreshes that are due now."""
        for name, runtime in self._runtimes().items():
            due = due_at(runtime.keeper) if runtime.needs_grant else None
            if due is not None and due <= self._clock() and name not in self._running:
                task = asyncio.create_task(self._refresh(name, runtime), name=f"refresh {name}")
                self._running[name] = task

    async def _refresh(self, name: str, runtime: InstanceRuntime) -> None:
        about = {"action": "grant_refresh", "instance": name}
        try:
            await runtime.refresh(runtime.auth)
            log.info("the access token of %s was refreshed", name, extra=about)
        except DeliveryError as error:
            message = readable(runtime.mask(error.message))
            log.warning("the access token of %s was not refreshed: %s", name, message, extra=about)
        except Exception:
            log.exception("the access token of %s was not refreshed", name, extra=about)
        finally:
            self._running.pop(name, None)


def due_at(keeper: GrantKeeper) -> float | None:
    """When tokens should be refreshed before they expire, in epoch seconds; `None` if never."""
    grant = keeper.grant
    if grant is None or grant.gone is not None or not keeper.can_refresh(grant):
        return None
    if grant.unanswered_since is not None:
        # Partners that take a refresh token twice do so for a short time only.
        return keeper.resting_until
    seconds = grant.tokens.expires_in
    if seconds is None:
        return None
    due = grant.refreshed_at + seconds - min(MARGIN_SECONDS, seconds * MARGIN_SHARE)
    return max(due, keeper.resting_until)
