"""Message ids: found in memory, in the index, after a restart, after a group that was undone."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

import attrs
import pytest
from tests.clocks import clock_of
from tests.queue.conftest import Event, batch_of

from offramp.queue import SqliteLedger, open_queue
from offramp.queue.sqlite import ids
from offramp.queue.sqlite.codes import digest, to_us
from offramp.storage import Store, Work
from offramp.storage.migrate import known_migrations, migrate
from offramp.storage.store import DATABASE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from offramp.queue import SqliteQueue

DAY = 86_400
#: An arbitrary moment, in epoch seconds.
START = 1_790_000_000.0
RUN = 8
STEP = 3
#: How many migrations there were while all ids were in one table.
BEFORE_RUNS = 2


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids move to the index in runs of eight, a few at a time."""
    monkeypatch.setattr(ids, "RUN", RUN)
    monkeypatch.setattr(ids, "STEP", STEP)


@pytest.fixture
def few_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each digest is shared by many message ids."""

    def few_of(message_ids: Sequence[str]) -> list[int]:
        return [digest(each) % (2 * RUN) for each in message_ids]

    def few(message_id: str) -> int:
        return few_of([message_id])[0]

    fakes = {"digest": few, "digests_of": few_of}
    for name, module in list(sys.modules.items()):
        if name.startswith("offramp.queue.sqlite.") and not name.endswith(".codes"):
            for fake in fakes.keys() & vars(module).keys():
                monkeypatch.setattr(module, fake, fakes[fake])


async def send(queue: SqliteQueue, message_ids: Iterable[str], source: str = "s") -> Sequence[bool]:
    """Accept events that nobody wants, as one request."""
    events = [Event(message_id, subscriptions=()) for message_id in message_ids]
    return await queue.accept(batch_of(*events, source=source))


def names(prefix: str, n: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(n)]


def indexed(connection: sqlite3.Connection) -> int:
    """How many ids are in the index."""
    n: int = connection.execute("SELECT count(*) FROM ids").fetchone()[0]
    return n


async def test_ids_are_known_wherever_they_lie(tmp_path: Path) -> None:
    """In the index or not yet, before a restart or after: each is a duplicate with a record."""
    known = names("id", 50)
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for start in range(0, 50, 5):
            assert await send(queue, known[start : start + 5]) == [True] * 5
        assert RUN < await store.read(indexed) < 50 - RUN
        assert await send(queue, known) == [False] * 50
        ledger = SqliteLedger(store)
        for name in known:
            assert [record.message_id for record in await ledger.event(name)] == [name]
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        more = names("id", 52)
        assert await send(queue, more) == [False] * 50 + [True] * 2
        ledger = SqliteLedger(store)
        for name in more:
            assert [record.message_id for record in await ledger.event(name)] == [name]
        assert await ledger.event("id-52") == []
        assert (await ledger.reconcile()).ok


async def test_two_sources_may_use_one_id(tmp_path: Path) -> None:
    """One digest leads to two events; neither hides the other, in memory or in the index."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for source in ("a", "b"):
            assert await send(queue, ["same"], source) == [True]
        for source in ("a", "b"):
            assert await send(queue, ["same"], source) == [False]
        for n in range(4):
            await send(queue, names(f"x{n}", RUN))
        assert await store.read(indexed) > RUN
        for source in ("a", "b"):
            assert await send(queue, ["same"], source) == [False]
        assert await send(queue, ["same"], "c") == [True]


@pytest.mark.usefixtures("few_digests")
async def test_ids_with_one_digest_are_told_apart(tmp_path: Path) -> None:
    """Message ids may share 64 bits; none is then taken for a duplicate or for another."""
    known = names("id", 10 * RUN)
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        assert await send(queue, ["a", "b", "a"]) == [True, True, False]
        assert await send(queue, ["b", "c"]) == [False, True]
        for name in known:
            assert await send(queue, [name]) == [True]
        assert await store.read(indexed) > RUN
        assert await send(queue, [*known, "d"]) == [False] * len(known) + [True]
        assert await send(queue, known[:1], "other") == [True]
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        assert await send(queue, [*known, "e"]) == [False] * len(known) + [True]
        ledger = SqliteLedger(store)
        for name in ("b", *known[1:]):
            assert [record.message_id for record in await ledger.event(name)] == [name]
        assert sorted(record.source for record in await ledger.event(known[0])) == ["other", "s"]
        assert await ledger.event("unknown") == []
        assert (await ledger.reconcile()).ok


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("fill", [0, 4 * RUN], ids=["in memory", "in the index"])
async def test_an_id_is_known_for_a_day_to_the_second(
    tmp_path: Path, fill: int, *, restart: bool
) -> None:
    """Wherever it lies, and over the end of a period of the index."""
    now = [START]
    clock = clock_of(lambda: now[0])

    async def ask(names: Sequence[str]) -> Sequence[bool]:
        async with (
            Store.open(tmp_path) as store,
            open_queue(store, clock=clock) as queue,
        ):
            return await send(queue, names)

    async with (
        Store.open(tmp_path) as store,
        open_queue(store, clock=clock) as queue,
    ):
        assert await send(queue, ["a", "b"]) == [True, True]
        for n in range(fill // RUN):
            now[0] += 1
            await send(queue, names(f"x{n}", RUN))
        now[0] = START + DAY - 1
        assert await send(queue, ["a"]) == [False]
        if not restart:
            now[0] = START + DAY + 1
            assert await send(queue, ["a", "b", "a"]) == [True, True, False]
    if restart:
        now[0] = START + DAY - 1
        assert await ask(["a"]) == [False]
        now[0] = START + DAY + 1
        assert await ask(["a", "b", "a"]) == [True, True, False]
    now[0] = START + 2 * DAY
    assert await ask(["a"]) == [False]
    now[0] = START + 2 * DAY + 2
    assert await ask(["a"]) == [True]


@pytest.mark.parametrize("back", [1, 3_600, 3 * DAY], ids=["second", "hour", "days"])
async def test_a_clock_set_back_forgets_no_id(tmp_path: Path, back: float) -> None:
    """What came "later" than now came before all the same: in memory and in the index."""
    now = [START]
    clock = clock_of(lambda: now[0])
    async with (
        Store.open(tmp_path) as store,
        open_queue(store, clock=clock) as queue,
    ):
        early = [name for n in range(6) for name in names(f"e{n}", RUN)]
        for start in range(0, len(early), RUN):
            await send(queue, early[start : start + RUN])
        now[0] -= back
        assert await send(queue, early) == [False] * len(early)
        late = names("late", 3 * RUN)
        for name in late:
            assert await send(queue, [name]) == [True]
        assert await send(queue, [*early, *late]) == [False] * (len(early) + len(late))
        now[0] += back
        assert await send(queue, early) == [False] * len(early)
    async with (
        Store.open(tmp_path) as store,
        open_queue(store, clock=clock) as queue,
    ):
        assert await send(queue, early) == [False] * len(early)


async def test_a_move_that_was_undone_is_not_forgotten(tmp_path: Path) -> None:
    """Where the commit that moved ids to the index fails, they are duplicates all the same."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        old = names("old", RUN)
        assert await send(queue, old) == [True] * RUN
        assert await send(queue, ["begins the move"]) == [True]
        await store.write(Execute(f"CREATE TRIGGER broken {FAULTS[-1]}"))
        with pytest.raises(sqlite3.IntegrityError):
            await send(queue, ["new"])
        await store.write(Execute("DROP TRIGGER broken"))
        assert await store.read(indexed) == 0
        assert await send(queue, old) == [False] * RUN
        assert await send(queue, ["new"]) == [True]
        for n in range(RUN):
            assert await send(queue, [f"more-{n}"]) == [True]
        assert await store.read(indexed) >= RUN
        assert await send(queue, old) == [False] * RUN
        assert (await SqliteLedger(store).reconcile()).ok


#: What breaks a group, at each of its steps: alone or with the whole transaction.
FAULTS = [
    f"{when} ON {table} BEGIN SELECT RAISE({how}, 'no'); END"
    for when, table in (
        ("BEFORE INSERT", "subscriptions"),
        ("BEFORE INSERT", "blocks"),
        ("AFTER INSERT", "blocks"),
        ("BEFORE INSERT", "deliveries"),
        ("BEFORE INSERT", "ids"),
        ("AFTER INSERT", "ids"),
        ("BEFORE INSERT", "marks"),
        ("BEFORE INSERT", "counts"),
    )
    for how in ("ABORT", "ROLLBACK")
]


@attrs.frozen
class Execute:
    """A statement as a write."""

    sql: str

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.execute(self.sql)


@pytest.mark.parametrize("seed", range(4))
async def test_memory_follows_the_disk_through_any_faults(tmp_path: Path, seed: int) -> None:
    """Whatever is undone, and wherever: each id is new exactly once a day, also after a restart."""
    dice = random.Random(seed)
    now = [START]
    clock = clock_of(lambda: now[0])
    taken: dict[str, float] = {}
    accepted = 0
    for _ in range(3):
        async with (
            Store.open(tmp_path) as store,
            open_queue(store, clock=clock) as queue,
        ):
            for _ in range(25):
                broken = dice.random() < 1 / 2
                if broken:
                    await store.write(Execute(f"CREATE TRIGGER broken {dice.choice(FAULTS)}"))
                requests = [
                    [f"id-{n}" for n in dice.sample(range(200), dice.randint(1, RUN))]
                    for _ in range(dice.randint(1, 4))
                ]
                calls = [
                    queue.accept(batch_of(*(Event(name, ("sub",)) for name in request)))
                    for request in requests
                ]
                answers = await asyncio.gather(*calls, return_exceptions=True)
                for request, answer in zip(requests, answers, strict=True):
                    if not isinstance(answer, BaseException):
                        horizon = now[0] - DAY
                        expected = [taken.get(name, 0) <= horizon for name in request]
                        assert answer == expected
                        taken.update(
                            (name, now[0])
                            for name, new in zip(request, expected, strict=True)
                            if new
                        )
                        accepted += sum(expected)
                if broken:
                    await store.write(Execute("DROP TRIGGER broken"))
                assert (await queue.depth("sub")).total == accepted
                now[0] += dice.choice([0, 1, 3_600, DAY / 2])
            assert (await SqliteLedger(store).reconcile()).ok
    assert accepted > 2 * RUN


async def test_what_fails_again_and_again_takes_no_memory(tmp_path: Path) -> None:
    """A client that sends one event until the disk recovers is remembered but once."""
    known = ids.MessageIds()

    def fail(connection: sqlite3.Connection, _: Sequence[None]) -> list[None]:
        first = known.next_event(connection)
        known.add(connection, first, [7], 0)
        raise ZeroDivisionError

    def look(connection: sqlite3.Connection) -> list[bool]:
        known.next_event(connection)
        return known.find_new(connection, [("s", "x")], [7], 0)

    failing = Work(run=fail, undone=known.forget)
    async with Store.open(tmp_path) as store:
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await store.submit(failing, None)
        assert await store.write(look) == [True]
    assert not known._growing.events


async def test_ids_of_an_older_file_are_known(tmp_path: Path) -> None:
    """A file whose ids were all in one table is brought up to date: nothing is taken twice."""
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as older:
        older.isolation_level = None
        migrate(older, known_migrations()[:BEFORE_RUNS])
        older.execute(
            "INSERT INTO events VALUES (1, 's', 'old', 'track', '', 0, :at, NULL, X'7B7D')",
            {"at": to_us(time.time())},
        )
        older.execute("INSERT INTO dedupe VALUES (:digest, 1)", {"digest": digest("old")})
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        assert await send(queue, ["old", "new"]) == [False, True]
        ledger = SqliteLedger(store)
        assert [len(await ledger.event(name)) for name in ("old", "new")] == [1, 1]
        assert (await ledger.reconcile()).ok
