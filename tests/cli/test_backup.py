"""A running host is backed up and restored elsewhere: nothing lost, and nothing sent unasked."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import TOKEN, Offramp, Result, usage
from tests.cli.parts import PATIENCE, running

from offramp import _json
from offramp.config import KEY_FILE
from offramp.host.run import Host
from offramp_metronome.emulator import Emulator

SUBSCRIPTION = "metronome/Billing events"
#: An address at which nobody listens.
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def away(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a host whose partner does not answer, so that its events wait."""
    monkeypatch.chdir(config.parent)
    monkeypatch.setenv("METRONOME_BASE_URL", NOBODY)
    return config


@asynccontextmanager
async def partner(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """The partner answers again."""
    async with Emulator(token=TOKEN) as emulator:
        monkeypatch.setenv("METRONOME_BASE_URL", emulator.url)
        yield emulator


async def accept(host: Host, *names: str) -> None:
    await host.engine.accept("product", [usage(name) for name in names])


def bring_key(source: Path, target: Path) -> None:
    """The keys are not in a backup: put those of the old data folder into the new one."""
    target.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(source / KEY_FILE, target)


async def in_thread(offramp: Offramp, *arguments: object) -> Result:
    """A command beside a host in this loop."""
    return await asyncio.to_thread(offramp, *arguments)


def sent(emulator: Emulator) -> list[str]:
    """The ids of the events that the partner counted."""
    assert set(emulator.effects().values()) <= {1}
    return sorted(emulator.effects())


async def test_a_host_under_load_is_backed_up_and_restored(
    offramp: Offramp, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was accepted before the backup is in it, the sums hold, and all of it is sent once."""
    names: list[str] = []
    stop = asyncio.Event()

    async def load(host: Host, worker: int) -> None:
        while not stop.is_set():
            some = [f"{worker}-{len(names)}-{n}" for n in range(5)]
            await accept(host, *some)
            names.extend(some)

    async with running(away, tmp_path / "data") as host:
        await accept(host, *(f"early-{n}" for n in range(500)))
        before = {f"early-{n}" for n in range(500)}
        loads = [asyncio.create_task(load(host, n)) for n in range(4)]
        await asyncio.sleep(0.2)
        before |= set(names)
        made = await in_thread(offramp, "backup", tmp_path / "backup", "--json",
                               "--data-dir", tmp_path / "data")  # fmt: skip
        assert made.status == 0, made.err
        stop.set()
        await asyncio.gather(*loads)
    [manifest] = made.lines
    [held] = manifest["in_flight"]
    assert held["subscription"] == SUBSCRIPTION
    assert held["waiting"] + held["retrying"] >= len(before)
    assert (await in_thread(
        offramp, "restore", tmp_path / "backup", "--data-dir", tmp_path / "again"
    )).status == 0  # fmt: skip
    bring_key(tmp_path / "data", tmp_path / "again")
    async with partner(monkeypatch) as emulator, running(away, tmp_path / "again") as host:
        status = await host.status()
        assert status["faults"] == []
        assert status["in_flight"] == {SUBSCRIPTION: held["waiting"] + held["retrying"]}
        await asyncio.sleep(0.3)
        assert sent(emulator) == []
        decided = await in_thread(offramp, "restored", "--send", "--all",
                                  "--data-dir", tmp_path / "again")  # fmt: skip
        assert decided.status == 0, decided.err
        assert await host.wait_until_idle(timeout=PATIENCE)
        found = sent(emulator)
        assert before <= set(found) <= before | set(names)
        assert len(found) == len(set(found)) == held["waiting"] + held["retrying"]
        assert (await host.status())["faults"] == []


async def test_a_restored_host_accepts_and_asks(
    offramp: Offramp, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what it holds and why; expired is what was in flight then, and nothing newer."""
    where = ("--data-dir", tmp_path / "again")
    async with running(away, tmp_path / "data") as host:
        await accept(host, "a", "b", "c")
    assert (await in_thread(offramp, "backup", tmp_path / "backup")).status == 2  # no such data
    assert (await in_thread(
        offramp, "backup", tmp_path / "backup", "--data-dir", tmp_path / "data"
    )).status == 0  # fmt: skip
    bring_key(tmp_path / "data", tmp_path / "again")
    restored = await in_thread(offramp, "restore", tmp_path / "backup", *where)
    assert "may have been sent since the backup" in " ".join(restored.out.split())
    assert "put the file secret.key" not in restored.out
    async with partner(monkeypatch) as emulator, running(away, tmp_path / "again") as host:
        await accept(host, "new")
        status = await in_thread(offramp, "status", *where)
        assert status.status == 1
        assert "decide with `offramp restored`" in " ".join(status.out.split())
        shown = await in_thread(offramp, "events", "a", *where)
        assert "backup that was restored" in " ".join(shown.out.split())
        [row] = (await in_thread(offramp, "restored", "--json", *where)).lines
        assert (row["subscription"], row["repeats"]) == (SUBSCRIPTION, "recognized")
        assert row["waiting"] + row["retrying"] == 3
        wrong = await in_thread(offramp, "restored", "--expire", "metronome/other", *where)
        assert wrong.status == 2
        assert SUBSCRIPTION in wrong.err
        nothing = await in_thread(offramp, "restored", "--expire", *where)
        assert (nothing.status, "or give --all" in nothing.err) == (2, True)
        await asyncio.sleep(0.3)
        assert sent(emulator) == []
        expired = await in_thread(offramp, "restored", "--expire", SUBSCRIPTION, *where)
        assert "3 deliveries expired" in " ".join(expired.out.split())
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert sent(emulator) == ["new"]
        assert (await in_thread(offramp, "restored", "--json", *where)).lines == []
        dead = (await in_thread(offramp, "dead-letters", "--json", *where)).lines
        assert {each["reason"] for each in dead} == {"RESTORED"}
        [entry] = (await in_thread(offramp, "audit-log", "--limit=1", "--json", *where)).lines
        assert (entry["id"], entry["after"]) == (SUBSCRIPTION, {"in_flight_at_backup": "expire 3"})
        assert (await host.status())["faults"] == []
    async with running(away, tmp_path / "again") as host:
        assert not host.engine.withheld


async def test_what_was_disabled_before_the_decision_is_not_held_for_ever(
    offramp: Offramp, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is in flight any more, but the subscription is held: it is listed and let go."""
    where = ("--data-dir", tmp_path / "again")
    async with running(away, tmp_path / "data") as host:
        await accept(host, "a")
    assert (await in_thread(
        offramp, "backup", tmp_path / "backup", "--data-dir", tmp_path / "data"
    )).status == 0  # fmt: skip
    bring_key(tmp_path / "data", tmp_path / "again")
    assert (await in_thread(offramp, "restore", tmp_path / "backup", *where)).status == 0
    async with partner(monkeypatch) as emulator, running(away, tmp_path / "again") as host:
        disabled = await in_thread(offramp, "disable", SUBSCRIPTION, "--yes", *where)
        assert disabled.status == 0, disabled.err
        async with asyncio.timeout(PATIENCE):
            while any((await host.status())["in_flight"].values()):  # noqa: ASYNC110 - none tells
                await asyncio.sleep(0.02)
        enabled = await in_thread(offramp, "enable", SUBSCRIPTION, *where)
        assert enabled.status == 0, enabled.err
        await accept(host, "new")
        [row] = (await in_thread(offramp, "restored", "--json", *where)).lines
        assert (row["subscription"], row["waiting"], row["retrying"]) == (SUBSCRIPTION, 0, 0)
        assert (await in_thread(offramp, "restored", "--expire", "--all", *where)).status == 0
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert sent(emulator) == ["new"]
        assert not host.engine.withheld


async def test_an_undecided_folder_stays_undecided(
    offramp: Offramp, away: Path, tmp_path: Path
) -> None:
    """Starts, and a backup of the restored host itself, forget nothing of it."""
    async with running(away, tmp_path / "data") as host:
        await accept(host, "a")
    for source, target in (("data", "one"), ("one", "two")):
        bring_key(tmp_path / "data", tmp_path / target)
        for command in (
            ("backup", tmp_path / f"backup-{target}", "--data-dir", tmp_path / source),
            ("restore", tmp_path / f"backup-{target}", "--data-dir", tmp_path / target),
        ):
            assert (await in_thread(offramp, *command)).status == 0
    for _ in range(2):
        async with running(away, tmp_path / "two") as host:
            assert set(host.engine.withheld) == {SUBSCRIPTION}


async def test_nothing_in_flight_needs_no_decision(
    offramp: Offramp, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restored host on which everything had ended sends at once, and outcomes are kept."""
    async with partner(monkeypatch) as emulator:
        async with running(away, tmp_path / "data") as host:
            await accept(host, "a")
            assert await host.wait_until_idle(timeout=PATIENCE)
            assert (await in_thread(
                offramp, "backup", tmp_path / "backup", "--data-dir", tmp_path / "data"
            )).status == 0  # fmt: skip
        bring_key(tmp_path / "data", tmp_path / "again")
        restored = await in_thread(
            offramp, "restore", tmp_path / "backup", "--data-dir", tmp_path / "again"
        )
        assert "held" not in restored.out
        async with running(away, tmp_path / "again") as host:
            await accept(host, "a", "b")
            assert await host.wait_until_idle(timeout=PATIENCE)
            event = await host.event("a")
        assert event is not None
        assert [each["stage"] for each in event["deliveries"]] == ["delivered"]
        assert sent(emulator) == ["a", "b"]


@pytest.fixture
def backup(offramp: Offramp, away: Path, tmp_path: Path) -> Path:
    """A backup with an event in it."""

    async def make() -> None:
        async with running(away, tmp_path / "data") as host:
            await accept(host, "a")

    asyncio.run(make())
    made = offramp("backup", tmp_path / "backup", "--data-dir", tmp_path / "data")
    assert made.status == 0, made.err
    return tmp_path / "backup"


def test_a_backup_is_private_and_has_no_key(backup: Path) -> None:
    """Only its owner can read it, it tells which key its secrets need, and never the key."""
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    files = {path.name: path for path in backup.iterdir()}
    assert set(files) == {"offramp.sqlite3", "manifest.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    manifest = _json.loads(files["manifest.json"].read_bytes())
    assert [len(key) for key in manifest["sealing_keys"]] == [8]
    key = (backup.parent / "data" / KEY_FILE).read_text().strip()
    assert not any(key.encode() in path.read_bytes() for path in files.values())


def flip(path: Path, at: int) -> None:
    """One other bit on the disk."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE: dict[str, tuple[Any, str]] = {
    "a bit of the database": (lambda b: flip(b / "offramp.sqlite3", -100), "SHA-256"),
    "a bit of its header": (lambda b: flip(b / "offramp.sqlite3", 20), "SHA-256"),
    "its last byte": (lambda b: cut(b / "offramp.sqlite3"), "SHA-256"),
    "the database": (lambda b: (b / "offramp.sqlite3").unlink(), "cannot be read"),
    "the manifest": (lambda b: (b / "manifest.json").unlink(), "is not a backup"),
    "half the manifest": (lambda b: (b / "manifest.json").write_text('{"format": 1'), "damaged"),
    "the manifest's shape": (lambda b: (b / "manifest.json").write_text("[]"), "damaged"),
    "another format": (
        lambda b: (b / "manifest.json").write_text('{"format": 9, "host_version": "7.0"}'),
        "7.0",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_backup_is_refused(
    what: str, offramp: Offramp, backup: Path, tmp_path: Path
) -> None:
    """Whatever of it is missing or changed: nothing is restored, and the message says what."""
    damage, expected = DAMAGE[what]
    damage(backup)
    result = offramp("restore", backup, "--data-dir", tmp_path / "again")
    assert result.status == 2
    assert expected in " ".join(result.err.split())
    assert not (tmp_path / "again").exists()


def test_nothing_is_overwritten(offramp: Offramp, backup: Path, tmp_path: Path) -> None:
    """Neither an earlier backup nor a data folder that was used."""
    again = offramp("backup", backup, "--data-dir", tmp_path / "data")
    assert again.status == 2
    assert "exists already" in again.err
    used = offramp("restore", backup, "--data-dir", tmp_path / "data")
    assert used.status == 2
    assert "is not empty" in used.err


def test_a_folder_without_the_key_is_told(offramp: Offramp, backup: Path, tmp_path: Path) -> None:
    """The restored host could not start, so the command says which key it needs."""
    restored = offramp("restore", backup, "--data-dir", tmp_path / "again")
    [key] = _json.loads((backup / "manifest.json").read_bytes())["sealing_keys"]
    assert key in restored.out
    assert "put the file secret.key of the old data folder" in " ".join(restored.out.split())
    assert not (tmp_path / "again" / KEY_FILE).exists()
    for command in ("rotate-keys", "export --secrets", "serve --port 0"):
        refused = offramp(*command.split(), "--data-dir", tmp_path / "again")
        assert refused.status == 2, command
        assert f"sealed with the key {key}" in " ".join(refused.err.split())
    # A new one would open nothing, and be taken for the right one.
    assert not (tmp_path / "again" / KEY_FILE).exists()


def test_what_a_killed_backup_left_is_no_backup(
    offramp: Offramp, backup: Path, tmp_path: Path
) -> None:
    """It has another name until it is whole, and the next backup of that name replaces it."""
    partial = tmp_path / "next.partial"
    backup.rename(partial)
    (partial / "manifest.json").unlink()
    assert offramp("backup", tmp_path / "next", "--data-dir", tmp_path / "data").status == 0
    assert not partial.exists()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "offramp.sqlite3.restoring").write_text("half")
    restored = offramp("restore", tmp_path / "next", "--data-dir", tmp_path / "again")
    assert restored.status == 0, restored.err
    assert not (tmp_path / "again" / "offramp.sqlite3.restoring").exists()


def test_damaged_blocks_of_the_host_are_told(
    offramp: Offramp, backup: Path, tmp_path: Path
) -> None:
    """The backup is the best there is, and says which of its events cannot be read."""
    with sqlite3.connect(tmp_path / "data" / "offramp.sqlite3") as connection:
        connection.execute("UPDATE blocks SET body = zeroblob(length(body))")
    connection.close()
    made = offramp("backup", tmp_path / "next", "--json", "--data-dir", tmp_path / "data")
    assert made.status == 1
    assert made.lines[0]["damaged_blocks"] == [1]
    made = offramp("backup", tmp_path / "more", "--data-dir", tmp_path / "data")
    assert "1 block of events is damaged in it" in made.out


def test_a_damaged_file_gives_no_backup(offramp: Offramp, backup: Path, tmp_path: Path) -> None:
    """Pages that SQLite cannot read are found when the copy is checked, and it is not kept."""
    path = tmp_path / "data" / "offramp.sqlite3"
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 4] = bytes(4096)
    path.write_bytes(data)
    made = offramp("backup", tmp_path / "next", "--data-dir", tmp_path / "data")
    assert made.status == 2
    assert "damaged" in made.err or "malformed" in made.err
    assert f"the copy of {path} cannot be used" in " ".join(made.err.split())
    assert not (tmp_path / "next").exists()
    assert not (tmp_path / "next.partial").exists()


def test_a_running_host_makes_backups_by_itself(away: Path, tmp_path: Path) -> None:
    """As its file says, soon after the start."""
    away.write_text(away.read_text() + '[host.backup]\npath = "nightly"\nevery = "1h"\n')

    async def run() -> None:
        async with running(away, tmp_path / "data") as host:
            await accept(host, "a")
            while not host.context.backups.ended["done"]:
                await host.context.backups.wait()
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    [made] = tmp_path.glob("nightly/offramp-*Z")
    assert (made / "manifest.json").exists()
