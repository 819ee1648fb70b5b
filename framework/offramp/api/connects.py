"""Connects that wait for a person at the partner: each state is used once, and soon."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import attrs

#: Seconds in which a person has to grant access at the partner.
CONNECT_SECONDS: Final = 600.0
#: Connects that are kept; with another one, the oldest ends.
MOST_KEPT: Final = 100
#: Random bytes of a state, a cookie and a PKCE verifier. Source: RFC 7636, 4.1; RFC 6749, 10.10.
RANDOM_BYTES: Final = 32
#: The path to which the partner sends a browser back.
CALLBACK_PATH: Final = "/api/oauth/callback"
#: Any port and path of this machine, for a command that waits there. Source: RFC 8252, 7.3.
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?/[^\s?#]*")


@attrs.frozen(kw_only=True)
class Connect:
    """One connect of an instance that was begun."""

    instance: str
    destination: str
    redirect_uri: str
    #: `None` if the partner does not take PKCE.
    verifier: str | None = attrs.field(repr=False)
    #: Who began it: an actor, the label of a token, and the session of a browser.
    actor: str
    label: str
    session: str | None
    cookie_hash: bytes = attrs.field(repr=False)
    expires_at: float

    def belongs_to_browser(self, cookie: str | None) -> bool:
        """Whether a browser began it, the one with this cookie."""
        given = hashlib.sha256((cookie or "").encode(errors="surrogateescape")).digest()
        return self.session is not None and hmac.compare_digest(given, self.cookie_hash)


@attrs.frozen(kw_only=True)
class EndedConnect:
    """How a connect of a browser ended."""

    at: float
    #: Why the instance was not connected; `None` if it was.
    error: str | None


class Connects:
    """All connects that wait; they end with the host. `clock` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._waiting: dict[str, Connect] = {}
        self._ended: dict[tuple[str | None, str], EndedConnect] = {}

    def begin(  # noqa: PLR0913 - what a connect is bound to
        self,
        *,
        instance: str,
        destination: str,
        redirect_uri: str,
        verifier: str | None,
        actor: str,
        label: str,
        session: str | None,
    ) -> tuple[str, str, Connect]:
        """Begin a connect; returns its state and the secret of its cookie too."""
        now = self._clock()
        self._waiting = {k: each for k, each in self._waiting.items() if each.expires_at > now}
        while len(self._waiting) >= MOST_KEPT:
            del self._waiting[next(iter(self._waiting))]
        state, cookie = secrets.token_urlsafe(RANDOM_BYTES), secrets.token_urlsafe(RANDOM_BYTES)
        connect = Connect(
            instance=instance,
            destination=destination,
            redirect_uri=redirect_uri,
            verifier=verifier,
            actor=actor,
            label=label,
            session=session,
            cookie_hash=hashlib.sha256(cookie.encode()).digest(),
            expires_at=now + CONNECT_SECONDS,
        )
        self._waiting[_key(state)] = connect
        self._ended.pop((connect.session, connect.instance), None)
        return state, cookie, connect

    def find(self, state: str) -> Connect | None:
        """The connect of a state that is still valid."""
        found = self._waiting.get(_key(state))
        return found if found is not None and found.expires_at > self._clock() else None

    def take(self, state: str) -> Connect | None:
        """The connect of a state, which is used up by this."""
        found = self.find(state)
        self._waiting.pop(_key(state), None)
        return found

    def end(self, connect: Connect, error: str | None) -> None:
        """Keep how a connect of a browser ended, for the session that began it."""
        now = self._clock()
        self._ended = {
            key: each for key, each in self._ended.items() if each.at + CONNECT_SECONDS > now
        }
        self._ended[(connect.session, connect.instance)] = EndedConnect(at=now, error=error)

    def ended(self, session: str, instance: str) -> EndedConnect | None:
        """How the last connect of a session ended, as long as that is recent."""
        found = self._ended.get((session, instance))
        return found if found and found.at + CONNECT_SECONDS > self._clock() else None

    def forget(self, instance: str) -> None:
        """Forget how connects of an instance ended: its grant was changed since."""
        self._ended = {key: each for key, each in self._ended.items() if key[1] != instance}


def cookie_name(state: str) -> str:
    """The name of the cookie of a connect, so that a browser may begin several."""
    return f"offramp_connect_{_key(state)[:8]}"


def new_verifier() -> tuple[str, str]:
    """A PKCE verifier and its challenge. Source: RFC 7636, 4."""
    verifier = secrets.token_urlsafe(RANDOM_BYTES)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def redirect_fault(uri: str, own: str) -> str | None:
    """What is wrong with a redirect URI; `own` is that of the host."""
    if uri == own or _LOOPBACK.fullmatch(uri):
        return None
    return (
        f"must be {own}, or http:// on a loopback address with a path, for a command that waits "
        "there"
    )


def _key(state: str) -> str:
    return hashlib.sha256(state.encode(errors="surrogateescape")).hexdigest()
