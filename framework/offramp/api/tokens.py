"""The tokens of the control API, by label: of the configuration, the data folder, and the API."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import attrs

from offramp import _json
from offramp.config import HostSettings, resolve
from offramp.config.labels import DEFAULT_LABEL, MAX_LABELLED, all_labelled
from offramp.config.table import name_fault
from offramp.errors import ConfigError, Fault, NotFoundError, OfframpError, join_place
from offramp.storage.files import mode_for_others, write_file

TOKEN_FILE: Final = "token"  # noqa: S105 - the file's name
#: Where the host's own token is, for a caller without it.
WHERE_TOKEN: Final = (
    f"in the file `{TOKEN_FILE}` of the data folder, unless the configuration sets one"
)
WRONG_TOKEN: Final = f"this is no token of the host; its own is {WHERE_TOKEN}"
#: Hashes of the tokens that were added by the API, as a JSON object by label.
ADDED_FILE: Final = "api-tokens.json"
#: Random bytes in a token that the host makes: as hard to guess as a key of AES-256.
TOKEN_BYTES: Final = 32

#: Where a token comes from.
Origin: TypeAlias = Literal["configuration", "data folder", "api"]


class TokenError(OfframpError):
    """A token that cannot be added or revoked as things are."""


@attrs.frozen(kw_only=True)
class Token:
    """The token that commands of this machine use."""

    value: str = attrs.field(repr=False)
    #: Whether the host made it at this start.
    fresh: bool = False
    #: Whether the configuration sets it.
    configured: bool = False


def load_token(folder: Path, configured: str | None) -> Token:
    """Load the configured token (resolving a reference), else that of the data folder.

    A missing file is made. Raises `ConfigError` if the token cannot be read or written, or if
    other users can read its file.
    """
    if configured is not None:
        return Token(value=resolve(configured, "host.api_token"), configured=True)
    path = folder / TOKEN_FILE
    try:
        return Token(value=read_token(path))
    except FileNotFoundError:
        value = secrets.token_urlsafe(TOKEN_BYTES)
    _write(path, value + "\n")
    return Token(value=value, fresh=True)


def read_token(path: Path) -> str:
    """Read the token of a file; raises `FileNotFoundError`, or `ConfigError` if it is unusable."""
    remedy = "delete it, and the host makes another"
    value = _read(path, remedy, encoding="ascii").strip()
    if not value:
        raise ConfigError([Fault(str(path), f"is empty: {remedy}")])
    return value


@attrs.define(kw_only=True)
class Tokens:
    """All tokens that are valid now; `clock` gives epoch seconds.

    Of each only its hash is kept, so that the time of a comparison tells nothing about it.
    """

    _folder: Path | None = None
    #: Label -> token or reference, as the table [host] has them.
    _written: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    _hashes: dict[str, bytes] = attrs.field(factory=dict, repr=False)
    #: The hashes of those that the API added.
    _added: dict[str, bytes] = attrs.field(factory=dict, repr=False)
    _clock: Callable[[], float] = time.time
    #: Label -> when the token was last used, since the start.
    used_at: dict[str, float] = attrs.field(factory=dict, init=False)

    @classmethod
    def of(cls, **tokens: str) -> Tokens:
        """Tokens by label, without a data folder: for tests."""
        return cls(hashes={label: _hash(value) for label, value in tokens.items()})

    @classmethod
    def load(
        cls,
        folder: Path,
        settings: HostSettings,
        own: Token,
        *,
        clock: Callable[[], float] = time.time,
    ) -> Tokens:
        """The configured tokens, or the `own` one of the data folder; and those that were added.

        Raises `ConfigError` for a reference that leads nowhere, or a file that cannot be read.
        """
        written = all_labelled(settings.api_token, settings.api_tokens)
        hashes = {} if written else {DEFAULT_LABEL: _hash(own.value)}
        added = _read_added(folder / ADDED_FILE)
        tokens = cls(folder=folder, written=written, hashes=hashes, added=added, clock=clock)
        _, faults = tokens.reload()
        if faults:
            raise ConfigError(faults)
        return tokens

    def label_of(self, given: bytes) -> str | None:
        """The label of a token, or `None`; the time it takes does not reveal the tokens."""
        hashed = _hash(given)
        found = None
        for label, known in (*self._added.items(), *self._hashes.items()):
            if hmac.compare_digest(hashed, known):
                found = label
        if found is not None:
            self.used_at[found] = self._clock()
        return found

    def hash_of(self, label: str) -> bytes | None:
        """The hash of the token of a label, or `None` if there is no such label."""
        return self._hashes.get(label) or self._added.get(label)

    def origins(self) -> Mapping[str, Origin]:
        """Every token by its label, and where it comes from."""
        own: Origin = "configuration" if self._written else "data folder"
        added: dict[str, Origin] = dict.fromkeys(self._added, "api")
        return MappingProxyType({**dict.fromkeys(self._hashes, own), **added})

    def add(self, label: str) -> str:
        """Make another token; it is valid once this returns. Raises `TokenError`."""
        if message := name_fault(label):
            raise TokenError(f"the label {label!r} {message}")
        if label in self.origins():
            raise TokenError(f"there is a token {label!r} already: revoke it, or choose another")
        if len(self._added) >= MAX_LABELLED:
            raise TokenError(f"{MAX_LABELLED} tokens were added already: revoke one first")
        value = secrets.token_urlsafe(TOKEN_BYTES)
        self._keep({**self._added, label: _hash(value)})
        return value

    def revoke(self, label: str) -> None:
        """Make a token that was added invalid.

        Raises `NotFoundError`, or `TokenError` with what to do instead if it is not one of those.
        """
        origins = self.origins()
        if label not in origins:
            raise NotFoundError(f"there is no token {label!r}; there are: {', '.join(origins)}")
        if origins[label] == "configuration":
            raise TokenError(
                f"the token {label!r} stands in the table [host]: take it out there and start the "
                "host again; or, if it is a reference, write another value there and reload"
            )
        if origins[label] == "data folder":
            raise TokenError(
                f"the token {label!r} is that of the data folder: delete its file `{TOKEN_FILE}`, "
                "and send the host SIGHUP (`kill -HUP`, `systemctl reload`); it makes another"
            )
        self._keep({key: each for key, each in self._added.items() if key != label})

    def reload(self) -> tuple[list[str], list[Fault]]:
        """Read references, or the file of the data folder, anew; a token that fails stays.

        Returns the places that have another value, and what cannot be read.
        """
        changed: list[str] = []
        faults: list[Fault] = []
        for label, place, read in self._readers():
            try:
                hashed = _hash(read())
            except ConfigError as error:
                faults += [Fault(place, each.message) for each in error.faults]
                continue
            if self._hashes.get(label) != hashed:
                changed.append(place)
                self._hashes[label] = hashed
        return changed, faults

    def _readers(self) -> Iterable[tuple[str, str, Callable[[], str]]]:
        """Label, place and reader of each token that is not the API's."""
        for label, text in self._written.items():
            place = "host.api_token"
            if label != DEFAULT_LABEL:
                place = join_place("host.api_tokens", label)
            yield label, place, partial(resolve, text, place)
        if not self._written and self._folder is not None:
            yield DEFAULT_LABEL, str(self._folder / TOKEN_FILE), partial(_own, self._folder)

    def _keep(self, added: dict[str, bytes]) -> None:
        if self._folder is not None:
            data = _json.dumps({label: each.hex() for label, each in added.items()})
            _write(self._folder / ADDED_FILE, data.decode())
        self._added = added


def _own(folder: Path) -> str:
    return load_token(folder, None).value


def _hash(value: str | bytes) -> bytes:
    data = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    return hashlib.sha256(data).digest()


def _read_added(path: Path) -> dict[str, bytes]:
    remedy = "delete it, and add the tokens again"
    try:
        data = _json.loads(_read(path, remedy))
        return {str(label): bytes.fromhex(each) for label, each in data.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        raise ConfigError([Fault(str(path), f"does not hold tokens: {remedy}")]) from None


def _read(path: Path, remedy: str, *, encoding: str = "utf-8") -> str:
    try:
        if (mode := mode_for_others(path)) is not None:
            message = f"can be read by others (mode {mode}): {remedy}"
            raise ConfigError([Fault(str(path), message)])
        return path.read_text(encoding=encoding)
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), f"cannot be read: {error}")]) from error


def _write(path: Path, text: str) -> None:
    try:
        # A power cut must not bring back a token that was revoked.
        write_file(path, text.encode())
    except OSError as error:
        raise ConfigError([Fault(str(path), f"cannot be written: {error.strerror}")]) from error
