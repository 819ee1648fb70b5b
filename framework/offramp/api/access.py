"""Who may use the control API: whoever has the token, and no page of another origin."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import attrs
from aiohttp import web

from offramp.api.logins import RefusedLogins
from offramp.api.problems import ProblemError
from offramp.config import resolve
from offramp.errors import ConfigError, Fault

TOKEN_FILE: Final = "token"  # noqa: S105 - the file's name
#: Bytes of randomness in a token that the host makes: as hard to guess as a key of AES-256.
TOKEN_BYTES: Final = 32
_OWNER_FILE: Final = 0o600
_OTHERS: Final = 0o077
#: Methods that change nothing, so that a page of another origin may cause them. Source: RFC 9110.
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@attrs.frozen(kw_only=True)
class Token:
    """What a caller must show."""

    value: str = attrs.field(repr=False)
    #: Whether the host has just made it.
    fresh: bool = False
    #: Whether the configuration sets it.
    configured: bool = False


def load_token(folder: Path, configured: str | None) -> Token:
    """The configured token (a reference is followed), else the data folder's, made if need be.

    Raises `ConfigError` where it cannot be had, or where others may read its file.
    """
    if configured is not None:
        return Token(value=resolve(configured, "host.api_token"), configured=True)
    path = folder / TOKEN_FILE
    try:
        return Token(value=read_token(path))
    except FileNotFoundError:
        value = secrets.token_urlsafe(TOKEN_BYTES)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, _OWNER_FILE), "w", encoding="ascii") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError([Fault(str(path), f"cannot be written: {error.strerror}")]) from error
    return Token(value=value, fresh=True)


def read_token(path: Path) -> str:
    """The token in a file; `FileNotFoundError` without one, `ConfigError` where it is no good."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            message = (
                f"can be read by others (mode {mode:o}): delete it, and the host makes another"
            )
            raise ConfigError([Fault(str(path), message)])
        value = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Fault(str(path), f"cannot be read: {error}")]) from error
    if not value:
        raise ConfigError([Fault(str(path), "is empty: delete it, and the host makes another")])
    return value


@attrs.frozen(kw_only=True)
class Guard:
    """Lets requests in."""

    token: Token
    #: What browsers reach the host by, where a proxy stands before it.
    public_url: str | None = None
    logins: RefusedLogins = attrs.field(factory=RefusedLogins)

    def check(self, request: web.Request) -> None:
        """Raise `ProblemError`: 401 without the token, 403 for what another origin's page sent."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            self.logins.note("no_token", request)
            raise _unauthorized(
                "send the host's token as `Authorization: Bearer TOKEN`; it stands in the file "
                "`token` of the data folder, unless the configuration sets one"
            )
        # As bytes: of texts, only those of ASCII can be compared in constant time.
        shown = given.strip().encode(errors="surrogateescape")  # a header may be no UTF-8
        if not hmac.compare_digest(shown, self.token.value.encode()):
            self.logins.note("wrong_token", request)
            raise _unauthorized(
                "this is not the host's token; it stands in the file `token` of the data folder, "
                "unless the configuration sets one"
            )
        origin = request.headers.get("Origin")
        if origin is not None and request.method not in SAFE_METHODS:
            self._check_origin(origin, request)

    def _check_origin(self, origin: str, request: web.Request) -> None:
        own = {f"{request.scheme}://{request.host}".lower()}
        if self.public_url is not None:
            url = urlsplit(self.public_url)
            own.add(f"{url.scheme}://{url.netloc}".lower())
        if origin.lower() not in own:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                f"a page of {origin} may change nothing here; behind a proxy, set `public_url` in "
                "the table [host] to the address that browsers use",
            )


def _unauthorized(detail: str) -> ProblemError:
    headers = {"WWW-Authenticate": 'Bearer realm="offramp"'}
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers=headers)
