"""Access to the control API: callers need a token or a session; other pages change nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import attrs
from aiohttp import hdrs, web

from offramp.api.logins import RefusedLogins
from offramp.api.problems import ProblemError
from offramp.api.sessions import Session, Sessions
from offramp.api.tokens import WHERE_TOKEN, WRONG_TOKEN, Tokens

#: Methods that change nothing, so pages of other origins may use them. Source: RFC 9110.
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
#: What a browser says about the page that sends a request. Source: W3C, Fetch Metadata.
FETCH_SITE: Final = "Sec-Fetch-Site"


@attrs.frozen(kw_only=True)
class Caller:
    """Who sent a request."""

    #: The label of the token; empty for an operation that needs none.
    label: str = ""
    #: The session, if the caller has a cookie in place of the token.
    session: Session | None = None
    address: str


@attrs.frozen(kw_only=True)
class Guard:
    """Checks that a request may use the control API."""

    tokens: Tokens
    sessions: Sessions = attrs.field()
    #: The URL by which browsers reach the host, if it is behind a proxy.
    public_url: str | None = None
    logins: RefusedLogins = attrs.field(factory=RefusedLogins)

    @sessions.default
    def _no_sessions(self) -> Sessions:
        return Sessions(self.tokens)

    def check(self, request: web.Request, *, is_public: bool = False) -> Caller:
        """Return who sent a request: the label of its token, or its session.

        A public operation is served without either. Raises `ProblemError`: 401 without one or with
        a wrong one, 403 for a change by another origin.
        """
        address = self.logins.address_of(request)
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer" and given.strip():
            return Caller(label=self._label(given.strip(), request, address), address=address)
        secret = request.cookies.get(self.sessions.cookie_name)
        if secret is not None:
            self._check_origin(request, is_cookie=True)
            session = self.sessions.find(secret)
            if session is not None:
                return Caller(label=session.label, session=session, address=address)
        if is_public:
            self._check_origin(request)
            return Caller(address=address)
        if secret is not None:
            self.logins.note("ended_session", address)
            raise _unauthorized("the session has ended: sign in again")
        self.logins.note("no_token", address)
        raise _unauthorized(
            f"send the host's token as `Authorization: Bearer TOKEN`; it is {WHERE_TOKEN}"
        )

    def _label(self, given: str, request: web.Request, address: str) -> str:
        # A header may not be UTF-8.
        label = self.tokens.label_of(given.encode(errors="surrogateescape"))
        if label is None:
            self.logins.note("wrong_token", address)
            raise _unauthorized(WRONG_TOKEN)
        self._check_origin(request)
        return label

    def _check_origin(self, request: web.Request, *, is_cookie: bool = False) -> None:
        """Refuse what a page of another origin sends; with a cookie, also what may be of one.

        A browser sends a cookie by itself, also for pages of other ports of the same machine.
        """
        site, origin = request.headers.get(FETCH_SITE), request.headers.get(hdrs.ORIGIN)
        is_safe = request.method in SAFE_METHODS
        if site == "same-origin" or (site == "none" and is_safe):
            return
        if is_cookie and site is not None:
            raise _forbidden(f"a page of {origin or 'another origin'}")
        if not is_safe and origin is not None and origin.lower() not in self._origins(request):
            raise _forbidden(f"a page of {origin}")
        if not is_safe and origin is None and is_cookie:
            raise _forbidden("a request with a cookie and without `Origin`")

    def _origins(self, request: web.Request) -> set[str]:
        own = {f"{request.scheme}://{request.host}".lower()}
        if self.public_url is not None:
            url = urlsplit(self.public_url)
            own.add(f"{url.scheme}://{url.netloc}".lower())
        return own


def _forbidden(sender: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.FORBIDDEN,
        f"{sender} may change nothing here; behind a proxy, set `public_url` in "
        "the table [host] to the address that browsers use",
    )


def _unauthorized(detail: str) -> ProblemError:
    headers = {"WWW-Authenticate": 'Bearer realm="offramp"'}
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers=headers)
