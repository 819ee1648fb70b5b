"""What plugins hold open: who fails is held by name, all others start and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from tests.plugins.small import declares, make_destination, make_plugin
from tests.waiting import until

from offramp import OutgoingRequest, Response
from offramp.definition import Handler
from offramp.delivery import enter_lifespans, lifespans
from offramp.errors import PluginError
from offramp.plugins import Plugins, load_plugins

#: Not a constant for mypy, which would find the rest unreachable.
FAILS = bool(1)


def load(*plugins: object) -> Plugins:
    return load_plugins(extra=plugins, installed=False)


class Kept:
    """Notes when it is entered and left."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        self.seen.append("entered")
        try:
            yield
        finally:
            self.seen.append("left")

    def plugin(self, name: str) -> object:
        return make_plugin(name, offramp_lifespan=partial(self.hold))


@asynccontextmanager
async def fails() -> AsyncIterator[None]:
    if FAILS:
        raise SystemExit("no worker")
    yield


@asynccontextmanager
async def hangs() -> AsyncIterator[None]:
    await asyncio.Event().wait()
    yield


async def is_async() -> AsyncIterator[None]:
    """Lacks the decorator that makes it a context manager."""
    yield


def raises() -> Any:
    raise RuntimeError("no options")


@pytest.mark.parametrize(
    ("hook", "cause"),
    [
        (fails, "did not start: SystemExit: no worker"),
        (hangs, "did not start within 0.05 s"),
        (is_async, "write @contextlib.asynccontextmanager below @hookimpl"),
        (raises, "offramp_lifespan failed: RuntimeError: no options"),
    ],
)
async def test_a_lifespan_that_does_not_start_holds_its_plugin_alone(
    hook: Callable[[], Any], cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is reported with cause and remedy; those before and behind it start and end."""
    monkeypatch.setattr(lifespans, "START_SECONDS", 0.05)
    before, behind = Kept(), Kept()
    faulty = make_plugin("faulty", offramp_lifespan=hook)
    plugins = load(before.plugin("before"), faulty, behind.plugin("behind"))
    async with enter_lifespans(plugins):
        assert before.seen == behind.seen == ["entered"]
        [problem] = plugins.problems
        assert problem.plugin == "faulty"
        assert cause in problem.cause
        assert "restart the host" in problem.remedy
        with pytest.raises(PluginError, match="'faulty'"):
            plugins.refuse_unstarted(["before", "faulty"])
        plugins.refuse_unstarted(["before", "behind"])
    assert before.seen == behind.seen == ["entered", "left"]


async def test_no_request_passes_by_middleware_whose_lifespan_did_not_start() -> None:
    """It may sign with what the lifespan holds; other destinations are not affected."""

    async def sign(outgoing: OutgoingRequest, handler: Handler) -> Response:
        return await handler(outgoing)

    plugins = load(
        declares("owner", make_destination(), make_destination("other")),
        make_plugin(
            "signer",
            offramp_lifespan=fails,
            offramp_middleware=lambda destination: [sign] if destination.slug == "small" else [],
        ),
    )
    async with enter_lifespans(plugins):
        with pytest.raises(PluginError, match=r"'signer'.*no worker"):
            plugins.middleware(make_destination())
        assert plugins.middleware(make_destination("other")) == []


async def test_one_that_did_not_start_is_tried_again_by_the_next_host() -> None:
    """What is reported is about this start, not about one before."""
    failing = [True]

    @asynccontextmanager
    async def flaky() -> AsyncIterator[None]:
        if failing:
            raise RuntimeError(failing.pop())
        yield

    plugins = load(make_plugin("flaky", offramp_lifespan=flaky))
    problems = []
    for _ in range(2):
        async with enter_lifespans(plugins):
            problems.append([each.plugin for each in plugins.problems])
    assert problems == [["flaky"], []]


async def test_one_that_ends_by_itself_is_reported() -> None:
    """A task group cancels the lifespan if a task of it fails, which nobody would see otherwise."""
    crash = asyncio.Event()

    async def work() -> None:
        await crash.wait()
        raise RuntimeError("worker lost")

    @asynccontextmanager
    async def working() -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            yield

    plugins = load(make_plugin("worker", offramp_lifespan=working))
    async with enter_lifespans(plugins):
        crash.set()
        await until(lambda: plugins.problems)
        [problem] = plugins.problems
        assert "ended with an error" in problem.cause


@asynccontextmanager
async def clings() -> AsyncIterator[None]:
    """Takes longer to end than a host waits."""
    try:
        yield
    finally:
        await asyncio.Event().wait()


@asynccontextmanager
async def breaks() -> AsyncIterator[None]:
    """Fails at its end."""
    yield
    raise RuntimeError("cannot close")


@pytest.mark.parametrize("hook", [clings, breaks])
async def test_one_that_does_not_end_delays_no_other_for_long(
    hook: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled, and those entered before it are left."""
    monkeypatch.setattr(lifespans, "STOP_SECONDS", 0.05)
    held = Kept()
    plugins = load(held.plugin("held"), make_plugin("faulty", offramp_lifespan=hook))
    async with asyncio.timeout(5), enter_lifespans(plugins):
        pass
    assert held.seen == ["entered", "left"]


async def test_a_start_that_is_cancelled_leaves_nothing_open() -> None:
    """Who stops the host while a plugin starts ends those that have started."""
    held = Kept()
    entering = asyncio.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        entering.set()
        await asyncio.Event().wait()
        yield

    plugins = load(held.plugin("held"), make_plugin("slow", offramp_lifespan=slow))

    async def run() -> None:
        async with enter_lifespans(plugins):
            pass

    task = asyncio.create_task(run())
    await entering.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert held.seen == ["entered", "left"]
