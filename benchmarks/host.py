"""A real host, `offramp serve`, on a configuration made for a measurement."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.data import EVENT, FIVE, TRIGGERS, event_name
from benchmarks.peers.emulator import TOKEN
from benchmarks.processes import (
    BenchmarkError,
    end,
    free_port,
    started,
    wait_for,
    wait_for_port,
)
from benchmarks.trees import HERE, Tree, python
from offramp import _json

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
#: So much of the end of a log is told of a host that does not start, in characters.
SAID_CHARACTERS: Final = 1_000
BASE_URL_VARIABLE: Final = "METRONOME_BASE_URL"
#: The folder of a host's data, within its own.
DATA: Final = "data"
#: Fills a queue, as a process of the tree that the queue belongs to.
_FILL: Final = """
import datetime, json, pathlib, sys
from benchmarks.{module} import fill
folder, count, now, start, subscriptions = json.loads(sys.argv[1])
now = datetime.datetime.fromisoformat(now)
fill(pathlib.Path(folder), count, now=now, start=start, subscriptions=subscriptions)
"""


def make_config(*, subscriptions: int = 1, instances: int = 1) -> dict[str, Any]:
    """A configuration in which the first subscription of the first instance matches, no other."""
    made = {}
    for number in range(instances):
        name = _instance_name(number)
        numbers = range(number * subscriptions, (number + 1) * subscriptions)
        triggers = {n: OTHER_TRIGGER.format(number=n) if n else TRIGGER for n in numbers}
        made[name] = _instance(name, triggers)
    return {
        "host": {"egress": {"allow": ["127.0.0.0/8"]}},
        "sources": {SOURCE: {"write_key": WRITE_KEY}},
        "instances": made,
    }


def make_usual_config() -> dict[str, Any]:
    """A configuration with a subscription that takes every event, and one that filters it."""
    return make_config(subscriptions=2)


def make_busy_config(subscriptions: int) -> dict[str, Any]:
    """A configuration whose one instance has so many subscriptions, for one name of event each."""
    config = make_config(subscriptions=subscriptions)
    for number, subscription in enumerate(config["instances"][INSTANCE]["subscriptions"]):
        subscription["trigger"] = TRIGGER.replace(EVENT, event_name(number))
    return config


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
    config["plugin_files"] = [str(HERE.root / "benchmarks" / "elsewhere.py")]
    return config


def subscriptions_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the subscriptions of a configuration, in its order."""
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

    folder: Path
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

    def stored_bytes(self) -> int:
        """End the host, and answer how large its data are on disk."""
        end(self.process)
        return sum(file.stat().st_size for file in (self.folder / DATA).rglob("*"))


@contextlib.contextmanager
def running_host(
    folder: Path, config: dict[str, Any], *, partner: str, ready: bool = True, tree: Tree = HERE
) -> Iterator[Host]:
    """A host until the end of the block, `ready` or but listening; it delivers to `partner`, a URL.

    One with a backlog delivers as soon as its port opens, and is ready later: what watches that
    awaits the port alone.
    """
    file, log_file = folder / "offramp.json", folder / "host.log"
    file.write_bytes(_json.dumps(config))
    port = free_port()
    began = time.perf_counter()
    options = ("--data-dir", str(folder / DATA), "--port", str(port))
    command = python("benchmarks.serve", "serve", str(file), *options)
    more = tree.environment(**{BASE_URL_VARIABLE: partner})
    with (
        log_file.open("ab") as log,
        started(command, tree=tree, env=more, stderr=log, stdout=log) as process,
    ):
        try:
            with _log_shown_on_failure(log_file):
                if ready:
                    wait_for(f"http://127.0.0.1:{port}/readyz", process)
                else:
                    wait_for_port(port, process)
            yield Host(folder, port, process, time.perf_counter() - began)
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


def fill_queue(  # noqa: PLR0913 - which events, for whom, and where
    folder: Path,
    count: int,
    *,
    now: datetime,
    start: int = 0,
    subscriptions: Sequence[str] = (SUBSCRIPTION,),
    tree: Tree = HERE,
) -> None:
    """Put events into the queue of a tree's host that does not run, for subscriptions in turn."""
    question = _json.dumps([str(folder), count, now.isoformat(), start, list(subscriptions)])
    # Up to the commit that made `fill` a module, it stands with the host.
    own = (tree.root / "benchmarks" / "fill.py").exists()
    code = _FILL.format(module="fill" if own else "host")
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code, question.decode()],
        cwd=tree.root,
        env=tree.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"a queue could not be filled:\n{done.stderr[-SAID_CHARACTERS:]}")
