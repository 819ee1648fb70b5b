"""A host on a file that the disk spoiled: what it still does, and what it says of itself."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from tests.cli.conftest import CONFIG, TOKEN, usage
from tests.cli.parts import running
from tests.host.calls import call

from offramp.errors import StorageError
from offramp.host.run import Host
from offramp.storage import DATABASE_FILE
from offramp_metronome.emulator import Emulator, Fault

PAGE = 4096
#: A place in a page of a block that holds the middle of an event.
INSIDE = 3000
#: Events that are accepted by requests of some, and by one whose block needs pages behind its own.
SOME, REQUESTS, MANY = 10, 30, 60
#: Requests after which the instance is held, so that the events of the others stay in their blocks.
TRIED = 5
TOTAL = SOME * REQUESTS + MANY
#: Seconds until what can be delivered is, and for which nothing more may come.
PATIENCE, A_WHILE = 20.0, 0.5
#: The decision about all damaged events, as `call` takes it.
EXPIRE_ALL = ("POST", "/api/damaged-events", {"decision": "expire", "all": True})


@asynccontextmanager
async def host_with(folder: Path, *, status: int | None = None) -> AsyncIterator[tuple[Host, Any]]:
    """A host on a folder, and the partner; it answers everything with `status`, if given."""
    async with Emulator(token=TOKEN) as emulator:
        if status is not None:
            emulator.faults.add(Fault(status=status, times=None))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("METRONOME_TOKEN", TOKEN)
            patch.setenv("METRONOME_BASE_URL", emulator.url)
            async with running(folder.parent / "offramp.toml", folder) as host:
                yield host, emulator


async def send(host: Host, *ids: str) -> int:
    """Send events in one request; answers the status."""
    body = {"writeKey": "product-key", "batch": [usage(each) for each in ids]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{host.url}/v1/batch", json=body) as answer,
    ):
        return answer.status


async def make_base(folder: Path) -> None:
    """Events that wait, as the partner answers 503; the host is stopped in good order."""
    (folder.parent / "offramp.toml").write_text(CONFIG)
    async with host_with(folder, status=503) as (host, _):
        for first in range(0, SOME * REQUESTS, SOME):
            assert await send(host, *(f"m{first + each + 1}" for each in range(SOME))) == 200
            while first == SOME * TRIED and not host.engine.held:  # noqa: ASYNC110 - none tells
                await asyncio.sleep(0.01)
        assert await send(host, *(f"m{SOME * REQUESTS + n + 1}" for n in range(MANY))) == 200


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with waiting events; event number n has the message id `m{n}`."""
    folder = tmp_path_factory.mktemp("damage") / "data"
    asyncio.run(make_base(folder))
    return folder


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    (tmp_path / "offramp.toml").write_text(CONFIG)
    return Path(shutil.copytree(base, tmp_path / "data"))


def pages(path: Path, name: str, kind: str) -> list[int]:
    """The numbers of a table's or an index's pages of a kind, in its order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path", (name, kind)
        ).fetchall()
    return [number for (number,) in rows]


def overwrite(path: Path, name: str, kind: str) -> None:
    """Overwrite the middle one of these pages."""
    found = pages(path, name, kind)
    number = found[len(found) * 3 // 4]
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(random.Random(number).randbytes(PAGE))


def flip(path: Path) -> None:
    """Change one bit inside of an event."""
    found = pages(path, "blocks", "leaf")
    with path.open("r+b") as file:
        file.seek((found[len(found) * 3 // 4] - 1) * PAGE + INSIDE)
        [byte] = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


def page_of(name: str, kind: str = "leaf") -> Callable[[Path], None]:
    return lambda path: overwrite(path, name, kind)


@attrs.frozen(kw_only=True)
class Damaged:
    """A way to damage the file, and what becomes of the host."""

    damage: Callable[[Path], None]
    #: Whether it still accepts, and so is ready.
    accepts: bool = True
    #: Whether what it can read of the old events arrives, but for what it names as damaged.
    delivers: bool = True
    #: How it is degraded.
    kinds: frozenset[str] = frozenset()


CASES: Mapping[str, Damaged] = {
    "nothing": Damaged(damage=lambda _: None),
    "a bit of an event": Damaged(damage=flip, kinds=frozenset({"damaged_events"})),
    "a page of blocks": Damaged(damage=page_of("blocks"), kinds=frozenset({"damaged_events"})),
    "a page behind a block": Damaged(
        damage=page_of("blocks", "overflow"), kinds=frozenset({"damaged_events"})
    ),
    "the root of the blocks": Damaged(
        damage=page_of("blocks", "internal"),
        accepts=False,
        delivers=False,
        kinds=frozenset({"worker", "database"}),
    ),
    "the message ids": Damaged(damage=page_of("ids"), accepts=False, kinds=frozenset({"database"})),
    "the index of what is open": Damaged(
        damage=page_of("deliveries_open"),
        accepts=False,
        delivers=False,
        kinds=frozenset({"worker", "database"}),
    ),
    "the requests": Damaged(
        damage=page_of("requests_recent"),
        delivers=False,
        kinds=frozenset({"worker", "database"}),
    ),
    "the latencies": Damaged(
        damage=page_of("latencies"), delivers=False, kinds=frozenset({"worker", "database"})
    ),
}


async def arrived(host: Host, emulator: Any, sent: set[str]) -> set[str]:
    """Wait until all of `sent` has arrived but for what the host names; answers what it names."""
    async with asyncio.timeout(PATIENCE):
        while True:
            _, ready = await call(host, "GET", "/readyz")
            lost = named(ready.get("degraded", []))
            if sent - lost <= set(emulator.effects()):
                return lost
            await asyncio.sleep(0.05)


def named(degraded: list[dict[str, str]]) -> set[str]:
    """The message ids of the events that are told to be damaged."""
    found = set()
    for each in degraded:
        if each["kind"] == "damaged_events" and each["pointer"].startswith("#/events/"):
            first, last = (int(word) for word in each["detail"].split() if word.isdigit())
            found |= {f"m{number}" for number in range(first, last + 1)}
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_damaged_file_harms_as_little_as_possible(folder: Path, case: Damaged) -> None:
    """What can be accepted and delivered is, each event once; all else is named, everywhere."""
    case.damage(folder / DATABASE_FILE)
    async with host_with(folder) as (host, emulator):
        assert await send(host, "new") == (200 if case.accepts else 503)
        new = {"new"} if case.accepts else set()
        if case.delivers:
            lost = await arrived(host, emulator, {f"m{n + 1}" for n in range(TOTAL)} | new)
            assert len(lost) <= MANY
        await asyncio.sleep(A_WHILE)
        assert set(emulator.effects().values()) <= {1}
        status, ready = await call(host, "GET", "/readyz")
        assert (status, ready["ready"]) == ((200, True) if case.accepts else (503, False))
        degraded = ready.get("degraded", [])
        assert {each["kind"] for each in degraded} >= case.kinds
        assert bool(degraded) is bool(case.kinds)
        _, shown = await call(host, "GET", "/api/status")
        assert {e["pointer"] for e in shown["degraded"]} == {e["pointer"] for e in degraded}
        status, metrics = await call(host, "GET", "/metrics")
        assert status == 200
        for kind in case.kinds:
            assert f'offramp_degraded{{kind="{kind}"}} 0.0' not in metrics
        # What cannot be settled would hold up the end for as long as the engine allows.
        await host.engine.stop(within=A_WHILE)


@pytest.mark.parametrize("name", ["exceptions", "exceptions_due"])
async def test_what_is_retried_may_be_damaged_and_holds_up_nothing_else(
    folder: Path, name: str
) -> None:
    """Deliveries with rows of their own that cannot be read do not stop those in blocks."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
        (retried,) = connection.execute("SELECT count(*) FROM exceptions").fetchone()
    overwrite(folder / DATABASE_FILE, name, "leaf")
    async with host_with(folder) as (host, emulator):
        assert await send(host, "new") == 200
        async with asyncio.timeout(PATIENCE):
            while len(emulator.effects()) < TOTAL + 1 - retried:  # noqa: ASYNC110 - no signal
                await asyncio.sleep(0.05)
        status, ready = await call(host, "GET", "/readyz")
        assert (status, ready["ready"]) == (200, True)
        assert "database" in {each["kind"] for each in ready["degraded"]}


REFUSED: Mapping[str, Callable[[Path], None]] = {
    "page 1": page_of("sqlite_schema", "internal"),
    "the configuration": page_of("config"),
    "the counters": page_of("tallies"),
    "cut to nothing": lambda path: os.truncate(path, 0),
    "cut to half": lambda path: os.truncate(path, path.stat().st_size // 2),
}


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED.keys())
async def test_a_file_without_which_nothing_runs_is_refused(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    """The start fails and names the file; it never begins anew in silence."""
    path = folder / DATABASE_FILE
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=DATABASE_FILE):
        async with host_with(folder):
            pass
    assert path.read_bytes() == before


async def test_a_lost_file_beside_its_log_is_refused(folder: Path) -> None:
    """SQLite would throw the log away, with the events that were accepted last."""
    path = folder / DATABASE_FILE
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"events")
    path.unlink()
    with pytest.raises(StorageError, match=r"is missing, but it once held data: there is .*-wal"):
        async with host_with(folder):
            pass
    assert log.read_bytes() == b"events"
    assert not path.exists()


@pytest.mark.parametrize("query", ["where=type%3D'track'", "since=2000-01-01"])
@pytest.mark.parametrize("kind", ["leaf", "overflow"])
async def test_a_search_goes_around_a_page_that_makes_no_sense(
    folder: Path, kind: str, query: str
) -> None:
    """Every other event is looked at, once; what cannot be read is counted."""
    overwrite(folder / DATABASE_FILE, "blocks", kind)
    found: list[str] = []
    damaged = 0
    async with host_with(folder, status=503) as (host, _):
        cursor: str | None = ""
        while cursor is not None:
            status, page = await call(host, "GET", f"/api/events?{query}&limit=40{cursor}")
            assert status == 200, page
            found += [row["message_id"] for row in page["rows"]]
            damaged += page["damaged"]
            cursor = page["cursor"] and f"&cursor={page['cursor']}"
        assert (await call(host, "GET", "/api/events?outcome=waiting"))[0] == 200
    assert len(set(found)) == len(found)
    # Those that were tried have copies of their own, and are found in spite of it.
    assert TOTAL <= len(found) + damaged <= TOTAL + MANY
    # Without a condition on it, nobody reads the body behind the head of a block.
    assert (damaged > 0) is (kind == "leaf" or query.startswith("where"))
    assert len(found) > TOTAL // 4


@pytest.mark.parametrize("damage", [flip, page_of("blocks")], ids=["a bit", "a page"])
async def test_damaged_events_are_named_and_counted(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    """The story of such an event says why it is not sent, and the recount names and counts it."""
    damage(folder / DATABASE_FILE)
    async with host_with(folder) as (host, emulator):
        sent = {f"m{n + 1}" for n in range(TOTAL)}
        lost = await arrived(host, emulator, sent)
        missing = lost - set(emulator.effects())
        assert missing
        one = min(missing)
        status, shown = await call(host, "GET", f"/api/events/{one}")
        if status == 200:
            [delivery] = shown["events"][0]["deliveries"]
            assert delivery["stage"] == "waiting"
            assert delivery["why"]["text"].startswith(
                "its event and those stored with it are damaged"
            )
        else:
            assert (status, "the disk spoiled it" in shown["detail"]) == (404, True)
        status, page = await call(host, "GET", "/api/events?limit=500")
        listed = {row["message_id"] for row in page["rows"]}
        assert (status, sent - lost - listed) == (200, set())
        status, recount = await call(host, "GET", "/api/reconciliation")
        assert (status, recount["ok"]) == (200, False)
        assert recount["deliveries"] == TOTAL
        first = min(int(each[1:]) for each in lost)
        assert any(
            f"event {first}" in each or f"events {first} " in each for each in recount["faults"]
        )
        # Nothing but the damaged events is wrong.
        assert all("counter" not in each for each in recount["faults"])


async def kinds_of(host: Host) -> set[str]:
    """How the host is degraded."""
    _, ready = await call(host, "GET", "/readyz")
    return {each["kind"] for each in ready.get("degraded", [])}


@pytest.mark.parametrize(
    ("damage", "named"),
    [(flip, True), (page_of("blocks"), False), (page_of("blocks", "overflow"), True)],
    ids=["a bit", "a page", "a page behind a block"],
)
async def test_what_waits_for_damaged_events_is_ended(
    folder: Path, damage: Callable[[Path], None], *, named: bool
) -> None:
    """It is named, expired once a person says so, exactly counted, and the host is healthy again.

    A later start remembers the decision when it meets the damage anew.
    """
    damage(folder / DATABASE_FILE)
    async with host_with(folder) as (host, emulator):
        sent = {f"m{n + 1}" for n in range(TOTAL)}
        missing = (await arrived(host, emulator, sent)) - set(emulator.effects())
        await asyncio.sleep(A_WHILE)
        assert "damaged_events" in await kinds_of(host)
        _, listed = await call(host, "GET", "/api/damaged-events")
        waiting = [each for row in listed["rows"] for each in row["deliveries"]]
        assert {each["subscription"] for each in waiting} == {"metronome/Billing events"}
        assert sum(each["waiting"] for each in waiting) == len(missing)
        ids = {each["message_id"] for row in listed["rows"] for each in row["message_ids"]}
        assert ids == (missing if named else set())
        status, answer = await call(host, *EXPIRE_ALL)
        assert (status, sum(each["expired"] for each in answer["rows"])) == (200, len(missing))
        assert "damaged_events" not in await kinds_of(host)
        _, recount = await call(host, "GET", "/api/reconciliation")
        assert (recount["faults"], recount["deliveries"]) == ([], TOTAL)
        _, shown = await call(host, "GET", "/api/status")
        [subscription] = shown["subscriptions"]
        assert (subscription["waiting"], subscription["expired"]) == (0, len(missing))
        assert shown["sums"]["ok"]
        _, log = await call(host, "GET", "/api/audit-log?limit=1")
        assert log["rows"][0]["after"] == {"damaged_events": f"expire {len(missing)}"}
    async with host_with(folder) as (host, _):
        assert (await call(host, "GET", "/api/reconciliation"))[1]["faults"] == []
        assert (await call(host, "GET", "/api/damaged-events"))[1]["rows"][0]["decided"]
        assert "damaged_events" not in await kinds_of(host)


async def test_only_what_is_damaged_can_be_ended(folder: Path) -> None:
    """Events that are sound, or not named, are left alone."""
    flip(folder / DATABASE_FILE)
    async with host_with(folder) as (host, emulator):
        await arrived(host, emulator, {f"m{n + 1}" for n in range(TOTAL)})
        for body, expected in (
            ({"decision": "expire"}, 422),
            ({"decision": "expire", "events": ["1"], "all": True}, 422),
            ({"decision": "expire", "events": ["1"]}, 404),
            ({"decision": "send", "all": True}, 422),
        ):
            assert (await call(host, "POST", "/api/damaged-events", body))[0] == expected
        assert "damaged_events" in await kinds_of(host)


async def test_what_was_ended_for_a_damaged_event_is_told(folder: Path) -> None:
    """Where the head of its block is sound, the event is found, with its end and what to do."""
    flip(folder / DATABASE_FILE)
    async with host_with(folder) as (host, emulator):
        sent = {f"m{n + 1}" for n in range(TOTAL)}
        missing = (await arrived(host, emulator, sent)) - set(emulator.effects())
        assert (await call(host, *EXPIRE_ALL))[0] == 200
        _, found = await call(host, "GET", f"/api/events/{min(missing)}")
        [delivery] = found["events"][0]["deliveries"]
        assert (delivery["stage"], delivery["reason"]) == ("expired", "DAMAGED")
        assert (delivery["attempts"], delivery["why"]["replay"]) == (0, None)
        assert delivery["why"]["fix"].startswith("let its sender send it again")
        for path in (
            "/api/deliveries?subscription=metronome/Billing%20events&stage=expired&limit=500",
            "/api/events?outcome=expired&reason=DAMAGED&limit=500",
        ):
            _, page = await call(host, "GET", path)
            assert {each["message_id"] for each in page["rows"]} == missing
