"""Bringing a file up to date: with progress; all or nothing, on a full disk and after a kill."""

from __future__ import annotations

import logging
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.storage.old_queue import make_old

from offramp.errors import StorageFullError
from offramp.storage import Store
from offramp.storage import migrate as migrating
from offramp.storage.connect import connect_writer
from offramp.storage.migrate import known_migrations, migrate

FILE = "offramp.sqlite3"
#: Opens the folder; pauses in the middle of it, with much in the log already.
OPEN_AND_PAUSE = """
import asyncio, pathlib, sys
from offramp.storage import Store, connect
from offramp.storage.migrate import Progress
from offramp.storage.migrations import blocks_0007
connect.WRITER_CACHE_KIB = 50
blocks_0007.DELETE_EVERY = 100
def pause(progress, done):
    if done > 2_000:
        print("paused", flush=True)
        sys.stdin.read()
Progress.__call__ = pause
async def main():
    async with Store.open(pathlib.Path(sys.argv[1])):
        pass
asyncio.run(main())
"""
#: Opens a copy of the folder on a file system of its own, of the bytes that are given.
OPEN_ON_SMALL_DISK = """
import asyncio, pathlib, shutil, subprocess, sys
from offramp.storage import Store, migrate
source, target, size, room = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", target], check=True)
shutil.copytree(source, target, dirs_exist_ok=True)
migrate.ROOM_PER_BYTE = float(room)
async def main():
    async with Store.open(pathlib.Path(target)):
        print("opened")
try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__, error)
shutil.copytree(target, source, dirs_exist_ok=True)
print(*sorted(path.name for path in pathlib.Path(target).iterdir()))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an older version, made once."""
    folder = tmp_path_factory.mktemp("made")
    with closing(connect_writer(folder / FILE)) as connection:
        make_old(connection, Random(7), commits=60)
        (n,) = connection.execute("SELECT count(*) FROM events").fetchone()
        assert n > 5_000
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A folder of an older version."""
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


def contents(folder: Path) -> tuple[list[str], list[Any]]:
    """All that is in the file, and its version; whoever reads it so could as well run on it."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        return list(connection.iterdump()), connection.execute("PRAGMA user_version").fetchall()


def test_progress_and_the_end_are_logged(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person sees how far it is, of how many, and how long it took."""
    monkeypatch.setattr(migrating, "FIRST_MESSAGE_S", 0.0)
    monkeypatch.setattr(migrating, "MESSAGE_EVERY_S", 0.0)
    caplog.set_level(logging.INFO, "offramp.storage")
    with closing(connect_writer(folder / FILE)) as connection:
        (n,) = connection.execute("SELECT count(*) FROM events").fetchone()
        migrate(connection, known_migrations())
    *progress, last, end = caplog.messages
    assert len(progress) > 10
    assert last == f"bringing the data up to date: {n:,} of {n:,} events"
    assert end.startswith(f"the data is up to date: {n:,} events in ")


def test_a_quick_one_is_not_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A start that takes no longer than usual says no more than usual."""
    caplog.set_level(logging.INFO, "offramp.storage")
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        connection.execute("DELETE FROM events WHERE seq > 50")
        migrate(connection, known_migrations())
    assert caplog.messages == []


async def test_too_little_room_is_told_before_anything_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names what is needed and what is free; the folder is what it was."""
    before = contents(folder)
    size = (folder / FILE).stat().st_size
    monkeypatch.setattr(migrating, "ROOM_PER_BYTE", 1e15 / size)
    expected = r"needs 1,0\d\d,\d{3},\d{3} MB of free disk space, and there are [\d,]+ MB; nothing"
    with pytest.raises(StorageFullError, match=expected):
        async with Store.open(folder):
            pass
    assert contents(folder) == before


def test_a_disk_that_fills_meanwhile_leaves_the_file_as_it_was(folder: Path) -> None:
    """SQLite gets no further page; the error says that nothing changed, and what to do."""
    before = contents(folder)
    with closing(connect_writer(folder / FILE)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StorageFullError, match=r"filled up while .* nothing was changed: free"):
            migrate(connection, [*known_migrations(), grows()])
    assert contents(folder) == before
    assert [path.name for path in folder.iterdir()] == [FILE]


def grows() -> migrating.Migration:
    return migrating.Migration(
        "CREATE TABLE more (b);\nINSERT INTO more VALUES (zeroblob(100000000));"
    )


@pytest.mark.parametrize(
    ("room", "error"),
    [
        (1.5, "StorageFullError .* needs [0-9]+ MB of free disk space, and there are [0-9]+ MB; "),
        (0.0, "StorageFullError the disk of .* filled up while the data was brought up to date; "),
    ],
)
def test_a_small_disk_is_told_and_the_folder_stays_as_it_was(
    folder: Path, tmp_path: Path, room: float, error: str
) -> None:
    """On a real file system with hardly more room than the file: before it begins, and amid it."""
    namespace = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*namespace, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"this machine allows no file systems of one's own: {refused}")
    before = contents(folder)
    (tmp_path / "disk").mkdir()
    size = round((folder / FILE).stat().st_size * 1.2)
    given = str(folder), str(tmp_path / "disk"), str(size), str(room)
    command = [*namespace, sys.executable, "-c", OPEN_ON_SMALL_DISK, *given]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    message, left = result.stdout.splitlines()
    assert re.match(error, message)
    assert left == f"lock {FILE}"
    assert contents(folder) == before


def test_a_host_that_is_killed_amid_it_leaves_the_folder_as_it_was(folder: Path) -> None:
    """What was written until then is worth nothing, and the next start does it all."""
    before = contents(folder)
    command = [sys.executable, "-c", OPEN_AND_PAUSE, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"paused\n"
        assert (folder / f"{FILE}-wal").stat().st_size > 100_000
        process.send_signal(signal.SIGKILL)
    assert contents(folder) == before
    with closing(connect_writer(folder / FILE)) as connection:
        migrate(connection, known_migrations())
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (n,) = connection.execute("SELECT sum(n) FROM blocks").fetchone()
    assert version == len(known_migrations())
    assert n > 5_000
