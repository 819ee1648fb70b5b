"""Code that keeps the event loop from everything else is noticed while it does, and named."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import event
from tests.delivery.wild import SUBSCRIPTION, config, deliveries_of, running, wild

from offramp.delivery import Watchdog, watch_loop
from offramp.plugins import load_catalog, load_plugins
from offramp.queue import Stage
from offramp_metronome.emulator import server

#: Longer than the watchdog allows; noticed within a second.
BLOCKED = 1.2

PLUGIN = """
import time
from offramp import hookimpl

def nap(seconds):
    time.sleep(seconds)  # the line

@hookimpl
def offramp_settled(outcomes):
    nap(1.2)
"""


def here(file: str) -> str | None:
    """This file is a plugin."""
    return "here" if file == __file__ else None


async def noticed(owner: Any, block: Any) -> Watchdog:
    """Run code on the loop, with a moment before and after it."""
    async with watch_loop(owner) as watchdog:
        await asyncio.sleep(0.01)
        block()
        await asyncio.sleep(0.01)
    return watchdog


async def test_what_blocks_is_named_while_it_does(caplog: pytest.LogCaptureFixture) -> None:
    """Within a second the log has plugin and line: an operator sees it though nothing answers."""
    logged_at: list[float] = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged_at.append(time.monotonic())

    handler = Noting()
    logging.getLogger("offramp.delivery.watchdog").addHandler(handler)
    started = time.monotonic()
    watchdog = await noticed(here, lambda: time.sleep(BLOCKED))
    logging.getLogger("offramp.delivery.watchdog").removeHandler(handler)
    assert watchdog.last is not None
    assert watchdog.last.place.startswith(f"{__file__}:")
    assert watchdog.last.seconds == pytest.approx(BLOCKED, abs=0.5)
    assert watchdog.blocked["here"] == watchdog.last.seconds
    [record] = [each for each in caplog.records if each.name == "offramp.delivery.watchdog"]
    assert record.levelno == logging.ERROR
    assert "plugin 'here' blocks the event loop" in record.message
    assert logged_at[0] - started < BLOCKED


async def test_a_loop_that_answers_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Many short steps are no blockage, and the thread ends with the block."""
    async with watch_loop(here) as watchdog:
        until = time.monotonic() + BLOCKED
        while time.monotonic() < until:
            time.sleep(0.005)  # noqa: ASYNC251 - short steps of work are what is tried here
            await asyncio.sleep(0)
    assert watchdog.last is None
    assert watchdog.blocked == {}
    assert not [t for t in threading.enumerate() if t.name == "offramp-watchdog"]


async def test_collecting_garbage_is_not_blamed_on_whose_line_it_began_in() -> None:
    """A long collection may begin in any line; a line that blocks besides is still noticed."""

    class Slow:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            time.sleep(BLOCKED)

    def collect() -> None:
        Slow()
        gc.collect()

    assert (await noticed(here, collect)).last is None

    def collect_and_block() -> None:
        collect()
        time.sleep(BLOCKED)

    watchdog = await noticed(here, collect_and_block)
    assert watchdog.last is not None
    assert watchdog.last.seconds == pytest.approx(BLOCKED, abs=0.5)


async def test_what_is_no_plugin_is_not_blamed() -> None:
    """The host's own code, and a machine that stands still, are no plugin's doing."""
    watchdog = await noticed(lambda _: None, lambda: time.sleep(BLOCKED))
    assert watchdog.last is None


async def test_one_place_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """It may block at every event; the counter has all of it."""
    async with watch_loop(here) as watchdog:
        for _ in range(2):
            await asyncio.sleep(0.01)
            time.sleep(BLOCKED)  # noqa: ASYNC251 - the fault that is looked for
            await asyncio.sleep(0.3)
    assert watchdog.blocked["here"] > 2 * BLOCKED - 0.5
    assert len([e for e in caplog.records if e.name == "offramp.delivery.watchdog"]) == 1


async def test_code_that_never_lets_go_of_the_interpreter_is_named_too() -> None:
    """A pattern that backtracks for seconds holds every thread: it is named when it ends."""
    watchdog = await noticed(here, lambda: re.match(r"(a+)+$", "a" * 25 + "b"))
    assert watchdog.last is not None
    assert watchdog.last.place.startswith(f"{__file__}:")


async def test_the_innermost_line_of_a_plugin_is_told(tmp_path: Path) -> None:
    """What a plugin calls in a library blocks where the plugin called it."""
    path = tmp_path / "slow.py"
    path.write_text(PLUGIN)
    plugins = load_plugins(files=[path], installed=False)
    watchdog = await noticed(plugins.owner, lambda: plugins.settled([]))
    assert watchdog.last is not None
    assert watchdog.last.plugin == "slow"
    assert watchdog.last.place == f"{path}:6 in nap"


async def test_the_instance_is_told(tmp_path: Path) -> None:
    """Of several instances of one destination, an operator has to know which."""

    async def perform(request: Any, payload: Any) -> None:
        if payload.id == "slow":
            time.sleep(BLOCKED)  # noqa: ASYNC251 - the fault that is looked for
        await request.post("https://wild.example")

    catalog = wild(perform=perform)
    async with (
        watch_loop(lambda file: "wild" if file == __file__ else None) as watchdog,
        running(tmp_path, catalog) as (engine, ledger),
    ):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("slow")])
        [delivery] = await deliveries_of(ledger, "slow")
    assert delivery.stage is Stage.DELIVERED
    assert watchdog.last is not None
    assert watchdog.last.whose == f"instance {SUBSCRIPTION.partition('/')[0]}"


def test_code_belongs_to_the_plugin_whose_files_it_stands_in() -> None:
    """A whole installed package, and nothing of the framework or the standard library."""
    plugins = load_catalog(load_plugins()).plugins
    assert plugins.owner(server.__file__) == "metronome"
    assert plugins.owner(asyncio.__file__) is None
    assert plugins.owner(load_plugins.__code__.co_filename) is None
    assert plugins.owner("<string>") is None
