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
from benchmarks.growth import ONE, Side, grown, make_sides, sides_by_tree
from benchmarks.host import CONCURRENCY, fill_queue, make_usual_config, running_host
from benchmarks.measurements import Bench, Measurement, by_side, in_turn
from benchmarks.peers.emulator import TOKEN
from benchmarks.processes import (
    BenchmarkError,
    Worker,
    free_port,
    get_json,
    started,
    wait_for,
    worker,
)
from benchmarks.setup import segment_command
from benchmarks.trees import Tree, python

BATCH: Final = 100
LOOK_SECONDS: Final = 0.02
#: A run that stands still for so long has failed.
STILL_SECONDS: Final = 30.0
#: The first tenth of a run is its start-up.
LEFT_OUT: Final = 0.1
BARE: Final = "bare aiohttp client"
ON_EVENT: Final = "onEvent"
#: What delivering has to be, times before.
BEFORE_TARGET: Final = 2.0


@attrs.define
class Partner:
    """An emulated partner, Metronome unless said otherwise, and how many events it was sent."""

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
        return rate_without_start(self.watch(count, before), count)

    def rate_from_now(self, count: int, before: int) -> float:
        """Watch until `count` events have come since `before`; events a second from now on."""
        seen = self.watch(count, before)
        return rate_between(seen[0], seen[-1])

    def watch(self, count: int, before: int) -> list[tuple[float, int]]:
        """Moments, and events by then, until `count` have come since `before`."""
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
def partner(
    *options: str, port: int = 0, module: str = "benchmarks.peers.emulator"
) -> Iterator[Partner]:
    """An emulator until the end of the block, on that port if one is given."""
    port = port or free_port()
    command = python(module, str(port), *options)
    with started(command, stdout=DEVNULL) as process:
        running = Partner(port)
        wait_for(f"{running.url}/_emulator/stats", process)
        yield running


def deliver_measurements(bench: Bench) -> Iterator[Measurement]:
    """Deliver a backlog, beside a bare client, and beside Segment's way of sending."""
    effort = bench.effort
    with ExitStack() as stack:
        far = stack.enter_context(partner())
        post = stack.enter_context(worker("post", python("benchmarks.post")))
        segment = stack.enter_context(worker("segment", segment_command()))
        segment.ask(_question(far, bench.now))
        segment.ask({"seconds": effort.warm_seconds})
        runs = _Runs(far=far, now=bench.now)
        usual = Side(name=ONE, config=make_usual_config())
        sides = {
            name: partial(runs.rate_of_host, usual, tree, effort.delivered)
            for name, tree in bench.trees().items()
        }
        sides[BARE] = partial(runs.rate_of_bare, post, effort.delivered)
        sides[ON_EVENT] = partial(_rate_of_segment, segment, effort)
        values = in_turn(sides, effort.host_rounds)
    measured = by_side(values)
    for peer, target, least in ((BARE, 0.4, 0.25), (ON_EVENT, 35.0, 20.0)):
        # The commit before stands beside the first of the two lines alone.
        before = measured["before"] if peer == BARE else None
        yield Measurement(
            group="deliver",
            name=f"batches of {BATCH}, {CONCURRENCY} at once",
            unit="events/s",
            target=target,
            least=least,
            target_peer=peer,
            before_target=BEFORE_TARGET if peer == BARE else None,
            **measured | {"before": before, "peers": {peer: values[peer]}},
        )


def deliver_growth(bench: Bench) -> Iterator[Measurement]:
    """Deliver a backlog of one subscription among many, and one that many share."""
    count = bench.effort.growth_delivered
    sides = make_sides(bench.effort)
    with partner() as far:
        runs = _Runs(far=far, now=bench.now)
        # Timed from the open port on: what many subscriptions prepare before the first event
        # arrives is a part of what they cost.
        rates = {
            (which, side.name): partial(runs.rate_of_host, side, tree, count, with_start=True)
            for which, tree, side in sides_by_tree(bench, sides)
        }
        values = in_turn(rates, bench.effort.growth_rounds)
    targets = {side.name: side.target for side in sides}
    yield from grown(f"delivering {count:,} events", "events/s", values, targets=targets)


@attrs.define(kw_only=True)
class _Runs:
    """Rounds of delivering, each with events that nobody has delivered yet."""

    far: Partner
    now: datetime
    #: The number of the next event.
    start: int = 0

    def rate_of_host(
        self, side: Side, tree: Tree, count: int, _: int, *, with_start: bool = False
    ) -> float:
        """Events a second that a host with a backlog delivers, with its start or after it."""
        numbers = self._next(count)
        before = self.far.stored()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fill_queue(
                folder,
                count,
                now=self.now,
                start=numbers.start,
                subscriptions=side.subscriptions,
                tree=tree,
            )
            # It delivers as soon as its port opens, which may be long before it is ready.
            with running_host(folder, side.config, partner=self.far.url, ready=False, tree=tree):
                living = side.living(numbers)
                if with_start:
                    return self.far.rate_from_now(living, before)
                return self.far.rate_of(living, before)

    def rate_of_bare(self, post: Worker, count: int, _: int) -> float:
        """Events a second that a client posts whose bodies lie ready."""
        request = {
            "count": count,
            "batch": BATCH,
            "start": self._next(count).start,
            "now": self.now.isoformat(),
            "port": self.far.port,
            "concurrency": CONCURRENCY,
        }
        return count / float(post.ask(request)["seconds"])

    def _next(self, count: int) -> range:
        numbers = range(self.start, self.start + count)
        self.start = numbers.stop
        return numbers


def _rate_of_segment(segment: Worker, effort: Effort, _: int) -> float:
    answer = segment.ask({"seconds": effort.run_seconds})
    return float(answer["count"]) / float(answer["seconds"])


def _question(far: Partner, now: datetime) -> dict[str, Any]:
    case = next(cases()).as_question(now)
    return case | {
        "measurement": "deliver",
        "url": far.url,
        "token": TOKEN,
        "concurrency": CONCURRENCY,
    }
