"""The sessions of browsers, which sign in with a token once and send a cookie from then on."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from offramp import _json
from offramp.api.tokens import Tokens
from offramp.config import HostSettings
from offramp.storage.files import mode_for_others, write_file

#: Hashes of the sessions that are open, as JSON, in the data folder.
SESSIONS_FILE: Final = "sessions.json"
#: Random bytes in a session's cookie and in a code: as hard to guess as a key of AES-256.
SECRET_BYTES: Final = 32
#: Bytes of the cookie's name that differ between hosts: a browser sends a host's cookies to every
#: port of its address, so that two hosts of one machine need two names.
NAME_BYTES: Final = 4
#: Seconds in which a code has to be used.
CODE_SECONDS: Final = 60.0
#: Sessions, and codes, that are kept; with another one, that which was used longest ago ends.
MOST_KEPT: Final = 100
#: Seconds between two writes of when sessions were last used.
WRITE_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Session:
    """One session; times are epoch seconds."""

    #: The hash of its cookie.
    id: str
    #: The label of the token that it was opened with.
    label: str
    #: Its token's hash, keyed with the cookie: another token of the label does not fit it.
    binding: str = attrs.field(repr=False)
    created_at: float
    used_at: float


@attrs.frozen(kw_only=True)
class _Code:
    label: str
    token_hash: bytes = attrs.field(repr=False)
    expires_at: float


class Sessions:
    """All open sessions; each ends with its token, after a time without use, and in any case later.

    In `folder` they survive a restart. Whoever reads that file can use none of them: it holds
    hashes. `clock` gives epoch seconds; `is_secure` lets browsers send cookies over TLS only.
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        settings: HostSettings | None = None,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        settings = settings or HostSettings()
        self.idle_timeout: timedelta = settings.session_idle_timeout
        self.lifetime: timedelta = settings.session_lifetime
        self._is_secure = (settings.public_url or "").startswith("https:")
        self._tokens = tokens
        self._path = None if folder is None else folder / SESSIONS_FILE
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._changed = False
        self._writing = asyncio.Lock()
        self.cookie_name, self._sessions = self._read()

    def open(self, label: str) -> tuple[str, Session]:
        """Open a session with the token of a label; return the cookie's value too."""
        secret, now = secrets.token_urlsafe(SECRET_BYTES), self._clock()
        session = Session(
            id=_id(secret),
            label=label,
            binding=_binding(secret, self._tokens.hash_of(label) or b""),
            created_at=now,
            used_at=now,
        )
        self._end_expired()
        while len(self._sessions) >= MOST_KEPT:
            del self._sessions[min(self._sessions.values(), key=lambda each: each.used_at).id]
        self._sessions[session.id] = session
        self._changed = True
        return secret, session

    def find(self, secret: str) -> Session | None:
        """Find the open session of a cookie, and note that it is used."""
        session = self._sessions.get(_id(secret))
        if session is None:
            return None
        token_hash = self._tokens.hash_of(session.label)
        if (
            self._has_expired(session)
            or token_hash is None
            or not hmac.compare_digest(_binding(secret, token_hash), session.binding)
        ):
            self.end(session)
            return None
        session.used_at = self._tokens.used_at[session.label] = self._clock()
        self._changed = True
        return session

    def is_open(self, id_: str) -> bool:
        """Whether a session, by its id, can still be used; this is no use of it."""
        session = self._sessions.get(id_)
        return (
            session is not None
            and not self._has_expired(session)
            and self._tokens.hash_of(session.label) is not None
        )

    def end(self, session: Session) -> None:
        """End a session."""
        self._changed |= self._sessions.pop(session.id, None) is not None

    def expires_at(self, session: Session) -> float:
        """When a session ends however much it is used, in epoch seconds."""
        return session.created_at + self.lifetime.total_seconds()

    def new_code(self, label: str) -> tuple[str, float]:
        """Make a code that opens one session within a minute; return when it expires too."""
        now = self._clock()
        self._codes = {key: each for key, each in self._codes.items() if each.expires_at > now}
        while len(self._codes) >= MOST_KEPT:
            del self._codes[next(iter(self._codes))]
        code, token_hash = secrets.token_urlsafe(SECRET_BYTES), self._tokens.hash_of(label) or b""
        made = _Code(label=label, token_hash=token_hash, expires_at=now + CODE_SECONDS)
        self._codes[_id(code)] = made
        return code, made.expires_at

    def use_code(self, code: str) -> str | None:
        """Use a code up, and return its token's label; `None` if it is not valid any more."""
        found = self._codes.pop(_id(code), None)
        if found is None or found.expires_at <= self._clock():
            return None
        return found.label if self._tokens.hash_of(found.label) == found.token_hash else None

    def cookie(self, secret: str | None) -> str:
        """The `Set-Cookie` header that gives a browser a session, or takes it away."""
        seconds = 0 if secret is None else int(self.lifetime.total_seconds())
        parts = [f"{self.cookie_name}={secret or ''}", "Path=/", "HttpOnly", "SameSite=Strict"]
        parts += [f"Max-Age={seconds}", *(["Secure"] if self._is_secure else [])]
        return "; ".join(parts)

    async def save(self) -> None:
        """Write the open sessions, if that is needed; a failure is logged and tried again later."""
        async with self._writing:
            if self._path is None or not self._changed:
                return
            self._changed = False
            rows = [attrs.asdict(each) for each in self._sessions.values()]
            data = _json.dumps({"cookie_name": self.cookie_name, "sessions": rows})
            try:
                await asyncio.to_thread(write_file, self._path, data)
            except OSError as error:
                self._changed = True
                log.warning("the sessions cannot be written to %s: %s", self._path, error.strerror)

    async def run(self) -> None:
        """Write when sessions were last used, and drop those that have expired, until cancelled."""
        try:
            while True:
                await asyncio.sleep(WRITE_SECONDS)
                self._end_expired()
                await self.save()
        finally:
            await self.save()

    def _end_expired(self) -> None:
        for session in [each for each in self._sessions.values() if self._has_expired(each)]:
            self.end(session)

    def _has_expired(self, session: Session) -> bool:
        now = self._clock()
        unused = now - session.used_at
        return unused > self.idle_timeout.total_seconds() or now > self.expires_at(session)

    def _read(self) -> tuple[str, dict[str, Session]]:
        """Read the file; without one, or with one that is not usable, nobody is signed in."""
        fresh = f"offramp_session_{secrets.token_hex(NAME_BYTES)}"
        if self._path is None or not self._path.exists():
            return fresh, {}
        try:
            if (mode := mode_for_others(self._path)) is not None:
                problem = f"it can be read by others (mode {mode})"
            else:
                return _parse(self._path.read_bytes())
        except (OSError, ValueError, ArithmeticError, TypeError, KeyError) as error:
            problem = f"it cannot be read ({type(error).__name__})"
        log.warning("%s: %s, so everybody has to sign in again", self._path, problem)
        return fresh, {}


def _parse(data: bytes) -> tuple[str, dict[str, Session]]:
    """Read the name of the cookie, and the sessions by their ids."""
    value: Mapping[str, Any] = _json.loads(data)
    sessions = [
        Session(
            id=str(row["id"]),
            label=str(row["label"]),
            binding=str(row["binding"]),
            created_at=float(row["created_at"]),
            used_at=float(row["used_at"]),
        )
        for row in value["sessions"]
    ]
    return str(value["cookie_name"]), {each.id: each for each in sessions}


def _id(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


def _binding(secret: str, token_hash: bytes) -> str:
    key = secret.encode(errors="surrogateescape")
    return hmac.new(key, token_hash, hashlib.sha256).hexdigest()
