"""A real host, `offramp serve`, on a configuration made for a measurement."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.data import FIVE, TRIGGERS, make_event
from benchmarks.peers.emulator import TOKEN
from benchmarks.processes import CHECKOUT, environment, free_port, python, started, wait_for
from offramp import _json
from offramp.queue import NewItem, open_queue
from offramp.storage import Store

WRITE_KEY: Final = "measured-key"
SOURCE: Final = "product"
INSTANCE: Final = "metronome"
LANE: Final = f"{INSTANCE}/usage 0"
TRIGGER: Final = TRIGGERS["6 conditions"]
#: A trigger of the same size that no event here matches.
OTHER_TRIGGER: Final = TRIGGER.replace("billing_event", "other_event_{number}")
#: Requests under way at once, of ours and of what stands beside it.
CONCURRENCY: Final = 8
#: How long a fill waits for one write: a thousand events at a time.
FILL_EVENTS: Final = 1_000
BASE_URL_VARIABLE: Final = "METRONOME_BASE_URL"


def make_config(*, subscriptions: int = 1, instances: int = 1) -> dict[str, Any]:
    """A configuration in which the first subscription of the first instance matches, no other."""
    made = {}
    for number in range(instances):
        name = INSTANCE if number == 0 else f"{INSTANCE}-{number}"
        made[name] = {
            "destination": "metronome-actions",
            "source": SOURCE,
            "concurrency": CONCURRENCY,
            "settings": {"apiToken": TOKEN},
            "subscriptions": [
                _subscription(name, number * subscriptions + at) for at in range(subscriptions)
            ],
        }
    return {"sources": {SOURCE: {"write_key": WRITE_KEY}}, "instances": made}


def _subscription(instance: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{instance}/usage {number}",
        "name": f"usage {number}",
        "action": "sendEvent",
        "trigger": OTHER_TRIGGER.format(number=number) if number else TRIGGER,
        "mapping": FIVE,
    }


@attrs.frozen
class Host:
    """A host that runs, and how long it took from its start until it was ready."""

    port: int
    process: subprocess.Popen[bytes]
    ready_seconds: float

    @property
    def rss_mb(self) -> float:
        """Its memory, in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(
            int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")
        )


@contextlib.contextmanager
def running_host(folder: Path, config: dict[str, Any], *, partner: str) -> Iterator[Host]:
    """A host until the end of the block; `partner` is the URL that it delivers to."""
    file = folder / "offramp.json"
    file.write_bytes(_json.dumps(config))
    port = free_port()
    began = time.perf_counter()
    command = python(
        "benchmarks.serve", "serve", str(file), "--data", str(folder / "data"), "--port", str(port)
    )
    log = (folder / "host.log").open("ab")
    more = environment(**{BASE_URL_VARIABLE: partner})
    with log, started(command, env=more, stderr=log, stdout=log) as process:
        wait_for(f"http://127.0.0.1:{port}/readyz", process)
        yield Host(port, process, time.perf_counter() - began)


def fill(folder: Path, count: int, *, now: datetime, start: int = 0, size: str = "seed") -> None:
    """Put events into the queue of a host that does not run, all bound for the first lane."""
    asyncio.run(_fill(folder, range(start, start + count), now, size))


async def _fill(folder: Path, numbers: range, now: datetime, size: str) -> None:
    moment = now.timestamp()
    async with Store.open(folder / "data") as store, open_queue(store) as queue:
        for first in range(numbers.start, numbers.stop, FILL_EVENTS):
            items = []
            for number in range(first, min(first + FILL_EVENTS, numbers.stop)):
                event = make_event(number, size=size, now=now)
                items.append(
                    NewItem(
                        source=SOURCE,
                        message_id=event["messageId"],
                        type="track",
                        name=event["event"],
                        received_at=moment,
                        body=_json.dumps(event),
                        lanes=(LANE,),
                    )
                )
            await queue.accept(items)


__all__ = ["CHECKOUT", "Host", "fill", "make_config", "running_host"]
