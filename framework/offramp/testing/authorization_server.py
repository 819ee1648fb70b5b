"""An OAuth 2 authorization server on this machine, and a resource that its tokens open."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlencode

import attrs
from aiohttp import web

from offramp.testing.threaded_server import ThreadedServer

OK, FOUND, BAD_REQUEST, UNAUTHORIZED = 200, 302, 400, 401


@attrs.define(kw_only=True)
class _Family:
    """What one grant led to: a refresh token at a time, and access tokens."""

    scope: str
    refresh_token: str
    #: The refresh token before it, and how often that may still be used.
    previous: str | None = None
    repeats_left: int = 0
    revoked: bool = False


class AuthorizationServer(ThreadedServer):
    """Grants access by authorization code with PKCE, client credentials and refresh tokens.

    Point an `OAuth2` at `authorize_url`, `token_url` and `revoke_url`. A person's consent is a GET
    of the authorize URL, which redirects at once. Each refresh replaces the refresh token; with
    `repeats`, the one before may be used that often again. `resource_url` takes any request with a
    valid access token, and answers 401 to others. `clock` gives epoch seconds.
    """

    def __init__(  # noqa: PLR0913 - what servers differ in
        self,
        *,
        client_id: str = "the-client",
        client_secret: str | None = "the-client-secret",  # noqa: S107 - of a test
        expires_in: float | None = 3600.0,
        repeats: int = 0,
        rotates: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__("authorization")
        self.client_id, self.client_secret = client_id, client_secret
        self.expires_in, self.repeats, self.rotates = expires_in, repeats, rotates
        #: The forms that the token endpoint received, in order.
        self.requests: list[dict[str, str]] = []
        #: The bodies that the resource took.
        self.taken: list[bytes] = []
        #: Tokens that were revoked.
        self.revoked: list[str] = []
        #: Called after a token request was served, before its answer leaves.
        self.before_answer: Callable[[], None] | None = None
        self._lost_answers = 0
        self._refused: dict[str, str] | None = None
        self._clock = clock
        self._codes: dict[str, Mapping[str, str]] = {}
        self._families: list[_Family] = []
        self._access: dict[str, float] = {}

    @property
    def authorize_url(self) -> str:
        """Where a person grants access."""
        return f"{self.url}/authorize"

    @property
    def token_url(self) -> str:
        """Where tokens are requested."""
        return f"{self.url}/token"

    @property
    def revoke_url(self) -> str:
        """Where tokens are revoked."""
        return f"{self.url}/revoke"

    @property
    def resource_url(self) -> str:
        """What an access token opens."""
        return f"{self.url}/resource"

    @property
    def refreshes(self) -> int:
        """How often a refresh was asked for."""
        return sum(each.get("grant_type") == "refresh_token" for each in self.requests)

    def lose_answers(self, count: int = 1) -> None:
        """Serve the next token requests, and cut their connections instead of answering."""
        self._lost_answers = count

    def refuse_consent(self, error: str = "access_denied", description: str = "") -> None:
        """Let the person refuse access at the next authorize URL; the server says this of it."""
        self._refused = {"error": error, "error_description": description}

    def expire(self) -> None:
        """Let every access token expire now."""
        self._access.clear()

    def withdraw(self) -> None:
        """Let every grant end, as if the person had withdrawn it at the partner."""
        self._access.clear()
        for family in self._families:
            family.revoked = True

    def new_refresh_token(self, scope: str = "") -> str:
        """A refresh token that somebody obtained elsewhere."""
        return self._begin(scope).refresh_token

    def _begin(self, scope: str) -> _Family:
        family = _Family(scope=scope, refresh_token=_new("refresh"))
        self._families.append(family)
        return family

    def _make_runner(self, **options: Any) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_post("/revoke", self._revoke)
        app.router.add_route("*", "/resource", self._resource)
        return web.AppRunner(app, **options)

    async def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        if query.get("client_id") != self.client_id or query.get("response_type") != "code":
            return web.Response(status=BAD_REQUEST, text="this app is not registered")
        answer, self._refused = self._refused, None
        if answer is None:
            code = _new("code")
            self._codes[code] = query
            answer = {"code": code}
        back = urlencode({**answer, "state": query.get("state", "")})
        return web.Response(status=FOUND, headers={"Location": f"{query['redirect_uri']}?{back}"})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.requests.append(form)
        if not self._is_client(request, form):
            return _error("invalid_client", "the app is unknown", UNAUTHORIZED)
        serve = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            "client_credentials": self._by_client_credentials,
        }.get(form.get("grant_type", ""))
        answer = serve(form) if serve else _error("unsupported_grant_type", "no such grant type")
        if self.before_answer is not None:
            self.before_answer()
        if self._lost_answers and request.transport is not None:
            self._lost_answers -= 1
            request.transport.abort()
        return answer

    def _is_client(self, request: web.Request, form: Mapping[str, str]) -> bool:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            name, _, password = base64.b64decode(value).decode().partition(":")
            given = unquote_plus(name), unquote_plus(password)
        else:
            given = form.get("client_id", ""), form.get("client_secret", "")
        return given == (self.client_id, self.client_secret or "")

    def _by_code(self, form: Mapping[str, str]) -> web.Response:
        query = self._codes.pop(form.get("code", ""), None)
        if query is None or query["redirect_uri"] != form.get("redirect_uri"):
            return _error("invalid_grant", "the code is used, unknown or of another address")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query.get("code_challenge", challenge) != challenge:
            return _error("invalid_grant", "the code verifier does not fit")
        family = self._begin(query.get("scope", ""))
        return self._answer(family.scope, family.refresh_token)

    def _by_refresh_token(self, form: Mapping[str, str]) -> web.Response:
        given = form.get("refresh_token")
        for family in self._families:
            if given == family.previous and family.repeats_left and not family.revoked:
                family.repeats_left -= 1
                return self._answer(family.scope, family.refresh_token)
            if given == family.refresh_token and not family.revoked:
                if self.rotates:
                    family.previous, family.repeats_left = given, self.repeats
                    family.refresh_token = _new("refresh")
                return self._answer(family.scope, family.refresh_token)
        return _error("invalid_grant", "the refresh token is used, unknown or revoked")

    def _by_client_credentials(self, form: Mapping[str, str]) -> web.Response:
        return self._answer(form.get("scope", ""), None)

    def _answer(self, scope: str, refresh_token: str | None) -> web.Response:
        access = _new("access")
        seconds = float("inf") if self.expires_in is None else self.expires_in
        self._access[access] = self._clock() + seconds
        data: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "scope": scope}
        if self.expires_in is not None:
            data["expires_in"] = self.expires_in
        if refresh_token is not None:
            data["refresh_token"] = refresh_token
        return web.json_response(data, headers={"Cache-Control": "no-store"})

    async def _revoke(self, request: web.Request) -> web.Response:
        form = await request.post()
        token = str(form.get("token", ""))
        self.revoked.append(token)
        self._access.pop(token, None)
        for family in self._families:
            family.revoked |= family.refresh_token == token
        return web.Response()

    async def _resource(self, request: web.Request) -> web.Response:
        body = await request.read()
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or self._access.get(token, 0.0) <= self._clock():
            return web.Response(status=UNAUTHORIZED, text="the access token is not valid")
        self.taken.append(body)
        return web.Response()


def _new(kind: str) -> str:
    return f"{kind}-{secrets.token_urlsafe(16)}"


def _error(code: str, message: str, status: int = BAD_REQUEST) -> web.Response:
    return web.json_response({"error": code, "error_description": message}, status=status)
