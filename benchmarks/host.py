"""A real host, `offramp serve`, on a configuration made for a measurement."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.data import EVENT, FIVE, TRIGGERS, event_name, make_event
from benchmarks.peers.emulator import TOKEN
from benchmarks.processes import (
    CHECKOUT,
    BenchmarkError,
    environment,
    free_port,
    python,
    started,
    wait_for,
    wait_for_port,
)
from benchmarks.progress import report_progress
from offramp import _json
from offramp.queue import NewItem, open_queue
from offramp.storage import Store

WRITE_KEY: Final = "measured-key"
SOURCE: Final = "product"
INSTANCE: Final = "metronome"
SUBSCRIPTION: Final = f"{INSTANCE}/usage 0"
TRIGGER: Final = TRIGGERS["6 conditions"]
#: A trigger of the same size that no event here matches; and one that tells it by another
#: condition than its name.
OTHER_TRIGGER: Final = TRIGGER.replace(EVENT, "other_event_{number}")
SAME_NAME_TRIGGER: Final = TRIGGER.replace(
    'properties.t != "test"', 'properties.t = "other_action_{number}"'
)
#: Requests under way at once, of ours and of what stands beside it.
CONCURRENCY: Final = 8
#: A partner that nobody listens for: what is accepted waits.
NO_PARTNER: Final = "http://127.0.0.1:9"
#: How long a fill waits for one write: a thousand events at a time.
FILL_EVENTS: Final = 1_000
#: So much of the end of a log is told of a host that does not start, in characters.
SAID_CHARACTERS: Final = 1_000
#: A fill tells how far it is after so many events.
REPORTED_EVENTS: Final = 200_000
BASE_URL_VARIABLE: Final = "METRONOME_BASE_URL"


def make_config(*, subscriptions: int = 1, instances: int = 1) -> dict[str, Any]:
    """A configuration in which the first subscription of the first instance matches, no other."""
    made = {}
    for number in range(instances):
        name = _instance_name(number)
        numbers = range(number * subscriptions, (number + 1) * subscriptions)
        triggers = {n: OTHER_TRIGGER.format(number=n) if n else TRIGGER for n in numbers}
        made[name] = _instance(name, triggers)
    return {"sources": {SOURCE: {"write_key": WRITE_KEY}}, "instances": made}


def make_dead_config(instances: int, *, shared: bool) -> dict[str, Any]:
    """A configuration of which the last instance is dead; it gets the events of the last name.

    The others get one name each where events are shared, else the first of them gets all.
    """
    config = make_config(instances=instances)
    last = instances - 1
    for number, instance in enumerate(config["instances"].values()):
        (subscription,) = instance["subscriptions"]
        if shared or number == last:
            subscription["trigger"] = TRIGGER.replace(EVENT, event_name(number))
        elif not number:
            other = f'event != "{event_name(last)}"'
            subscription["trigger"] = TRIGGER.replace(f'event = "{EVENT}"', other)
    config["instances"][_instance_name(last)] |= {
        "destination": "elsewhere",
        "settings": {"url": NO_PARTNER},
    }
    config["plugin_files"] = [str(CHECKOUT / "benchmarks" / "elsewhere.py")]
    return config


def subscriptions_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The lanes of a configuration, in its order."""
    instances = config["instances"].values()
    return tuple(each["id"] for instance in instances for each in instance["subscriptions"])


def _instance_name(number: int) -> str:
    return f"{INSTANCE}-{number}" if number else INSTANCE


def _instance(name: str, triggers: Mapping[int, str]) -> dict[str, Any]:
    return {
        "destination": "metronome-actions",
        "source": SOURCE,
        "max_concurrency": CONCURRENCY,
        "settings": {"apiToken": TOKEN},
        "subscriptions": [
            {
                "id": f"{name}/usage {number}",
                "name": f"usage {number}",
                "action": "sendEvent",
                "trigger": trigger,
                "mapping": FIVE,
            }
            for number, trigger in triggers.items()
        ],
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
def running_host(
    folder: Path, config: dict[str, Any], *, partner: str, ready: bool = True
) -> Iterator[Host]:
    """A host until the end of the block, `ready` or but listening; it delivers to `partner`, a URL.

    One with a backlog delivers as soon as its port opens, and is ready later: what watches that
    awaits the port alone.
    """
    file = folder / "offramp.json"
    file.write_bytes(_json.dumps(config))
    port = free_port()
    began = time.perf_counter()
    command = python(
        "benchmarks.serve",
        "serve",
        str(file),
        "--data-dir",
        str(folder / "data"),
        "--port",
        str(port),
    )
    log = (folder / "host.log").open("ab")
    more = environment(**{BASE_URL_VARIABLE: partner})
    with log, started(command, env=more, stderr=log, stdout=log) as process:
        try:
            with _log_shown_on_failure(folder / "host.log"):
                if ready:
                    wait_for(f"http://127.0.0.1:{port}/readyz", process)
                else:
                    wait_for_port(port, process)
            yield Host(port, process, time.perf_counter() - began)
        finally:
            # What is on its way to a partner that is not there would be waited for, in vain.
            process.kill()


@contextlib.contextmanager
def _log_shown_on_failure(log: Path) -> Iterator[None]:
    try:
        yield
    except BenchmarkError as error:
        said = log.read_text()[-SAID_CHARACTERS:]
        raise BenchmarkError(f"{error}; it said: {said}") from None


def fill(
    folder: Path,
    count: int,
    *,
    now: datetime,
    start: int = 0,
    subscriptions: Sequence[str] = (SUBSCRIPTION,),
) -> None:
    """Put events into the queue of a host that does not run, bound for its lanes in turn."""
    asyncio.run(_fill(folder, range(start, start + count), now, subscriptions))


async def _fill(folder: Path, numbers: range, now: datetime, subscriptions: Sequence[str]) -> None:
    async with Store.open(folder / "data") as store, open_queue(store) as queue:
        for first in range(numbers.start, numbers.stop, FILL_EVENTS):
            some = range(first, min(first + FILL_EVENTS, numbers.stop))
            await queue.accept([_item(number, now, subscriptions) for number in some])
            filled = some.stop - numbers.start
            if filled % REPORTED_EVENTS == 0:
                report_progress(f"{filled:,} of {len(numbers):,} events wait")


def _item(number: int, now: datetime, subscriptions: Sequence[str]) -> NewItem:
    event = make_event(number, now=now, names=len(subscriptions))
    return NewItem(
        source=SOURCE,
        message_id=event["messageId"],
        type="track",
        name=event["event"],
        received_at=now.timestamp(),
        body=_json.dumps(event),
        lanes=(subscriptions[number % len(subscriptions)],),
    )
