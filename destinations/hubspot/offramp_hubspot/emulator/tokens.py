"""The OAuth 2 server of the emulator: consent, codes, access tokens that expire, refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import attrs
from aiohttp import web

from offramp_hubspot.emulator.answers import BAD_REQUEST, RefusedError, answer
from offramp_hubspot.emulator.crm import VERSION
from offramp_hubspot.emulator.schema import PORTAL_ID

#: Seconds. Source: HubSpot, "Manage OAuth access tokens".
LIFETIME: Final = 1_800.0
UNAUTHORIZED: Final = 401
#: https, or this machine, which has to be named: IP addresses are refused. Source: HubSpot,
#: "Working with OAuth".
_REDIRECT: Final = re.compile(r"https://(?![\d.:\[]+[:/])|http://localhost[:/]")


@attrs.frozen(kw_only=True)
class _Code:
    redirect_uri: str
    challenge: str | None


class Tokens:
    """Issues and checks tokens, as HubSpot does: the refresh token stays the same.

    Args:
        client_id: The one app that may connect.
        client_secret: Its secret.
        lifetime: For how many seconds an access token is good.
        accept_any: Whether tokens from elsewhere are good too, so that nobody has to connect.
        now: Returns the time, with its zone.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        lifetime: float,
        accept_any: bool,
        now: Callable[[], datetime],
    ) -> None:
        self._client = (client_id, client_secret)
        self._accept_any = accept_any
        self.lifetime = lifetime
        self._now = now
        self._codes: dict[str, _Code] = {}
        self._refresh_tokens: set[str] = set()
        #: Access token -> when it expires, as a timestamp.
        self._access_tokens: dict[str, float] = {}
        self.refreshes = 0

    def routes(self) -> list[web.RouteDef]:
        """The endpoints; no access token is asked for at any of them."""
        return [
            web.get("/oauth/authorize", self._authorize),
            web.post(f"/oauth/{VERSION}/token", self._token),
            web.post(f"/oauth/{VERSION}/token/revoke", self._revoke),
        ]

    def accept(self, access_token: str) -> None:
        """Let an access token pass that never expires."""
        self._access_tokens[access_token] = float("inf")

    def expire(self) -> None:
        """Let every access token expire now."""
        self._access_tokens = dict.fromkeys(self._access_tokens, 0.0)

    def revoke(self) -> None:
        """Forget every token, as when somebody uninstalls the app."""
        self._access_tokens.clear()
        self._refresh_tokens.clear()

    def check(self, header: str) -> None:
        """Refuse a request without a good access token in its header `Authorization`."""
        token = header.removeprefix("Bearer ")
        expires_at = self._access_tokens.get(token)
        if expires_at is None:
            if self._accept_any:
                return
            raise RefusedError(
                "Authentication credentials not found",
                category="INVALID_AUTHENTICATION",
                status=UNAUTHORIZED,
            )
        since = self._now().timestamp() - expires_at
        if since >= 0:
            raise RefusedError(
                f"The OAuth token used to make this call expired {since:.0f} second(s) ago.",
                category="EXPIRED_AUTHENTICATION",
                status=UNAUTHORIZED,
            )

    async def _authorize(self, request: web.Request) -> web.Response:
        """The page on which a person agrees; here everybody does, at once."""
        query = request.query
        if query.get("client_id") != self._client[0]:
            return web.Response(status=BAD_REQUEST, text="client_id is wrong")
        if not _REDIRECT.match(query.get("redirect_uri", "")):
            return web.Response(status=BAD_REQUEST, text="redirect_uri is wrong")
        code = secrets.token_urlsafe()
        self._codes[code] = _Code(
            redirect_uri=query["redirect_uri"], challenge=query.get("code_challenge")
        )
        back = {"code": code} | ({"state": query["state"]} if "state" in query else {})
        mark = "&" if "?" in query["redirect_uri"] else "?"
        location = f"{query['redirect_uri']}{mark}{urlencode(back)}"
        return web.Response(status=302, headers={"Location": location})

    async def _token(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        if (form.get("client_id"), form.get("client_secret")) != self._client:
            return _refused("invalid_client", "client_id or client_secret is wrong")
        if form.get("grant_type") == "authorization_code":
            if not self._redeem(form):
                return _refused("invalid_grant", "auth code is expired, used or not of this app")
            return self._issue(secrets.token_urlsafe())
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self._refresh_tokens:
                return _refused("invalid_grant", "refresh token is invalid, expired or revoked")
            self.refreshes += 1
            return self._issue(form["refresh_token"])
        return _refused("unsupported_grant_type", "grant_type is not known")

    async def _revoke(self, request: web.Request) -> web.Response:
        """Forget a refresh token; access tokens stay good, as at HubSpot."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        if (form.get("client_id"), form.get("client_secret")) != self._client:
            return _refused("invalid_client", "client_id or client_secret is wrong")
        self._refresh_tokens.discard(form.get("token", ""))
        return web.Response()

    def _redeem(self, form: Mapping[str, str]) -> bool:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.redirect_uri != form.get("redirect_uri"):
            return False
        if code.challenge is None:
            return True
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return hmac.compare_digest(made, code.challenge)

    def _issue(self, refresh_token: str) -> web.Response:
        access_token = secrets.token_urlsafe()
        self._refresh_tokens.add(refresh_token)
        self._access_tokens[access_token] = self._now().timestamp() + self.lifetime
        issued: dict[str, Any] = {
            "token_type": "bearer",
            "access_token": access_token,
            "refresh_token": refresh_token,
            "expires_in": int(self.lifetime),
            "hub_id": PORTAL_ID,
        }
        return answer(issued)


def _refused(error: str, description: str) -> web.Response:
    data = {"error": error, "error_description": description, "message": description}
    return answer(data, status=BAD_REQUEST)
