"""What a change of configuration costs, and whether the host answers everybody else meanwhile."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import attrs

from benchmarks.data import make_event
from benchmarks.host import NO_PARTNER, SUBSCRIPTION, WRITE_KEY, Host, make_config, running_host
from benchmarks.latency import MS
from benchmarks.measurements import Bench, Measurement
from benchmarks.processes import BenchmarkError
from offramp import _json

#: Of the control API of the measured host.
API_TOKEN: Final = "the-token-of-the-measured-host"  # noqa: S105 - nobody else uses it
ONE: Final = f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}"
#: Between two requests of one that asks all the time, in seconds.
PAUSE_SECONDS: Final = 0.002
MAX_PATCH_MS: Final = 100.0
MAX_P99_MS: Final = 50.0
MAX_WAIT_MS: Final = 250.0
#: The same requests while nothing is changed, for so many seconds each time.
UNCHANGED: Final = "no change"
STILL_SECONDS: Final = 0.1
#: Numbers of events that each round has to itself.
ROUND_EVENTS: Final = 1_000_000


@attrs.frozen(kw_only=True)
class Measured:
    """How long each change took, and each request that was made meanwhile; seconds."""

    changes: list[float] = attrs.field(factory=list)
    #: By path.
    waits: dict[str, list[float]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Caller:
    """Asks one host."""

    session: aiohttp.ClientSession
    url: str
    now: datetime

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The data of an answer; raises `BenchmarkError` where it is not a good one."""
        data = None if body is None else _json.dumps(body)
        async with self.session.request(method, f"{self.url}{path}", data=data) as about:
            text = await about.text()
            if not about.ok:
                raise BenchmarkError(f"{method} {path}: {about.status} {text}")
            return _json.loads(text) if text.startswith("{") else text

    async def track(self, number: int) -> None:
        """Send one event."""
        event = make_event(number, now=self.now)
        await self.ask("POST", "/v1/track", {**event, "writeKey": WRITE_KEY})


def configuration_measurements(bench: Bench) -> Iterator[Measurement]:
    """PATCH one subscription of many, and apply a file with one change."""
    many, changes, now = bench.effort.configured, bench.effort.changes, bench.now
    config = make_config(subscriptions=many)
    config["host"]["api_token"] = API_TOKEN
    group = f"configuration, {many} subscriptions of one instance"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_host(Path(folder), config, partner=NO_PARTNER) as host,
    ):
        yield Measurement(
            group=group, name="ready from a file", unit="s",
            ours=[host.ready_seconds], less_is_better=True,
        )  # fmt: skip
        still = asyncio.run(_measured(host, _nothing, changes, now))
        for name, change, most in (
            ("PATCH of one", _patch, MAX_PATCH_MS),
            ("a file with one change", partial(_apply, config), None),
        ):
            found = asyncio.run(_measured(host, change, changes, now))
            yield from _measurements(group, name, found, still, most)


def _measurements(
    group: str, name: str, found: Measured, still: Measured, most: float | None
) -> Iterator[Measurement]:
    about: dict[str, Any] = {"group": group, "unit": "ms", "less_is_better": True}
    yield Measurement(name=name, ours=[each * MS for each in found.changes], most=most, **about)
    for path, waits in found.waits.items():
        for which, of, limit in (("p99", _p99, MAX_P99_MS), ("longest", max, MAX_WAIT_MS)):
            yield Measurement(
                name=f"{path} meanwhile, {which}",
                ours=[of(waits) * MS],
                peers={UNCHANGED: [of(still.waits[path]) * MS]},
                most=limit,
                **about,
            )


def _p99(waits: Sequence[float]) -> float:
    return statistics.quantiles(waits, n=100, method="inclusive")[-1]


async def _nothing(_: Caller, __: int) -> None:
    await asyncio.sleep(STILL_SECONDS)


async def _patch(caller: Caller, number: int) -> None:
    await caller.ask("PATCH", ONE, {"trigger": f'type = "track" and event = "new {number}"'})


async def _apply(config: dict[str, Any], caller: Caller, number: int) -> None:
    document = _json.loads(_json.dumps({k: v for k, v in config.items() if k != "host"}))
    first, *_ = document["instances"].values()
    first["subscriptions"][0]["trigger"] = f'type = "track" and event = "newer {number}"'
    await caller.ask("POST", "/api/config", document)


async def _measured(
    host: Host, change: Callable[[Caller, int], Awaitable[None]], count: int, now: datetime
) -> Measured:
    found = Measured()
    headers = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{host.port}"
    async with aiohttp.ClientSession(headers=headers) as session:
        caller = Caller(session=session, url=url, now=now)
        for number in range(count):
            async with (
                _requests(found, "/livez", lambda _: caller.ask("GET", "/livez")),
                _requests(found, "/v1/track", caller.track, first=number * ROUND_EVENTS),
            ):
                began = time.perf_counter()
                await change(caller, number)
                found.changes.append(time.perf_counter() - began)
    return found


@asynccontextmanager
async def _requests(
    found: Measured, path: str, ask: Callable[[int], Awaitable[Any]], *, first: int = 0
) -> AsyncIterator[None]:
    """Ask all the time, and note how long each answer took, until the block ends."""
    waits: list[float] = []
    over = asyncio.Event()

    async def run() -> None:
        while not over.is_set():
            began = time.perf_counter()
            await ask(first + len(waits))
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_SECONDS)

    task = asyncio.create_task(run())
    await asyncio.sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        over.set()
        await task
        found.waits.setdefault(path, []).extend(waits)
