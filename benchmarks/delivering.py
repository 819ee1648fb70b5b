"""Measures delivering: from the durable queue to an emulated partner in its own process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final

import attrs

from benchmarks.cases import cases
from benchmarks.effort import Effort
from benchmarks.growth import Side, grown, make_sides
from benchmarks.host import CONCURRENCY, fill, make_config, running_host
from benchmarks.measurements import Measurement, in_turn
from benchmarks.peers.emulator import TOKEN
from benchmarks.processes import (
    BenchmarkError,
    Worker,
    free_port,
    get_json,
    python,
    started,
    wait_for,
    worker,
)
from benchmarks.setup import segment_command

BATCH: Final = 100
LOOK_SECONDS: Final = 0.02
#: A run that stands still for so long has failed.
STILL_SECONDS: Final = 30.0
#: The first tenth of a run is its start-up.
LEFT_OUT: Final = 0.1
BARE: Final = "bare aiohttp client"
ON_EVENT: Final = "onEvent"
BARE_TARGET: Final = 0.3


@attrs.define
class Partner:
    """Metronome's emulator, and how many events it has been sent."""

    port: int

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def stored(self) -> int:
        """Events stored so far."""
        return int(get_json(f"{self.url}/_emulator/stats")["events_stored"])

    def rate_of(self, count: int, before: int) -> float:
        """Watch until `count` events have come since `before`; events a second after the start."""
        return rate_without_start(self._watch(count, before), count)

    def rate_from_now(self, count: int, before: int) -> float:
        """Watch until `count` events have come since `before`; events a second from now on."""
        seen = self._watch(count, before)
        return rate_between(seen[0], seen[-1])

    def _watch(self, count: int, before: int) -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []
        moved = time.perf_counter()
        while not seen or seen[-1][1] < count:
            now, stored = time.perf_counter(), self.stored() - before
            if not seen or stored > seen[-1][1]:
                moved = now
            elif now - moved > STILL_SECONDS:
                raise BenchmarkError(f"only {stored} of {count} events arrived")
            seen.append((now, stored))
            time.sleep(LOOK_SECONDS)
        return seen


def rate_without_start(seen: Sequence[tuple[float, int]], count: int) -> float:
    """Events a second, of moments and events by then, from a tenth of `count` to the end."""
    return rate_between(next(each for each in seen if each[1] >= count * LEFT_OUT), seen[-1])


def rate_between(first: tuple[float, int], last: tuple[float, int]) -> float:
    """Events a second between two moments; raises `BenchmarkError` where they are one."""
    if first == last:
        raise BenchmarkError(f"{last[1]} events are too few to be timed")
    return (last[1] - first[1]) / (last[0] - first[0])


@contextmanager
def partner(*options: str, port: int = 0) -> Iterator[Partner]:
    """An emulator until the end of the block, on that port if one is given."""
    port = port or free_port()
    command = python("benchmarks.peers.emulator", str(port), *options)
    with started(command, stdout=DEVNULL) as process:
        running = Partner(port)
        wait_for(f"{running.url}/_emulator/stats", process)
        yield running


def deliver_measurements(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Deliver a backlog, beside a bare client, and beside Segment's way of sending."""
    with ExitStack() as stack:
        far = stack.enter_context(partner())
        post = stack.enter_context(worker("post", python("benchmarks.post")))
        segment = stack.enter_context(worker("segment", segment_command()))
        segment.ask(_question(far, now))
        segment.ask({"seconds": effort.warm_seconds})
        runs = _Runs(far=far, post=post, segment=segment, effort=effort, now=now)
        values = in_turn(
            {"ours": runs.ours, BARE: runs.bare, ON_EVENT: runs.on_event}, effort.rounds
        )
    ours = values.pop("ours")
    for peer, target in ((BARE, BARE_TARGET), (ON_EVENT, 25.0)):
        yield Measurement(
            group="deliver",
            name=f"batches of {BATCH}, {CONCURRENCY} at once",
            unit="events/s",
            ours=ours,
            peers={peer: values[peer]},
            target=target,
            target_peer=peer,
        )


def deliver_growth(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Deliver a backlog of one lane among many, and one that many instances share."""
    with partner() as far:
        runs = _Growing(far=far, count=effort.growth_events, now=now)
        sides = make_sides(effort)
        rates = {side.name: partial(runs.rate, side) for side in sides}
        values = in_turn(rates, effort.growth_rounds)
    group = f"delivering {effort.growth_events:,} events"
    yield from grown(group, "events/s", values, without_target=sides[-1].name)


@attrs.define(kw_only=True)
class _Growing:
    far: Partner
    count: int
    now: datetime
    start: int = 0

    def rate(self, side: Side, _: int) -> float:
        """Events a second that arrive at the living."""
        numbers = range(self.start, self.start + self.count)
        self.start = numbers.stop
        before = self.far.stored()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fill(
                folder,
                self.count,
                now=self.now,
                start=numbers.start,
                subscriptions=side.subscriptions,
            )
            # So many lanes prepare all that they have before the first of it arrives, so that the
            # pace of the arrivals would tell nothing of what they cost.
            with running_host(folder, side.config, partner=self.far.url, ready=False):
                return self.far.rate_from_now(side.living(numbers), before)


@attrs.define(kw_only=True)
class _Runs:
    far: Partner
    post: Worker
    segment: Worker
    effort: Effort
    now: datetime
    start: int = 0

    def ours(self, _: int) -> float:
        count = self.effort.delivered
        before = self.far.stored()
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), count, now=self.now, start=self._next(count))
            with running_host(Path(folder), make_config(), partner=self.far.url):
                return self.far.rate_of(count, before)

    def bare(self, _: int) -> float:
        count = self.effort.delivered
        request = {
            "count": count,
            "batch": BATCH,
            "start": self._next(count),
            "now": self.now.isoformat(),
            "port": self.far.port,
            "concurrency": CONCURRENCY,
        }
        answer = self.post.ask(request)
        return count / float(answer["seconds"])

    def on_event(self, _: int) -> float:
        answer = self.segment.ask({"seconds": self.effort.run_seconds})
        return float(answer["count"]) / float(answer["seconds"])

    def _next(self, count: int) -> int:
        start, self.start = self.start, self.start + count
        return start


def _question(far: Partner, now: datetime) -> dict[str, Any]:
    case = next(cases()).as_question(now)
    return case | {
        "measurement": "deliver",
        "url": far.url,
        "token": TOKEN,
        "concurrency": CONCURRENCY,
    }
