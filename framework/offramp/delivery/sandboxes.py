"""Runs the sandboxes of destinations on demand, and sends an instance's requests to one."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from offramp.config import Config, Instance
from offramp.definition import (
    Handler,
    Middleware,
    OutgoingRequest,
    Response,
    RunningSandbox,
    Sandbox,
)
from offramp.delivery.failures import PluginCode
from offramp.errors import ConnectionFailedError, PluginError, RejectedError
from offramp.place import exception_text
from offramp.plugins import Catalog, pick

log = logging.getLogger(__name__)

#: Seconds for a sandbox to listen, and for it to stop; it is a small server on this machine.
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
#: The scheme and the authority of a URL: whatever they are, the sandbox's take their place.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#]*", re.IGNORECASE)


@attrs.define(eq=False)
class _Run:
    """One run of a sandbox, in a task of its own: what enters its context manager leaves it too."""

    #: The sandbox once it runs, or why it does not.
    started: asyncio.Future[RunningSandbox | str]
    ended: asyncio.Event = attrs.field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def running(self) -> RunningSandbox | None:
        """The sandbox, while it runs."""
        if self.task is None or self.task.done() or not self.started.done():
            return None
        found = self.started.result()
        return found if isinstance(found, RunningSandbox) else None


class Sandboxes:
    """The sandboxes of a host, by the slug of their destination; each runs once somebody asks.

    Args:
        catalog: What the plugins declare.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._runs: dict[str, _Run] = {}
        self._closed = False
        #: Slug -> why its sandbox did not start, or ended by itself.
        self.failures: dict[str, str] = {}

    @property
    def declared(self) -> Mapping[str, Sandbox]:
        """The sandboxes of the destinations that are built; see `Catalog`."""
        found = {slug: each.destination.sandbox for slug, each in self._catalog.built.items()}
        return {slug: sandbox for slug, sandbox in found.items() if sandbox is not None}

    def sandbox(self, slug: str) -> Sandbox:
        """The sandbox of a destination; raises `NotFoundError` where none is declared."""
        found = self._sandbox(slug)
        return pick(self.declared, slug, "destination with a sandbox") if found is None else found

    def running(self, slug: str) -> RunningSandbox | None:
        """The sandbox of a destination, if it runs."""
        run = self._runs.get(slug)
        return None if run is None else run.running

    def received(self, slug: str) -> list[Mapping[str, Any]]:
        """What a sandbox has received, oldest first; empty if it does not run.

        Raises `PluginError` if it cannot say.
        """
        running = self.running(slug)
        found: list[Mapping[str, Any]] = []
        with PluginCode() as code:
            found = [] if running is None else list(running.received())
        if code.error is not None:
            raise PluginError(_failed(slug, "cannot list what it received", code.error))
        return found

    async def start(self, slug: str) -> RunningSandbox:
        """Start a sandbox, if it does not run, and return it.

        Raises `NotFoundError` where none is declared, and `PluginError` if it does not start.
        """
        sandbox = self.sandbox(slug)
        if self._closed:
            raise PluginError(f"the sandbox of {slug!r} does not start: the host is stopping")
        run = self._runs.get(slug)
        if run is None or run.task is None or run.task.done():
            run = self._runs[slug] = _Run(asyncio.get_running_loop().create_future())
            run.task = asyncio.create_task(self._live(slug, sandbox, run), name=f"sandbox {slug}")
        started = await self._started(slug, run)
        if isinstance(started, str):
            raise PluginError(started)
        return started

    async def stop(self, slug: str) -> None:
        """Stop a sandbox, if it runs; what it has received is forgotten."""
        run = self._runs.pop(slug, None)
        self.failures.pop(slug, None)
        if run is None or run.task is None:
            return
        run.ended.set()
        _, late = await asyncio.wait([run.task], timeout=STOP_SECONDS)
        for task in late:
            task.cancel()
            await asyncio.wait([task], timeout=STOP_SECONDS)

    async def close(self) -> None:
        """Stop every sandbox, and start none from now on."""
        self._closed = True
        await asyncio.gather(*map(self.stop, list(self._runs)))

    async def start_used(self, config: Config) -> None:
        """Start the sandboxes that enabled instances use; `failures` says which did not start."""
        slugs = {each.destination for each in used_by(config) if each.enabled}
        starting = [self.start(slug) for slug in slugs if self._sandbox(slug) is not None]
        await asyncio.gather(*starting, return_exceptions=True)

    def redirect(self, slug: str) -> Middleware:
        """Middleware that sends every request to a sandbox, and none to the partner.

        It starts the sandbox if that does not run, and must be the innermost one.
        """

        async def to_sandbox(outgoing: OutgoingRequest, handler: Handler) -> Response:
            try:
                running = await self.start(slug)
            except PluginError as error:
                raise ConnectionFailedError(str(error)) from error
            url, found = _ORIGIN.subn(lambda _: running.url, outgoing.url, count=1)
            if not found or not url.startswith(running.url):
                message = f"{outgoing.url!r} is not a URL: it has no scheme and no host"
                raise RejectedError(message, code="INVALID_URL")
            outgoing.url = url
            return await handler(outgoing)

        return to_sandbox

    def _sandbox(self, slug: str) -> Sandbox | None:
        entry = self._catalog.get(slug)
        return None if entry is None else entry.destination.sandbox

    async def _started(self, slug: str, run: _Run) -> RunningSandbox | str:
        try:
            return await asyncio.wait_for(asyncio.shield(run.started), START_SECONDS)
        except TimeoutError:
            message = f"the sandbox of {slug!r} did not start within {START_SECONDS:g} s"
            self.failures[slug] = message
            if not run.started.done():
                run.started.set_result(message)
            if run.task is not None:
                run.task.cancel()
                await asyncio.wait([run.task], timeout=STOP_SECONDS)
            return message

    async def _live(self, slug: str, sandbox: Sandbox, run: _Run) -> None:
        message = f"the sandbox of {slug!r} was stopped while it started"
        try:
            with PluginCode() as code:
                await self._run(slug, sandbox, run)
            if code.error is not None:
                what = "stopped with an error" if run.started.done() else "did not start"
                self.failures[slug] = message = _failed(slug, what, code.error)
                log.error("%s", message, exc_info=code.error)
        finally:
            if not run.started.done():
                run.started.set_result(message)

    async def _run(self, slug: str, sandbox: Sandbox, run: _Run) -> None:
        async with sandbox.start() as started:
            running: object = started
            if not isinstance(running, RunningSandbox):
                kind = type(running).__name__
                raise PluginError(f"it yields {kind}, and not RunningSandbox(url=..., ...)")
            self.failures.pop(slug, None)
            run.started.set_result(running)
            log.info("the sandbox of %s listens on %s", slug, running.url)
            await run.ended.wait()


def used_by(config: Config) -> Iterable[Instance]:
    """The instances that use a sandbox."""
    return [each for each in config.instances.values() if each.sandbox]


def _failed(slug: str, what: str, error: BaseException) -> str:
    shown = str(error) if isinstance(error, PluginError) else exception_text(error)
    return f"the sandbox of {slug!r} {what}: {shown}"
