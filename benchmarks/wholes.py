"""The figures of a whole host: end to end, latency, and what a large backlog costs."""

from __future__ import annotations

import itertools
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.accepting import BATCH, NO_PARTNER, Sender
from benchmarks.delivering import Partner, partner
from benchmarks.effort import Effort
from benchmarks.figures import Figure
from benchmarks.host import WRITE_KEY, fill, make_config, running_host
from benchmarks.processes import BenchmarkError, Worker, get_json, python, worker

#: The pace of the latency figure: batches of 20 every 20 ms.
PACED_BATCH: Final = 20
PACED_INTERVAL: Final = 0.02
CONNECTIONS: Final = 8
MAX_P99_MS: Final = 250.0
MAX_RSS_MB: Final = 200.0
MAX_READY_SECONDS: Final = 3.0
MS: Final = 1_000.0
#: So long the memory of a host is watched after it is ready, in seconds.
WATCHED_SECONDS: Final = 3.0
#: Everything of a paced run has arrived after so many seconds, or never will.
ARRIVE_SECONDS: Final = 15.0


def end_to_end_figures(effort: Effort, now: datetime) -> Iterator[Figure]:
    """SDK batches in, an emulated partner at the far end."""
    with (
        partner() as far,
        tempfile.TemporaryDirectory() as folder,
        running_host(Path(folder), make_config(), partner=far.url) as host,
        worker("load", python("benchmarks.load")) as load,
    ):
        sender = Sender(load, now)
        count = effort.delivered // BATCH
        values = [_sustained(far, sender, host.port, count) for _ in range(effort.rounds)]
    yield Figure(
        group="end to end", name="sustained", unit="events/s",
        ours=values,
    )  # fmt: skip
    yield from _latency_figures(effort, now)


def _sustained(far: Partner, sender: Sender, port: int, count: int) -> float:
    before, began = far.stored(), time.perf_counter()
    sent = sender.rate(port, batch=BATCH, count=count)
    # What was sent is made ready before: the sending began so long before its end.
    began = time.perf_counter() - count * BATCH / sent
    while far.stored() - before < count * BATCH:
        if time.perf_counter() - began > ARRIVE_SECONDS + count:
            raise BenchmarkError("not every event arrived")
        time.sleep(PACED_INTERVAL)
    return count * BATCH / (time.perf_counter() - began)


def _latency_figures(effort: Effort, now: datetime) -> Iterator[Figure]:
    with (
        partner("keep") as far,
        tempfile.TemporaryDirectory() as folder,
        running_host(Path(folder), make_config(), partner=far.url) as host,
        worker("load", python("benchmarks.load")) as load,
    ):
        rounds = [_paced(far, load, host.port, effort, now, n) for n in range(effort.rounds)]
    for name, at in (("p50", 50), ("p95", 95), ("p99", 99)):
        values = [statistics.quantiles(each, n=100)[at - 1] * MS for each in rounds]
        yield Figure(
            group="end to end",
            name=f"latency at 1,000 events/s, {name}",
            unit="ms",
            ours=values,
            less_is_better=True,
            most=MAX_P99_MS if name == "p99" else None,
        )


def _paced(  # noqa: PLR0913, PLR0917 - both ends, the host between them, and how much
    far: Partner, load: Worker, port: int, effort: Effort, now: datetime, number: int
) -> list[float]:
    count = int(effort.paced_seconds / PACED_INTERVAL)
    start = number * count * PACED_BATCH
    told = {"count": count, "batch": PACED_BATCH, "start": start, "size": "seed"}
    load.ask({**told, "now": now.isoformat(), "write_key": WRITE_KEY})
    question = {"port": port, "connections": CONNECTIONS, "interval": PACED_INTERVAL}
    accepted = [float(at) for at in load.ask(question)["accepted_at"]]
    arrived = _arrived(far, start, count * PACED_BATCH)
    batches = itertools.batched if hasattr(itertools, "batched") else _batched
    waits = []
    for at, group in zip(accepted, batches(arrived, PACED_BATCH), strict=True):
        waits += [max(0.0, each - at) for each in group]
    return waits


def _batched(values: list[float], size: int) -> Iterator[tuple[float, ...]]:
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])


def _arrived(far: Partner, start: int, count: int) -> list[float]:
    """When each event arrived, in the order in which they were sent."""
    deadline = time.perf_counter() + ARRIVE_SECONDS
    while far.stored() < start + count:
        if time.perf_counter() > deadline:
            raise BenchmarkError("not every event arrived")
        time.sleep(PACED_INTERVAL)
    told = get_json(f"{far.url}/_emulator/events?offset={start}&limit={count}")["data"]
    moments = {
        event["transaction_id"]: datetime.fromisoformat(event["processed_at"]).timestamp()
        for event in told
    }
    return [moments[key] for key in sorted(moments)]


def backlog_figures(effort: Effort, now: datetime) -> Iterator[Figure]:
    """Memory with a large backlog, and the time to be ready after a kill -9 with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, effort.backlog, now=now)
        ready: list[float] = []
        first: list[float] = []
        last: list[float] = []
        for _ in range(effort.rounds):
            with running_host(folder, make_config(), partner=NO_PARTNER) as host:
                ready.append(host.ready_seconds)
                first.append(host.rss_mb)
                time.sleep(WATCHED_SECONDS)
                last.append(host.rss_mb)
                host.process.send_signal(signal.SIGKILL)
                host.process.wait()
    what = f"{effort.backlog:,} waiting"
    bounded: dict[str, Any] = {"less_is_better": True, "group": "backlog"}
    yield Figure(name=f"memory, {what}, once ready", unit="MB", ours=first, **bounded)
    yield Figure(
        name=f"the same {WATCHED_SECONDS:g} s later", unit="MB", ours=last,
        most=MAX_RSS_MB, **bounded,
    )  # fmt: skip
    yield Figure(
        name=f"ready again, {what}", unit="s", ours=ready,
        most=MAX_READY_SECONDS, **bounded,
    )  # fmt: skip
