"""Sandboxes: list them, start and stop one, and show what it received; each is on loopback."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from offramp.api.host_context import HostContext
from offramp.api.operations import LIMIT, Call, Operation, Reply
from offramp.api.problems import conflict
from offramp.config import Instance
from offramp.definition import Sandbox
from offramp.delivery import used_by

_ONE = "/api/sandboxes/{slug}"


class SandboxShape(TypedDict):
    """A local emulator of a destination's partner, for trying out: it bills nobody."""

    #: Slug of the destination.
    destination: str
    name: str
    label: str
    description: str
    #: What an instance that uses it is configured with; nothing of it is secret.
    settings: dict[str, Any]
    running: bool
    #: Where it listens, on this machine alone.
    url: str | None
    #: Why it did not start.
    problem: str | None
    #: Names of the instances that use it.
    instances: list[str]


class Sandboxes(TypedDict):
    """The sandboxes that destinations declare."""

    sandboxes: list[SandboxShape]


class Received(TypedDict):
    """What a sandbox has received since it started, latest first, as the partner would see it."""

    destination: str
    running: bool
    total: int
    received: list[dict[str, Any]]


class SandboxesResource:
    """The sandboxes of the destinations."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        listed = "List the sandboxes: emulators of partners, on this machine, for trying out"
        yield self._operation("GET", "/api/sandboxes", listed, self.listing, answer=Sandboxes)
        yield self._operation("GET", _ONE, "Show a sandbox", self.show)
        started = "Start a sandbox, if it does not run; its settings are what an instance needs"
        yield self._operation("POST", _ONE, started, self.start)
        stopped = "Stop a sandbox that no enabled instance uses, and forget what it received"
        yield self._operation("DELETE", _ONE, stopped, self.stop)
        received = "Show what a sandbox has received, latest first"
        more = {"answer": Received, "query": (LIMIT,)}
        yield self._operation("GET", f"{_ONE}/received", received, self.received, **more)

    def _operation(
        self, method: str, path: str, summary: str, serve: Any, **more: Any
    ) -> Operation:
        given = {"answer": SandboxShape, **more}
        return Operation(
            method=method, path=path, tag="sandboxes", summary=summary, serve=serve, **given
        )

    async def listing(self, _: Call) -> Reply:
        """Answer with all sandboxes."""
        shapes = [self._shape(slug, each) for slug, each in self._host.sandboxes.declared.items()]
        return Reply(data={"sandboxes": shapes})

    async def show(self, call: Call) -> Reply:
        """Answer with one sandbox."""
        slug, sandbox = self._named(call)
        return Reply(data=self._shape(slug, sandbox))

    async def start(self, call: Call) -> Reply:
        """Start a sandbox; its failure is an error of the request."""
        slug, sandbox = self._named(call)
        await self._host.sandboxes.start(slug)
        return Reply(data=self._shape(slug, sandbox))

    async def stop(self, call: Call) -> Reply:
        """Stop a sandbox; one in use would be started again by the next delivery."""
        slug, sandbox = self._named(call)
        if names := [each.name for each in self._using(slug) if each.enabled]:
            raise conflict(
                f"instances use this sandbox: {', '.join(names)}; disable them, or set their "
                "`sandbox` to false first"
            )
        await self._host.sandboxes.stop(slug)
        return Reply(data=self._shape(slug, sandbox))

    async def received(self, call: Call) -> Reply:
        """Answer with the latest of what a sandbox received."""
        slug, _ = self._named(call)
        found = self._host.sandboxes.received(slug)
        answer: Received = {
            "destination": slug,
            "running": self._host.sandboxes.running(slug) is not None,
            "total": len(found),
            "received": [dict(each) for each in found[: -call.query["limit"] - 1 : -1]],
        }
        return Reply(data=answer)

    def _named(self, call: Call) -> tuple[str, Sandbox]:
        slug = call.path["slug"]
        return slug, self._host.sandboxes.sandbox(slug)

    def _shape(self, slug: str, sandbox: Sandbox) -> SandboxShape:
        running = self._host.sandboxes.running(slug)
        return {
            "destination": slug,
            "name": self._host.catalog[slug].destination.name,
            "label": sandbox.label,
            "description": sandbox.description,
            "settings": dict(sandbox.settings),
            "running": running is not None,
            "url": None if running is None else running.url,
            "problem": self._host.sandboxes.failures.get(slug),
            "instances": [each.name for each in self._using(slug)],
        }

    def _using(self, slug: str) -> Iterable[Instance]:
        return [each for each in used_by(self._host.config) if each.destination == slug]
