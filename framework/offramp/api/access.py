"""Access to the control API: callers need the token, and pages of other origins change nothing."""

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
#: Random bytes in a token that the host makes: as hard to guess as a key of AES-256.
TOKEN_BYTES: Final = 32
_OWNER_FILE: Final = 0o600
_OTHERS: Final = 0o077
#: Methods that change nothing, so pages of other origins may use them. Source: RFC 9110.
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@attrs.frozen(kw_only=True)
class Token:
    """The token that a caller must send."""

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
    """Read the token of a file; raises `FileNotFoundError`, or `ConfigError` if it is unusable."""
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
    """Checks that a request may use the control API."""

    token: Token
    #: The URL by which browsers reach the host, if it is behind a proxy.
    public_url: str | None = None
    logins: RefusedLogins = attrs.field(factory=RefusedLogins)

    def check(self, request: web.Request) -> None:
        """Raise `ProblemError`: 401 without the token, 403 for a change by another origin."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            self.logins.note("no_token", request)
            raise _unauthorized(
                "send the host's token as `Authorization: Bearer TOKEN`; it is in the file "
                "`token` of the data folder, unless the configuration sets one"
            )
        # As bytes: `compare_digest` takes only ASCII texts.
        shown = given.strip().encode(errors="surrogateescape")  # a header may not be UTF-8
        if not hmac.compare_digest(shown, self.token.value.encode()):
            self.logins.note("wrong_token", request)
            raise _unauthorized(
                "this is not the host's token; it is in the file `token` of the data folder, "
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
