"""How values stand in the tables: states and times as integers, ids, digests, rows as JSON."""

from __future__ import annotations

import hashlib
from struct import unpack
from typing import TYPE_CHECKING, Any

import msgspec

from offramp.queue.values import DEAD, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The states by number; in flight below 2, so that `state < 2` is the queue itself.
STAGES = (
    Stage.WAITING,
    Stage.RETRYING,
    Stage.DELIVERED,
    Stage.FILTERED,
    Stage.REJECTED,
    Stage.EXPIRED,
)
CODES: Mapping[Stage, int] = {stage: code for code, stage in enumerate(STAGES)}
WAITING = CODES[Stage.WAITING]
RETRYING = CODES[Stage.RETRYING]
DELIVERED = CODES[Stage.DELIVERED]
FILTERED = CODES[Stage.FILTERED]
EXPIRED = CODES[Stage.EXPIRED]
DEAD_CODES = tuple(sorted(CODES[stage] for stage in DEAD))

#: Microseconds per second: times are whole microseconds in the tables.
US = 1_000_000
#: A time that never comes, in microseconds.
NEVER = 1 << 62
#: Bytes of a message id's digest: what an integer column holds.
_DIGEST_BYTES = 8
_NO_BYTES = hashlib.blake2b(digest_size=_DIGEST_BYTES, usedforsecurity=False)

_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def to_us(seconds: float) -> int:
    """Epoch seconds as whole microseconds."""
    return round(seconds * US)


def to_s(us: int) -> float:
    """Whole microseconds as epoch seconds."""
    return us / US


def optional_s(us: int | None) -> float | None:
    """`to_s`, where there may be no time."""
    return None if us is None else us / US


def digest(message_id: str) -> int:
    """A message id as 64 bits; two ids may share them, so a hit is compared in full."""
    return digests_of([message_id])[0]


def digests_of(message_ids: Sequence[str]) -> Sequence[int]:
    """The digest of each message id; a copy of a hash takes 2/3 of the time of a new one."""
    if "\0" in "".join(message_ids):
        message_ids = [clean_text(each) for each in message_ids]
    hashed = []
    for message_id in message_ids:
        each = _NO_BYTES.copy()
        each.update(message_id.encode())
        hashed.append(each.digest())
    return unpack(f">{len(hashed)}q", b"".join(hashed))


def as_json(rows: Any) -> str:
    """Rows for `json_each`: one statement then takes a whole group.

    Each step of a statement lets go of the interpreter's lock and must win it back from a busy
    event loop; measured there, one statement for 500 rows is 80 times faster than `executemany`.
    """
    encoded = _encode(rows)
    # SQLite cuts a JSON string off at a NUL.
    return (_encode(clean(rows)) if b"\\u0000" in encoded else encoded).decode()


def joined(parts: Iterable[bytes]) -> bytes:
    """One blob for a whole group, of which a statement takes parts by `substr`."""
    # Of an empty blob, `substr` makes a null.
    return b"".join(parts) or b"\0"


def clean_text(text: str) -> str:
    """The text with each NUL made visible, as U+2400."""
    return text.replace("\0", "\u2400") if "\0" in text else text


def clean(value: Any) -> Any:
    """The value with each NUL in its strings made visible, as U+2400."""
    match value:
        case str():
            return clean_text(value)
        case list() | tuple():
            return [clean(item) for item in value]
        case _:
            return value
