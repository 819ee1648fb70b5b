"""Access to the control API: callers need the token, and pages of other origins change nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import attrs
from aiohttp import web

from offramp.api.logins import RefusedLogins
from offramp.api.problems import ProblemError
from offramp.api.tokens import Tokens

#: Methods that change nothing, so pages of other origins may use them. Source: RFC 9110.
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


@attrs.frozen(kw_only=True)
class Guard:
    """Checks that a request may use the control API."""

    tokens: Tokens
    #: The URL by which browsers reach the host, if it is behind a proxy.
    public_url: str | None = None
    logins: RefusedLogins = attrs.field(factory=RefusedLogins)

    def check(self, request: web.Request) -> str:
        """Return the label of the token that a request has.

        Raises `ProblemError`: 401 without one, 403 for a change by another origin.
        """
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            self.logins.note("no_token", request)
            raise _unauthorized(
                "send the host's token as `Authorization: Bearer TOKEN`; it is in the file "
                "`token` of the data folder, unless the configuration sets one"
            )
        # A header may not be UTF-8.
        label = self.tokens.label_of(given.strip().encode(errors="surrogateescape"))
        if label is None:
            self.logins.note("wrong_token", request)
            raise _unauthorized(
                "this is no token of the host; its own is in the file `token` of the data folder, "
                "unless the configuration sets one"
            )
        origin = request.headers.get("Origin")
        if origin is not None and request.method not in SAFE_METHODS:
            self._check_origin(origin, request)
        return label

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
