"""The page on operating a host, held to a host that runs."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from tests.docs.pages import CHECKOUT, blocks, read_page, rows, section
from tests.listening import LOCAL_EGRESS

from offramp import _json
from offramp.config import Document, HostSettings, parse_config
from offramp.config.options import keys_of
from offramp.delivery.engine import FINISH_SECONDS
from offramp.host.app import KEEPALIVE_SECONDS
from offramp.host.listen import SHUTDOWN_SECONDS
from offramp.host.run import Host, run_host
from offramp.plugins import load_catalog, load_plugins
from offramp.queue import Limits, Retention
from offramp.queue.limits import DAY_S, KEEP_COUNTS_S
from offramp.storage import connect
from offramp.storage.store import READER_THREADS
from offramp_metronome.emulator import Emulator, Fault

PAGE = read_page("how-to/operate.md")
TOKEN = "made-up-token"
PATIENCE = 30.0
KIB = 1024
#: How far a measured size may lie from the page's, as pages of the file fill differently.
TOLERANCE = 0.15


def event(number: int, name: str = "Report Rendered") -> dict[str, Any]:
    """A usage event as the collector stores one of an SDK."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "track",
        "event": name,
        "userId": f"user-{number % 500}",
        "anonymousId": None,
        "messageId": f"{number:032x}-{number % 7}",
        **dict.fromkeys(("timestamp", "receivedAt", "originalTimestamp", "sentAt"), now),
        "version": 2,
        "context": {
            "groupId": f"acme-{number % 50}",
            "library": {"name": "analytics-python", "version": "2.3.4"},
            "ip": "203.0.113.7",
        },
        "integrations": {},
        "properties": {
            "pages": number % 40,
            "region": "eu-west-1",
            "format": "pdf",
            "duration_ms": number % 3000,
            "plan": "team",
            "report": f"r-{number}",
        },
    }


@asynccontextmanager
async def hosting(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, status: int | None = None
) -> AsyncIterator[Host]:
    """A host with one subscription, and the emulator that it sends to, which may always refuse."""
    subscription = {"name": "Usage", "action": "sendEvent", "trigger": 'event = "Report Rendered"'}
    instance = {
        "destination": "metronome-actions",
        "source": "product",
        "settings": {"apiToken": TOKEN},
        "subscriptions": [subscription],
    }
    document = {
        "sources": {"product": {"write_key": "product-key"}},
        "instances": {"metronome": instance},
    }
    catalog = load_catalog(load_plugins())
    loaded = parse_config(Document(data=document), catalog)
    settings = attrs.evolve(loaded.host, port=0, egress_settings=LOCAL_EGRESS)
    async with Emulator(token=TOKEN, keep_events=False) as emulator:
        if status is not None:
            emulator.faults.add(Fault(status=status, times=None))
        monkeypatch.setenv("METRONOME_BASE_URL", emulator.url)
        async with run_host(lambda _: loaded.config, catalog, settings, folder=folder) as host:
            yield host


def size(folder: Path) -> int:
    """Bytes of the file that are in use, its log included."""
    path = folder / "offramp.sqlite3"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * page)


@attrs.frozen
class Way:
    """How events come, and so how they end."""

    name: str = "Report Rendered"
    status: int | None = None
    together: int = 100
    count: int = 1_000


WAYS = {
    "delivered, in full batches": Way(),
    "delivered alone": Way(together=1, count=100),
    "filtered by its only subscription": Way(name="Page Viewed"),
    "rejected": Way(status=404),
}


@pytest.mark.parametrize("what", [*WAYS])
async def test_an_event_takes_as_much_room_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Measured through a whole host: what the file grows by, for each event."""
    table = {row[0]: float(row[1].split(" KB")[0]) for row in rows(section_on_sizes())}
    assert set(table) == set(WAYS)
    way = WAYS[what]
    async with hosting(tmp_path, monkeypatch, status=way.status) as host:
        before = size(tmp_path)
        for first in range(0, way.count, way.together):
            events = [event(number, way.name) for number in range(first, first + way.together)]
            await host.engine.accept("product", events)
            assert await host.wait_until_idle(timeout=PATIENCE)
        grown = (size(tmp_path) - before) / way.count / 1_000
    assert grown == pytest.approx(table[what], rel=TOLERANCE, abs=0.1)


def section_on_sizes() -> str:
    return section(PAGE, "Disk and memory")


def test_the_measured_event_has_the_size_that_the_page_says() -> None:
    """576 bytes, give or take the digits of its numbers."""
    answer = re.search(r"event of (\d+) bytes as it is stored", section_on_sizes())
    assert answer is not None
    assert len(_json.dumps(event(1_000))) == pytest.approx(int(answer[1]), rel=TOLERANCE)


async def test_the_page_lists_every_metric_with_its_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/metrics` has what the table says: no figure more, none less, with these labels."""
    table = {
        name.strip("`"): (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in rows(section(PAGE, "Watch it").partition("### Metrics")[2])
    }
    async with hosting(tmp_path, monkeypatch) as host, aiohttp.ClientSession() as session:
        batch = {"writeKey": "product-key", "batch": [event(1), {}]}
        async with session.post(f"{host.url}/v1/batch", json=batch) as answer:
            assert answer.status == 200
        assert await host.wait_until_idle(timeout=PATIENCE)
        async with session.get(f"{host.url}/metrics") as answer:
            text = await answer.text()
    shown: dict[str, tuple[str, set[str]]] = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        if not name.endswith("_created"):
            sample = re.search(rf"^{name}(?:_count)?(?:{{(.*?)}})? ", text, re.MULTILINE)
            assert sample is not None, name
            shown[name] = (kind, set(re.findall(r'(\w+)="', sample[1] or "")))
    assert shown == table


def test_alerts_ask_for_metrics_that_there_are() -> None:
    """Each figure of an alert rule is in the table, or is another exporter's."""
    (rules,) = blocks(PAGE, "yaml")
    known = {row[0].strip("`") for row in rows(section(PAGE, "Watch it"))}
    asked = set(re.findall(r"\b(offramp_\w+)", rules))
    assert asked
    assert asked <= known
    assert len(set(re.findall(r"alert: (\w+)", rules))) == rules.count("- alert:")


def test_every_variable_is_named() -> None:
    """The table of environment variables is that of the code."""
    source = "".join(path.read_text() for path in (CHECKOUT / "framework").rglob("*.py"))
    read = set(re.findall(r'"(OFFRAMP_[A-Z_]+)"', source))
    table = {row[0].strip("`") for row in rows(section(PAGE, "Start it"))}
    assert table == read


def test_examples_of_configuration_have_keys_that_there_are() -> None:
    """The table `[host]` of the page can be written like that."""
    for text in blocks(PAGE, "toml"):
        assert set(tomllib.loads(text)["host"]) <= set(keys_of(HostSettings))


CACHES = connect.WRITER_CACHE_KIB + (READER_THREADS + 1) * connect.READER_CACHE_KIB


@pytest.mark.parametrize(
    "sentence",
    [
        f"Requests under way get {SHUTDOWN_SECONDS:g} seconds",
        f"attempts under way another {FINISH_SECONDS:g}.",
        f"less than the host's {KEEPALIVE_SECONDS:g} s",
        f"while fewer than {Limits().min_free_bytes // KIB**2} MiB are free",
        f"up to {CACHES // KIB} MiB more",
        f"by the minute, for {KEEP_COUNTS_S / DAY_S:g} days",
        f"A million delivered events a day, kept for {Retention().delivered / DAY_S:g} days",
    ],
)
def test_every_number_is_that_of_the_code(sentence: str) -> None:
    """A number on the page is the constant's."""
    assert sentence in PAGE
