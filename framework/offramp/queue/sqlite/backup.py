"""Writes a backup of a data folder: the copied file, checked, with a manifest of what it holds."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from offramp import _json
from offramp._version import __version__
from offramp.config import sealing_keys_in
from offramp.errors import StorageError
from offramp.queue.block import DamagedBlockError, read_block
from offramp.queue.sqlite.codes import NEVER, to_s, to_us
from offramp.queue.sqlite.restored import InFlight, mark_backup
from offramp.queue.sqlite.sql import SQL
from offramp.storage import DATABASE_FILE
from offramp.storage.connect import storage_error
from offramp.storage.copying import (
    Pace,
    check_pages,
    check_room,
    check_version,
    copy_pages,
    hash_file,
    open_copy,
)
from offramp.storage.files import FOLDER_MODE, sync_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST_FILE: Final = "manifest.json"
#: The version of the manifest's shape.
FORMAT: Final = 1
#: Until it is whole and checked, a backup has another name.
PARTIAL: Final = ".partial"

State: TypeAlias = Literal["copying", "checking"]
#: Called with what is being done, and the bytes that are done and that there are.
Progress: TypeAlias = "Callable[[State, int, int], None]"


@attrs.frozen(kw_only=True)
class Manifest:
    """What a backup holds, without opening it; times are epoch seconds."""

    made_at: float
    host_version: str
    bytes: int
    #: Of the copied file, in hexadecimal digits.
    sha256: str
    #: The id of the latest event, and when it was accepted; `None` if there is no event.
    newest_event: str | None
    newest_accepted_at: float | None
    #: The ids of the keys that are needed to open the secrets in it; never the keys.
    sealing_keys: tuple[str, ...]
    in_flight: tuple[InFlight, ...]
    #: The first events of the blocks that were damaged on the disk of the host already.
    damaged_blocks: tuple[int, ...]


class BackupStoppedError(StorageError):
    """The host stopped while a backup was made; nothing of it is left."""

    def __init__(self) -> None:
        super().__init__("the host stopped before the backup was whole; nothing of it is left")


def write_backup(  # noqa: PLR0913 - a host has its own of most
    folder: Path,
    target: Path,
    *,
    progress: Progress,
    kept_bytes: int = 0,
    clock: Callable[[], float] = time.time,
    stop: Callable[[], bool] = lambda: False,
) -> Manifest:
    """Copy the database of a data folder into the new folder `target`, check it, and describe it.

    A running host goes on meanwhile. The backup has its name once it is whole, on disk and
    checked. `kept_bytes` stay free on the disk of the data folder; `clock` gives epoch seconds.
    Ends with `BackupStoppedError` soon after `stop` answers true; raises `StorageError`.
    """
    source = folder / DATABASE_FILE
    if target.exists() or target.is_symlink():
        raise StorageError(f"{target} exists already: name a folder that does not exist yet")
    partial = target.with_name(target.name + PARTIAL)
    try:
        size = source.stat().st_size
        same_disk = folder.stat().st_dev == target.parent.stat().st_dev
        check_room(target.parent, size, kept_bytes if same_disk else 0)
        _remove(partial)
        partial.mkdir(mode=FOLDER_MODE)
        try:
            manifest = _fill(source, partial, _Steps(progress, stop, size), clock())
            partial.rename(target)
            sync_folder(target.parent)
        finally:
            _remove(partial)
    except OSError as error:
        raise StorageError(f"backup to {target}: {error.strerror or error}") from error
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """The manifest of a backup; raises `StorageError` if there is none that can be read."""
    path = backup / MANIFEST_FILE
    try:
        data = _json.loads(path.read_bytes())
        if data["format"] != FORMAT:
            raise StorageError(
                f"{path} has the format {data['format']}, and this version of Offramp reads "
                f"{FORMAT}: use the version that made the backup, {data.get('host_version')}"
            )
        return _manifest(data)
    except OSError as error:
        raise StorageError(
            f"{backup} is not a backup: {MANIFEST_FILE} cannot be read: {error.strerror or error}"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} is damaged: {error}") from error


def check_backup(backup: Path, progress: Progress) -> Manifest:
    """Raise `StorageError` unless a backup is, byte for byte, what was checked when it was made."""
    manifest = read_manifest(backup)
    path = backup / DATABASE_FILE
    try:
        size = path.stat().st_size
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    found = hash_file(path, lambda done: progress("checking", done, size))
    if (size, found) != (manifest.bytes, manifest.sha256):
        raise StorageError(
            f"{path} is damaged: it has {size:,} bytes with the SHA-256 {found}, and its manifest "
            f"says {manifest.bytes:,} with {manifest.sha256}: use another backup"
        )
    with open_copy(path) as connection:
        check_version(connection, path)
    return manifest


@attrs.frozen
class _Steps:
    progress: Progress
    stop: Callable[[], bool]
    #: Of the file when the copy began; it may grow meanwhile.
    size: int

    def of(self, state: State) -> Callable[[int], None]:
        """What each part of the work calls with the bytes that are done."""

        def note(done: int) -> None:
            if self.stop():
                raise BackupStoppedError
            self.progress(state, done, max(done, self.size))

        note(0)
        return note


def _fill(source: Path, partial: Path, steps: _Steps, now: float) -> Manifest:
    copy = partial / DATABASE_FILE
    made_at = to_s(to_us(now))
    copy_pages(source, copy, steps.of("copying"))
    note = steps.of("checking")
    try:
        in_flight = _mark(copy, made_at)
        manifest = _check(copy, made_at, in_flight, note, steps.stop)
    except StorageError as error:
        note(0)  # what was interrupted is not what is damaged
        raise StorageError(f"the copy of {source} cannot be used: {error}") from error
    write_file(partial / MANIFEST_FILE, _json.pretty(_as_json(manifest)).encode() + b"\n")
    return manifest


def _mark(copy: Path, made_at: float) -> tuple[InFlight, ...]:
    try:
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            # The copy is one file, which needs no log beside it.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = FULL")
            check_version(connection, copy)
            return mark_backup(connection, made_at)
    except sqlite3.Error as error:
        raise storage_error(error, copy) from error


def _check(
    copy: Path,
    made_at: float,
    in_flight: tuple[InFlight, ...],
    note: Callable[[int], None],
    stop: Callable[[], bool],
) -> Manifest:
    with open_copy(copy, stop=stop) as connection:
        check_pages(connection, copy)
        damaged = damaged_blocks(connection)
        latest = connection.execute(SQL["latest_block"]).fetchone()
        rows = connection.execute(SQL["sealed_documents"])
        documents = [document.decode(errors="replace") for (document,) in rows]
    return Manifest(
        made_at=made_at,
        host_version=__version__,
        bytes=copy.stat().st_size,
        sha256=hash_file(copy, note),
        newest_event=None if latest is None else str(latest[0] - 1),
        newest_accepted_at=None if latest is None else to_s(latest[1]),
        sealing_keys=tuple(sorted(sealing_keys_in(documents))),
        in_flight=in_flight,
        damaged_blocks=damaged,
    )


def damaged_blocks(connection: sqlite3.Connection) -> tuple[int, ...]:
    """The numbers of all blocks whose checksum is wrong; reads all of them, and lets others run."""
    pace = Pace()
    found = []
    everything = {"low": 0, "below": NEVER, "n": NEVER}
    for row in connection.execute(SQL["whole_blocks"], everything):
        try:
            read_block(row)
        except DamagedBlockError as error:
            found.append(error.number)
        pace()
    return tuple(found)


def _remove(partial: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(partial)


#: The times of a manifest, which stand in it in ISO 8601, UTC.
_TIMES: Final = ("made_at", "newest_accepted_at", "oldest", "newest")


def _as_json(manifest: Manifest) -> dict[str, Any]:
    data = {"format": FORMAT, **attrs.asdict(manifest)}
    for table in (data, *data["in_flight"]):
        for name in table.keys() & _TIMES:
            if table[name] is not None:
                table[name] = datetime.fromtimestamp(table[name], UTC)
    return data


def _manifest(data: dict[str, Any]) -> Manifest:
    for table in (data, *data["in_flight"]):
        for name in table.keys() & _TIMES:
            if table[name] is not None:
                table[name] = datetime.fromisoformat(table[name]).timestamp()
    fields = {attribute.name: data[attribute.name] for attribute in attrs.fields(Manifest)}
    fields["in_flight"] = tuple(InFlight(**each) for each in fields["in_flight"])
    for name in ("sealing_keys", "damaged_blocks"):
        fields[name] = tuple(fields[name])
    return Manifest(**fields)
