"""What a large backlog costs a host: its memory, and the time until it is ready again."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.effort import Effort
from benchmarks.growth import ONE, Side, grown
from benchmarks.host import NO_PARTNER, fill, make_config, running_host, subscriptions_of
from benchmarks.measurements import Measurement, in_turn
from benchmarks.progress import report_progress

MAX_RSS_MB: Final = 200.0
MAX_READY_SECONDS: Final = 3.0


@attrs.frozen(kw_only=True)
class Start:
    """A host's start with a backlog, ended by a kill -9."""

    ready_seconds: float
    #: Once ready, and a while later; in megabytes.
    first: float
    later: float


def backlog_measurements(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Memory with a large backlog, and the time to be ready after a kill -9 with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, effort.backlog, now=now)
        starts = [start(folder, make_config(), effort, number) for number in range(effort.rounds)]
    what = f"{effort.backlog:,} waiting"
    bounded: dict[str, Any] = {"less_is_better": True, "group": "backlog"}
    yield Measurement(
        name=f"memory, {what}, once ready", unit="MB",
        ours=[each.first for each in starts], **bounded,
    )  # fmt: skip
    yield Measurement(
        name=f"the same {effort.watched_seconds:g} s later", unit="MB",
        ours=[each.later for each in starts], most=MAX_RSS_MB, **bounded,
    )  # fmt: skip
    yield Measurement(
        name=f"ready again, {what}", unit="s",
        ours=[each.ready_seconds for each in starts], most=MAX_READY_SECONDS, **bounded,
    )  # fmt: skip


def backlog_growth(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """The same where many subscriptions share the backlog, beside one that has it all."""
    most = effort.growth[-1]
    many = make_config(subscriptions=most)
    with ExitStack() as stack:
        sides = {}
        for side in (
            Side(name=ONE, config=make_config()),
            Side(name=f"{most} share it", config=many, subscriptions=subscriptions_of(many)),
        ):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            report_progress(f"a backlog for {side.name}")
            fill(folder, effort.growth_backlog, now=now, subscriptions=side.subscriptions)
            sides[side.name] = partial(start, folder, side.config, effort)
        starts = in_turn(sides, effort.growth_rounds)
    group = f"backlog of {effort.growth_backlog:,} events"
    for suffix, unit, value in (
        (f", memory {effort.watched_seconds:g} s later", "MB", "later"),
        (", ready again", "s", "ready_seconds"),
    ):
        values = {name: [getattr(each, value) for each in of] for name, of in starts.items()}
        yield from grown(group, unit, values, suffix=suffix, less_is_better=True)


def start(folder: Path, config: dict[str, Any], effort: Effort, _: int) -> Start:
    """Start a host on a folder, look at its memory, and kill it."""
    with running_host(folder, config, partner=NO_PARTNER) as host:
        first = host.rss_mb
        time.sleep(effort.watched_seconds)
        later = host.rss_mb
        host.process.send_signal(signal.SIGKILL)
        host.process.wait()
        return Start(ready_seconds=host.ready_seconds, first=first, later=later)
