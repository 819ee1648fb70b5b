"""Signs requests, so that a receiver can verify who sent them, when, and that nothing was changed.

Source: the specification of Standard Webhooks, version 1.0.0, whose libraries verify it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Final

#: The names of the headers; an instance may use another one for the signature.
ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
#: Bytes of a key. Source: "Signature scheme".
MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64
#: The signature with a shared key, as opposed to a pair of keys.
VERSION: Final = "v1"

#: An id that is sent as it is. A dot separates id and timestamp in what is signed, so an id may
#: have none. The bound on characters is our own.
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_HASHED_ID_PREFIX: Final = "msg_"
#: Hexadecimal characters of a hash: 128 bits, as many as a UUID has.
_HASH_CHARACTERS: Final = 32


def key_of(secret: str) -> bytes:
    """The key in a secret, `whsec_` and base64; raises `ValueError`, which does not quote it."""
    encoded = secret.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if encoded == secret or not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(
            f"is not {SECRET_PREFIX} followed by {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes in "
            f'base64: make one with `echo "{SECRET_PREFIX}$(openssl rand -base64 32)"`'
        )
    return key


def message_id(ids: Sequence[str]) -> str:
    """The id of a request with the events of these ids; the same request has the same id again.

    For a single event it is the event's id, if that has only letters, digits, `_` and `-`. In all
    other cases it is a hash.
    """
    if len(ids) == 1 and _PLAIN_ID.fullmatch(ids[0]):
        return ids[0]
    digest = hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest()
    return _HASHED_ID_PREFIX + digest[:_HASH_CHARACTERS]


def sign(body: bytes, *, message_id: str, timestamp: int, keys: Sequence[bytes]) -> str:
    """The value of the signature header: one signature for each key, separated by spaces.

    `timestamp` is in seconds since 1970.
    """
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    digests = [hmac.digest(key, signed, "sha256") for key in keys]
    return " ".join(f"{VERSION},{base64.b64encode(digest).decode()}" for digest in digests)
