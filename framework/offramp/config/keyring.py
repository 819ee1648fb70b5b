"""The keys that secrets are sealed with at rest: AES-256-GCM, one key to seal, all to open."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from offramp import _json
from offramp.errors import ConfigError, Fault
from offramp.storage.files import FOLDER_MODE, mode_for_others, write_file

KEY_VARIABLE: Final = "OFFRAMP_SECRET_KEY"
KEY_FILE_VARIABLE: Final = "OFFRAMP_SECRET_KEY_FILE"
#: In the data folder, beside the database and so outside its backups.
KEY_FILE: Final = "secret.key"
#: The one key of the object that stands for a sealed value.
SEALED: Final = "$secret"
VERSION: Final = "v1"
#: AES-256. Source: NIST FIPS 197.
KEY_BYTES: Final = 32
#: The nonce that GCM is fastest and safest with. Source: NIST SP 800-38D, 5.2.1.1.
NONCE_BYTES: Final = 12
#: Of the key's SHA-256, in hexadecimal digits: tells keys apart, tells nothing about them.
KEY_ID_DIGITS: Final = 8
_SEALED_TEXT: Final = re.compile(r"v\d+:[0-9a-f]+:[A-Za-z0-9+/=]+")
_SEALED_WITH: Final = re.compile(r'\{"\$secret":"v\d+:([0-9a-f]+):')
_HOW_TO_MAKE: Final = "make one with: openssl rand -base64 32"


class ChangedSecretError(ConfigError):
    """A sealed secret is not what was sealed, or stands in another place."""


@attrs.frozen
class KeyRing:
    """Keys of 32 bytes by id; the first seals, all of them open."""

    keys: Mapping[str, bytes] = attrs.field(repr=False)

    @classmethod
    def of(cls, *keys: bytes) -> KeyRing:
        """A ring of keys, the one that seals first."""
        return cls({hashlib.sha256(key).hexdigest()[:KEY_ID_DIGITS]: key for key in keys})

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the keys, the one that seals first."""
        return tuple(self.keys)

    def seal(self, value: Any, *, owner: str, field: str) -> dict[str, str]:
        """JSON data as `{"$secret": "v1:KEYID:..."}`, which opens for this owner and field only."""
        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, _json.dumps(value), _bound_to(owner, field))
        return {SEALED: f"{VERSION}:{key_id}:{base64.b64encode(nonce + sealed).decode()}"}

    def open(self, sealed: Mapping[str, str], *, owner: str, field: str) -> Any:
        """What was sealed; raises `ConfigError` if no key fits or if it was sealed elsewhere."""
        place = f"{owner}.{field}"
        version, _, rest = sealed[SEALED].partition(":")
        key_id, _, text = rest.partition(":")
        key = self.keys.get(key_id)
        if version != VERSION:
            message = (
                f"was sealed in a way this version does not know ({version!r}): update Offramp"
            )
        elif key is None:
            message = (
                f"was sealed with the key {key_id}, but the key ring has {', '.join(self.ids)}: "
                f"put that key back ({KEY_VARIABLE}, {KEY_FILE_VARIABLE} or {KEY_FILE})"
            )
        else:
            try:
                data = base64.b64decode(text, validate=True)
                nonce, body = data[:NONCE_BYTES], data[NONCE_BYTES:]
                return _json.loads(AESGCM(key).decrypt(nonce, body, _bound_to(owner, field)))
            except (InvalidTag, ValueError):
                message = "was changed, or was sealed for another place: set the secret again"
                raise ChangedSecretError([Fault(place, message)]) from None
        raise ConfigError([Fault(place, message)])


def is_sealed(value: Any) -> bool:
    """Whether a value stands for a sealed one."""
    if not (isinstance(value, Mapping) and len(value) == 1):
        return False
    text = value.get(SEALED)
    return isinstance(text, str) and _SEALED_TEXT.fullmatch(text) is not None


def sealing_keys_in(texts: Iterable[str]) -> frozenset[str]:
    """The ids of the keys with which secrets in documents are sealed."""
    return frozenset(key_id for text in texts for key_id in _SEALED_WITH.findall(text))


def new_key() -> bytes:
    """A random key."""
    return os.urandom(KEY_BYTES)


def load_key_ring(folder: Path, *, environ: Mapping[str, str] | None = None) -> KeyRing:
    """The keys from `OFFRAMP_SECRET_KEY`, else `OFFRAMP_SECRET_KEY_FILE`, else the data folder.

    Each key is 32 bytes in base64; several stand one a line, or with commas between them. The
    file in the data folder is made on first use. Raises `ConfigError` if a key is not one.
    """
    environ = os.environ if environ is None else environ
    if text := environ.get(KEY_VARIABLE):
        return parse_keys(text, KEY_VARIABLE)
    if named := environ.get(KEY_FILE_VARIABLE):
        return _read_keys(Path(named), KEY_FILE_VARIABLE)
    path = folder / KEY_FILE
    if path.exists():
        _refuse_open_to_others(path)
    else:
        _write_keys(path, KeyRing.of(new_key()))
    return _read_keys(path, str(path))


def rotate_key_file(folder: Path) -> KeyRing:
    """Put a new key before the others in the data folder's file; then rewrite what is sealed.

    The old keys stay, as backups of the database need them.
    """
    path = folder / KEY_FILE
    old = load_key_ring(folder, environ={})
    ring = KeyRing.of(new_key(), *old.keys.values())
    _write_keys(path, ring)
    return ring


def drop_old_keys(folder: Path) -> KeyRing:
    """Leave only the first key in the data folder's file; what the others sealed is lost."""
    ring = KeyRing.of(next(iter(load_key_ring(folder, environ={}).keys.values())))
    _write_keys(folder / KEY_FILE, ring)
    return ring


def parse_keys(text: str, place: str) -> KeyRing:
    """Read keys in base64, one a line or with commas between them."""
    keys: list[bytes] = []
    faults = []
    for number, word in enumerate(text.replace(",", " ").split(), start=1):
        try:
            key = base64.b64decode(word.translate(_URL_SAFE), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            message = f"key {number} is not {KEY_BYTES} bytes in base64: {_HOW_TO_MAKE}"
            faults.append(Fault(place, message))
        keys.append(key)
    if not keys:
        faults.append(Fault(place, f"holds no key: {_HOW_TO_MAKE}"))
    if faults:
        raise ConfigError(faults)
    return KeyRing.of(*keys)


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _bound_to(owner: str, field: str) -> bytes:
    return f"{VERSION}|{owner}|{field}".encode()


def _read_keys(path: Path, place: str) -> KeyRing:
    try:
        return parse_keys(path.read_text(encoding="ascii"), place)
    except OSError as error:
        message = f"the file {path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        message = f"the file {path} does not hold keys in base64"
    raise ConfigError([Fault(place, message)])


def _write_keys(path: Path, ring: KeyRing) -> None:
    text = "".join(base64.b64encode(key).decode() + "\n" for key in ring.keys.values())
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        # On disk before anything is sealed with it: a power cut must neither leave half a key nor
        # take the key of what is already there.
        write_file(path, text.encode())
    except OSError as error:
        raise ConfigError([Fault(str(path), f"cannot be written: {error.strerror}")]) from error


def _refuse_open_to_others(path: Path) -> None:
    if (mode := mode_for_others(path)) is not None:
        message = f"can be read by others (mode {mode}): run chmod 600, then rotate the keys"
        raise ConfigError([Fault(str(path), message)])
