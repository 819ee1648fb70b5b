"""Measures Segment's published destinations on Offramp, beside Segment's own engine.

One host with one worker delivers a backlog, and the engine sends one event a request: both to the
same partner, with the same mapping. Only this checkout is measured, since another commit of it has
no worker that is built.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial as bound_to
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.data import make_bodies
from benchmarks.delivering import LEFT_OUT, ON_EVENT, Partner, partner, rate_between
from benchmarks.effort import Effort
from benchmarks.host import SOURCE, WRITE_KEY, fill_queue, running_host
from benchmarks.measurements import OURS, Bench, Measurement, by_side, in_turn
from benchmarks.processes import (
    BenchmarkError,
    Worker,
    children_of,
    processor_seconds,
    worker,
)
from benchmarks.setup import install_published, segment_command
from benchmarks.trees import HERE

#: The same engine with an agent that keeps connections, which Segment's client has not.
KEPT: Final = "onEvent, kept connections"
#: Events that the engine goes round: enough that it seldom waits for the last of them.
EVENTS: Final = 1_000
WORKERS: Final = 1
INSTANCE: Final = "measured"
SUBSCRIPTION: Final = f"{INSTANCE}/events"
TRIGGER: Final = 'type = "track"'
MICROSECONDS: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Case:
    """An action of Segment's, and what its ratio to the engine should be, and be at least."""

    name: str
    #: What its lines begin with that come after the first.
    short: str
    directory: str
    action: str
    settings: dict[str, Any]
    mapping: dict[str, Any]
    #: Requests under way at once, of ours and of the engine's.
    concurrency: int
    target: float
    least: float

    def as_config(self) -> dict[str, Any]:
        """A configuration with one subscription, which takes every event."""
        slug = f"actions-{self.directory}"
        subscription = {
            "id": SUBSCRIPTION,
            "name": "events",
            "action": self.action,
            "trigger": TRIGGER,
            "mapping": self.mapping,
        }
        return {
            "host": {"egress": {"allow": ["127.0.0.0/8"]}},
            "plugin_files": [str(HERE.root / "benchmarks" / "to_partner.py")],
            "plugins": {"segment": {"destinations": [slug], "workers": WORKERS}},
            "sources": {SOURCE: {"write_key": WRITE_KEY}},
            "instances": {
                INSTANCE: {
                    "destination": slug,
                    "source": SOURCE,
                    "max_concurrency": self.concurrency,
                    "settings": self.settings,
                    "subscriptions": [subscription],
                }
            },
        }

    def as_question(self, bench: Bench, url: str, *, kept: bool) -> dict[str, Any]:
        """What the engine is told of it."""
        bodies = make_bodies(size="seed", now=bench.now, count=EVENTS)
        return {
            "measurement": "publish",
            "name": f"{self.directory}-{kept}",
            "directory": self.directory,
            "action": self.action,
            "settings": self.settings,
            "mapping": self.mapping,
            "trigger": TRIGGER,
            "events": [body.decode() for body in bodies],
            "url": url,
            "kept": kept,
            "concurrency": self.concurrency,
        }


#: Customer.io's own default mapping, in the batches of 50 that it has by default.
BATCHES: Final = Case(
    name="batches of 50, customerio trackEvent",
    short="batches",
    directory="customerio",
    action="trackEvent",
    settings={"siteId": "site", "apiKey": "measured-key"},
    mapping={
        "id": {"@path": "$.userId"},
        "anonymous_id": {"@path": "$.anonymousId"},
        "name": {"@path": "$.event"},
        "event_id": {"@path": "$.messageId"},
        "timestamp": {"@path": "$.timestamp"},
        "data": {"@path": "$.properties"},
        "convert_timestamp": True,
        "enable_batching": True,
        "batch_size": 50,
    },
    concurrency=8,
    target=3.0,
    least=1.8,
)
SINGLES: Final = Case(
    name="single events, slack postToChannel",
    short="singles",
    directory="slack",
    action="postToChannel",
    settings={},
    mapping={
        "url": "https://hooks.slack.com/services/T/B",
        "text": {"@template": "{{event}} of {{userId}}"},
        "username": "Segment",
    },
    concurrency=32,
    target=0.7,
    least=0.4,
)


@attrs.frozen(kw_only=True)
class Run:
    """One side of one round: events a second, and seconds of the processor for each of them."""

    rate: float
    #: Of the host, or of the engine.
    main: float
    #: Of the host's worker.
    worker: float = 0.0

    def core(self, each: float) -> float:
        """What a process used, as a share of one core."""
        return each * self.rate


def published_measurements(bench: Bench) -> Iterator[Measurement]:
    """Deliver a backlog in batches and one by one, beside the engine's `onEvent`."""
    install_published()
    for case, count in (
        (BATCHES, bench.effort.published_batched),
        (SINGLES, bench.effort.published_singles),
    ):
        with partner(module="benchmarks.peers.partner") as far:
            runs = measure(case, count, bench, far)
        yield from measurements_of(case, runs)


def measure(case: Case, count: int, bench: Bench, far: Partner) -> dict[str, list[Run]]:
    """The rounds of a case by side: a host with `count` events, the engine in both its ways."""
    sides: dict[str, Callable[[int], Run]] = {
        OURS: bound_to(_run_host, case, count, far, bench.now)
    }
    with ExitStack() as stack:
        for name in (ON_EVENT, KEPT):
            engine = stack.enter_context(worker("segment", segment_command()))
            _prepare(engine, case.as_question(bench, far.url, kept=name == KEPT), far)
            engine.ask({"seconds": bench.effort.warm_seconds})
            sides[name] = bound_to(_run_engine, engine, bench.effort)
        return in_turn(sides, bench.effort.host_rounds)


def _prepare(engine: Worker, question: dict[str, Any], far: Partner) -> None:
    """Give the engine its case; raises `BenchmarkError` unless each of its events arrives."""
    before = far.stored()
    engine.ask(question)
    arrived = far.stored() - before
    if arrived != EVENTS:
        raise BenchmarkError(f"of {EVENTS} events of Segment's engine, {arrived} arrived")


def _run_engine(engine: Worker, effort: Effort, _: int) -> Run:
    answer = engine.ask({"seconds": effort.published_seconds})
    count = float(answer["count"])
    return Run(rate=count / float(answer["seconds"]), main=float(answer["processor"]) / count)


def _run_host(case: Case, count: int, far: Partner, at: datetime, number: int) -> Run:
    before, start = far.stored(), number * count
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill_queue(folder, count, now=at, start=start, subscriptions=(SUBSCRIPTION,))
        with running_host(folder, case.as_config(), partner=far.url, ready=False) as host:
            # From a tenth on, as everywhere: the host and its worker start in it.
            first = far.watch(round(count * LEFT_OUT), before)[-1]
            processes = [host.process.pid, *children_of(host.process.pid)]
            used = _used(processes)
            last = far.watch(count, before)[-1]
            differences = [now - then for now, then in zip(_used(processes), used, strict=True)]
    if len(differences) != 1 + WORKERS:
        raise BenchmarkError(f"the host started {len(differences) - 1} processes, not its worker")
    main, of_worker = (each / (last[1] - first[1]) for each in differences)
    return Run(rate=rate_between(first, last), main=main, worker=of_worker)


def _used(processes: Sequence[int]) -> list[float]:
    return [processor_seconds(each) for each in processes]


def measurements_of(case: Case, runs: dict[str, list[Run]]) -> Iterator[Measurement]:
    """Events a second of both, and what they use of the processor for each event."""
    ours = runs[OURS]
    yield Measurement(
        group="segment",
        name=case.name,
        unit="events/s",
        target=case.target,
        least=case.least,
        target_peer=ON_EVENT,
        note=describe_busier(ours),
        **by_side({side: [each.rate for each in some] for side, some in runs.items()}),
    )
    engine = _micro(each.main for each in runs[ON_EVENT])
    parts = {
        "host and worker": [each.main + each.worker for each in ours],
        "host": [each.main for each in ours],
        "worker": [each.worker for each in ours],
    }
    for name, seconds in parts.items():
        yield Measurement(
            group="segment",
            name=f"{case.short}, processor time for an event: {name}",
            unit="µs",
            ours=_micro(seconds),
            peers={ON_EVENT: engine},
            less_is_better=True,
        )


def _micro(seconds: Iterable[float]) -> list[float]:
    return [each * MICROSECONDS for each in seconds]


def describe_busier(runs: Sequence[Run]) -> str:
    """Which of the host and its worker is the busier one, and how much of a core each has."""
    host = statistics.median(each.core(each.main) for each in runs)
    of_worker = statistics.median(each.core(each.worker) for each in runs)
    busier = "host" if host > of_worker else "worker"
    return f"busier: the {busier}; host {host:.0%} of a core, worker {of_worker:.0%}"
