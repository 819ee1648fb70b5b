"""The journal of requests: a file that says what is under way, should the process be killed.

A note is in the file before its request leaves, but not synced: the file is mapped into memory, and
what is written there outlives the process however that ends. Only a power cut may take the last
notes; a sync for each request would cost more than the request.
"""

from __future__ import annotations

import logging
import mmap
import os
import time
import zlib
from struct import Struct
from typing import TYPE_CHECKING

import msgspec

from offramp.errors import StorageError
from offramp.queue.block import positions_of, unpack_set
from offramp.storage.files import new_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_log = logging.getLogger("offramp.queue")

JOURNAL_FILE = "requests.journal"
#: The file begins with these bytes, and then the number of the half that holds: 0 or 1.
MAGIC = b"offramp requests"
#: Bytes of a half at least: some hundred requests. All are looked through when it is full.
HALF_BYTES = 16 * 1024
#: Seconds after which another try is made to make a file, on a full disk.
AGAIN_S = 60.0
#: Before each note: its bytes, and their CRC-32. Behind the last one are zeros.
_FRAME = Struct("<II")
_END = bytes(_FRAME.size)


class SentPart(msgspec.Struct, frozen=True, array_like=True):
    """Deliveries of a request that were tried equally often."""

    #: What the packed set of positions counts from: a block, or an event.
    block: int
    positions: bytes
    #: The number of this attempt, from 1.
    attempt: int
    #: When their retry window opened, in microseconds.
    opened_at: int

    def events(self) -> Iterator[int]:
        """The numbers of the events."""
        return (self.block + place for place in positions_of(unpack_set(self.positions)))


class SentRequest(msgspec.Struct, frozen=True, array_like=True):
    """A request that was about to leave."""

    #: The number of the subscription.
    subscription: int
    parts: list[SentPart]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SentRequest).decode


def pack_request(request: SentRequest) -> bytes:
    """A request as it stands in the file."""
    packed = _encode(request)
    return _FRAME.pack(len(packed), zlib.crc32(packed)) + packed


def unpack_requests(content: bytes) -> Iterator[SentRequest]:
    """The requests that a half holds, up to the first that was not written whole."""
    start = _FRAME.size
    while start <= len(content):
        length, checksum = _FRAME.unpack_from(content, start - _FRAME.size)
        packed = content[start : start + length]
        if not length or zlib.crc32(packed) != checksum:
            break
        yield _decode(packed)
        start += length + _FRAME.size


class Journal:
    """The file, which has two halves, of which one holds.

    Notes are appended to that one. Once it is full, those that are still needed are written into
    the other, which holds from then on.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_FILE
        self._map: mmap.mmap | None = None
        self._half_bytes = 0
        self._holds = 0
        #: Where the next note begins.
        self._at = 0
        #: When a file may be made again, after that failed.
        self._again_at = 0.0

    def read(self) -> list[SentRequest]:
        """The requests that a process before noted; none without a file. Raises `StorageError`."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror or error}") from error
        header = len(MAGIC) + 1
        if not content.startswith(MAGIC) or len(content) < header:
            return []
        half = (len(content) - header) // 2
        start = header + content[header - 1] * half
        return list(unpack_requests(content[start : start + half]))

    def append(self, note: bytes) -> bool:
        """Write a packed request; false if there is no room, so that all must be rewritten."""
        end = self._at + len(note)
        if self._map is None or end + len(_END) > self._end_of(self._holds):
            return False
        self._map[self._at : end + len(_END)] = note + _END
        self._at = end
        return True

    def rewrite(self, notes: Iterable[bytes]) -> None:
        """Hold some packed requests, and no others."""
        content = b"".join(notes) + _END
        fits_well = len(content) <= self._half_bytes // 2
        if not fits_well and self._make(content):
            return
        if self._map is None or len(content) > self._half_bytes:
            return
        other = 1 - self._holds
        start = self._start_of(other)
        self._map[start : start + len(content)] = content
        self._map[len(MAGIC)] = self._holds = other
        self._at = start + len(content) - len(_END)

    def close(self, notes: Iterable[bytes]) -> None:
        """Keep some packed requests for the next start; without any, the file goes."""
        content = b"".join(notes)
        if content:
            self.rewrite([content])
        else:
            self._path.unlink(missing_ok=True)
        if self._map is not None:
            self._map.close()
            self._map = None

    def _make(self, content: bytes) -> bool:
        """Make a file with so much room that it need not be rewritten soon; false if that fails."""
        if time.monotonic() < self._again_at:
            return False
        half = max(HALF_BYTES, 4 * len(content))
        header = MAGIC + b"\0"
        fresh = self._path.with_name(f"{JOURNAL_FILE}.new")
        try:
            fresh.unlink(missing_ok=True)
            with os.fdopen(new_file(fresh), "w+b") as file:
                # All of it is written, so that the disk has room for what is mapped.
                file.write(header + content + bytes(2 * half - len(content)))
                file.flush()
                made = mmap.mmap(file.fileno(), 0)
            fresh.rename(self._path)
        except OSError as error:
            self._again_at = time.monotonic() + AGAIN_S
            _log.warning(
                "%s: %s; should the host be killed, requests that are under way then will not be "
                "counted as attempts",
                self._path,
                error.strerror or error,
            )
            return False
        if self._map is not None:
            self._map.close()
        self._map, self._half_bytes, self._holds = made, half, 0
        self._at = len(header) + len(content) - len(_END)
        return True

    def _start_of(self, half: int) -> int:
        return len(MAGIC) + 1 + half * self._half_bytes

    def _end_of(self, half: int) -> int:
        return self._start_of(half) + self._half_bytes
