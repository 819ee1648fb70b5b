"""Holds open what plugins need while they are used: each one's `offramp_lifespan`, in a task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import attrs

from offramp.delivery.failures import PluginCode
from offramp.place import exception_text
from offramp.plugins import LIFESPAN_HOOK, Plugins

log = logging.getLogger(__name__)

#: Seconds for one lifespan to start: child processes and connections take a few.
START_SECONDS: Final = 10.0
#: Seconds for one lifespan to end, while the host stops.
STOP_SECONDS: Final = 5.0


@attrs.define(eq=False)
class _Lifespan:
    """One lifespan, in a task of its own: what enters its context manager leaves it too."""

    plugin: str
    #: Done once it has started, or with why it did not.
    started: asyncio.Future[str | None]
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def run(self, plugins: Plugins, context: AbstractAsyncContextManager[Any]) -> None:
        """Enter it, wait, and leave it; what fails is reported under the plugin's name."""
        cause = f"{LIFESPAN_HOOK} ended while it started"
        try:
            with PluginCode() as code:
                async with context:
                    self.started.set_result(None)
                    await self.ended.wait()
            if code.error is None and self.ended.is_set():
                return
            what = "did not start" if not self.started.done() else "ended with an error"
            shown = "it ended by itself" if code.error is None else exception_text(code.error)
            cause = f"{LIFESPAN_HOOK} {what}: {shown}"
            if self.started.done():
                log.error("plugin %r: %s", self.plugin, plugins.masked(self.plugin, cause))
                plugins.report(self.plugin, LIFESPAN_HOOK, cause)
        finally:
            if not self.started.done():
                self.started.set_result(cause)


@asynccontextmanager
async def enter_lifespans(plugins: Plugins) -> AsyncIterator[None]:
    """Start the lifespan of each plugin, one after the other; end them in reverse order.

    A plugin whose lifespan does not start is reported, and `Plugins.refuse_unstarted` raises for
    it: nothing that needs it may run. The lifespans of all others start.
    """
    plugins.forget_unstarted()
    running: list[tuple[_Lifespan, asyncio.Task[None]]] = []
    try:
        for plugin, context in plugins.lifespans():
            lifespan = _Lifespan(plugin, asyncio.get_running_loop().create_future())
            name = f"lifespan of {plugin}"
            running.append(
                (lifespan, asyncio.create_task(lifespan.run(plugins, context), name=name))
            )
            cause = await _started(*running[-1])
            if cause is not None:
                plugins.hold(plugin, cause)
        yield
    finally:
        for lifespan, task in reversed(running):
            lifespan.ended.set()
            if not lifespan.started.done():  # the host stops before it has started
                task.cancel()
            await _end(task, lifespan.plugin)


async def _started(lifespan: _Lifespan, task: asyncio.Task[None]) -> str | None:
    """Wait for the start of a lifespan; return why it did not start, or `None`."""
    await asyncio.wait([lifespan.started], timeout=START_SECONDS)
    if not lifespan.started.done():
        lifespan.started.set_result(
            f"{LIFESPAN_HOOK} did not start within {START_SECONDS:g} s: it has to come to its yield"
        )
        task.cancel()
    return lifespan.started.result()


async def _end(task: asyncio.Task[None], plugin: str) -> None:
    """Wait for the end of a lifespan; one that takes too long is cancelled, and left."""
    for _ in range(2):
        await asyncio.wait([task], timeout=STOP_SECONDS)
        if task.done():
            return
        log.error("plugin %r: %s did not end within %g s", plugin, LIFESPAN_HOOK, STOP_SECONDS)
        task.cancel()
