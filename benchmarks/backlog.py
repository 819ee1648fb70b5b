"""What a large backlog costs a host: its memory, and the time until it is ready again."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.effort import Effort
from benchmarks.growth import ONE, Side, grown
from benchmarks.host import (
    NO_PARTNER,
    SUBSCRIPTION,
    fill_queue,
    make_config,
    running_host,
    subscriptions_of,
)
from benchmarks.measurements import OURS, Bench, Measurement, by_side, in_turn
from benchmarks.progress import report_progress
from benchmarks.trees import HERE, Tree

MAX_RSS_MB: Final = 100.0
MAX_READY_SECONDS: Final = 1.0


@attrs.frozen(kw_only=True)
class Start:
    """A host's start with a backlog, ended by a kill -9."""

    ready_seconds: float
    #: Once ready, and a while later; in megabytes.
    first: float
    later: float


def backlog_measurements(bench: Bench) -> Iterator[Measurement]:
    """Memory with a large backlog, and the time to be ready after a kill -9 with it."""
    effort, config = bench.effort, make_config()
    with ExitStack() as stack:
        sides = {}
        for name, tree in bench.trees().items():
            folder = _filled(
                stack, f"{name}: {effort.backlog:,} events", effort.backlog, bench, tree
            )
            sides[name] = partial(start, folder, config, effort, tree)
        starts = in_turn(sides, effort.host_rounds)
    what = f"{effort.backlog:,} waiting"
    for name, unit, value, most in (
        (f"memory, {what}, once ready", "MB", "first", None),
        (f"the same {effort.watched_seconds:g} s later", "MB", "later", MAX_RSS_MB),
        (f"ready again, {what}, after kill -9", "s", "ready_seconds", MAX_READY_SECONDS),
    ):
        yield Measurement(
            group="backlog",
            name=name,
            unit=unit,
            most=most,
            less_is_better=True,
            **by_side({side: [getattr(one, value) for one in of] for side, of in starts.items()}),
        )


def backlog_growth(bench: Bench) -> Iterator[Measurement]:
    """The same where many subscriptions share the backlog, beside one that has it all."""
    effort = bench.effort
    most, count = effort.growth[-1], effort.growth_backlog
    many = make_config(subscriptions=most)
    with ExitStack() as stack:
        sides = {}
        for side in (
            Side(name=ONE, config=make_config()),
            Side(name=f"{most} share it", config=many, subscriptions=subscriptions_of(many)),
        ):
            folder = _filled(stack, side.name, count, bench, HERE, subscriptions=side.subscriptions)
            sides[OURS, side.name] = partial(start, folder, side.config, effort, HERE)
        starts = in_turn(sides, effort.growth_rounds)
    group = f"backlog of {count:,} events"
    for suffix, unit, value in (
        (f", memory {effort.watched_seconds:g} s later", "MB", "later"),
        (", ready again", "s", "ready_seconds"),
    ):
        values = {name: [getattr(each, value) for each in of] for name, of in starts.items()}
        yield from grown(group, unit, values, suffix=suffix, less_is_better=True)


def _filled(  # noqa: PLR0913, PLR0917 - which events, for whom, and where
    stack: ExitStack,
    name: str,
    count: int,
    bench: Bench,
    tree: Tree,
    subscriptions: Sequence[str] = (SUBSCRIPTION,),
) -> Path:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    report_progress(f"a backlog for {name}")
    fill_queue(folder, count, now=bench.now, subscriptions=subscriptions, tree=tree)
    return folder


def start(folder: Path, config: dict[str, Any], effort: Effort, tree: Tree, _: int) -> Start:
    """Start a host on a folder, look at its memory, and kill it."""
    with running_host(folder, config, partner=NO_PARTNER, tree=tree) as host:
        first = host.rss_mb
        time.sleep(effort.watched_seconds)
        later = host.rss_mb
        host.process.send_signal(signal.SIGKILL)
        host.process.wait()
        return Start(ready_seconds=host.ready_seconds, first=first, later=later)
