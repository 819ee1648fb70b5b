"""Backups: start one on the host's machine, and follow its progress."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, TypedDict

import msgspec

from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_TEXT_CHARACTERS, Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.api.shapes import Time
from offramp.api.times import write_optional, write_time
from offramp.errors import NotFoundError
from offramp.queue import Backup, BackupRunningError, InFlight, Manifest

#: Not directly in the root of the machine, where nobody keeps backups.
_BELOW_A_FOLDER: Final = r"^/[^\x00]*[^/\x00]/[^/\x00]+$"


class BackupBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where the backup is written to."""

    #: Absolute path of a folder on the host's machine, which must not exist yet.
    path: Annotated[str, msgspec.Meta(pattern=_BELOW_A_FOLDER, max_length=MAX_TEXT_CHARACTERS)]


class InFlightShape(TypedDict):
    """The deliveries of one subscription that were in flight at the backup."""

    subscription: str
    #: Not tried yet.
    waiting: int
    #: Tried, and to be tried again.
    retrying: int
    #: When the events of the oldest and of the newest were accepted.
    oldest: Time
    newest: Time


class ManifestShape(TypedDict):
    """What a backup holds; also in its file `manifest.json`."""

    made_at: Time
    host_version: str
    bytes: int
    #: SHA-256 of the copied file, in hexadecimal digits.
    sha256: str
    #: The id of the latest event.
    newest_event: str | None
    newest_accepted_at: Time | None
    #: The ids of the keys that its secrets are sealed with.
    sealing_keys: list[str]
    in_flight: list[InFlightShape]
    #: First events of the blocks that were damaged in the data folder already.
    damaged_blocks: list[int]


class BackupShape(TypedDict):
    """One backup and its progress."""

    id: str
    path: str
    state: Literal["copying", "checking", "done", "failed"]
    #: Bytes of this state that are done, and how many there are; `None` until that is known.
    done_bytes: int
    total_bytes: int | None
    started_at: Time
    ended_at: Time | None
    #: Why it failed; nothing of it is left then.
    error: str | None
    #: Once it is done.
    manifest: ManifestShape | None


class BackupsShape(TypedDict):
    """The backups since the host started, latest first."""

    rows: list[BackupShape]


class BackupsResource:
    """Backups of the running host."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/backups",
            tag="backups",
            summary="Start a backup into a new folder on the host's machine",
            serve=self.start,
            answer=BackupShape,
            body=BackupBody,
        )
        yield Operation(
            method="GET",
            path="/api/backups",
            tag="backups",
            summary="List the backups since the host started, latest first",
            serve=self.list,
            answer=BackupsShape,
        )
        yield Operation(
            method="GET",
            path="/api/backups/{id}",
            tag="backups",
            summary="Show the progress of a backup",
            serve=self.show,
            answer=BackupShape,
        )

    async def start(self, call: Call) -> Reply:
        """Start a backup."""
        body: BackupBody = call.body
        path = Path(body.path)
        if message := _path_fault(path):
            raise refuse("$.path", message)
        try:
            begun = self._host.backups.start(path, actor=call.actor)
        except BackupRunningError as error:
            raise conflict(str(error)) from None
        return Reply(data=_shape(begun))

    async def list(self, _: Call) -> Reply:
        """Answer with the latest backups."""
        return Reply(data=BackupsShape(rows=[_shape(each) for each in self._host.backups.all()]))

    async def show(self, call: Call) -> Reply:
        """Answer with one backup."""
        found = self._host.backups.find(call.path["id"])
        if found is None:
            raise NotFoundError(f"no backup {call.path['id']!r} was started since the host started")
        return Reply(data=_shape(found))


def manifest_shape(manifest: Manifest) -> ManifestShape:
    """A manifest as JSON data."""
    return {
        "made_at": write_time(manifest.made_at),
        "host_version": manifest.host_version,
        "bytes": manifest.bytes,
        "sha256": manifest.sha256,
        "newest_event": manifest.newest_event,
        "newest_accepted_at": write_optional(manifest.newest_accepted_at),
        "sealing_keys": list(manifest.sealing_keys),
        "in_flight": [in_flight_shape(each) for each in manifest.in_flight],
        "damaged_blocks": list(manifest.damaged_blocks),
    }


def in_flight_shape(found: InFlight) -> InFlightShape:
    """What was in flight in one subscription, as JSON data."""
    return {
        "subscription": found.subscription,
        "waiting": found.waiting,
        "retrying": found.retrying,
        "oldest": write_time(found.oldest),
        "newest": write_time(found.newest),
    }


def _path_fault(path: Path) -> str | None:
    """Why a backup cannot be made there, on the host's machine, and what to do."""
    try:
        if path.exists():
            return f"{path} exists already: name a folder that does not exist yet"
        if not path.parent.is_dir():
            return f"there is no folder {path.parent} on the host's machine: make it first"
    except (OSError, ValueError) as error:  # such as a name that is too long, or a NUL in it
        return f"is no path that can be used: {error}"
    return None


def _shape(found: Backup) -> BackupShape:
    return {
        "id": found.id,
        "path": str(found.path),
        "state": found.state,
        "done_bytes": found.done_bytes,
        "total_bytes": found.total_bytes,
        "started_at": write_time(found.started_at),
        "ended_at": write_optional(found.ended_at),
        "error": found.error,
        "manifest": None if found.manifest is None else manifest_shape(found.manifest),
    }
