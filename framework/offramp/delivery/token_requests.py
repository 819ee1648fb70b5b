"""Requests of OAuth 2: the authorize URL, the token endpoint and its answers, revoking."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import attrs

from offramp import _json
from offramp.config import OAuthApp
from offramp.definition import AuthTokens, Destination, OAuth2, OAuthClient, Response
from offramp.definition.oauth import Address, is_protected
from offramp.delivery.failures import PluginCode, plugin_failure
from offramp.errors import (
    DeliveryError,
    HTTPError,
    InvalidAuthenticationError,
    RetryableError,
    is_retryable_status,
)
from offramp.http import Client, make_mask

#: The code with which a token endpoint refuses a refresh token for good. Source: RFC 6749, 5.2.
INVALID_GRANT: Final = "invalid_grant"
#: Codes that ask to try again later. Source: RFC 6749, 4.1.2.1; RFC 8628, 3.5.
_LATER: Final = frozenset({"server_error", "slow_down", "temporarily_unavailable"})
#: Most characters of a partner's words that a message quotes.
QUOTED_CHARACTERS: Final = 300


class NoTokenError(RetryableError):
    """There is no access token to send with: that says nothing about any event."""

    code = "INVALID_AUTHENTICATION"
    status = 401


class RefusedGrantError(NoTokenError):
    """The partner refuses the grant for good: a person has to connect the instance again."""


@attrs.frozen(kw_only=True)
class TokenEndpoint:
    """The partner's side of OAuth 2 for one instance."""

    oauth: OAuth2
    app: OAuthClient
    #: As the functions of the declaration get them.
    settings: Any = attrs.field(repr=False)

    @classmethod
    def of(cls, destination: Destination, app: OAuthApp, settings: Any) -> TokenEndpoint | None:
        """That of an instance; `None` if it lacks a client id, or the address for tokens."""
        oauth = app.over(destination)
        if oauth is None or app.client is None:
            return None
        return cls(oauth=oauth, app=app.client, settings=settings)

    def authorize_url(self, *, state: str, redirect_uri: str, challenge: str | None) -> str:
        """The URL at which a person grants access; raises `NoTokenError` without an address."""
        address = self._address("authorize_url", self.oauth.authorize_url)
        params = {
            **self.oauth.authorize_params,
            "response_type": "code",
            "client_id": self.app.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            **self._scope(),
        }
        if challenge is not None:
            params |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(params)}"

    async def by_code(
        self, client: Client[Any], *, code: str, redirect_uri: str, verifier: str | None
    ) -> AuthTokens:
        """Exchange the code that the partner gave to a person; see `_tokens` for what it raises."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if verifier is not None:
            form["code_verifier"] = verifier
        return await self._tokens(client, form, secret=(code, verifier or ""))

    async def by_client_credentials(self, client: Client[Any]) -> AuthTokens:
        """Get tokens for the app itself; see `_tokens` for what it raises."""
        return await self._tokens(client, {"grant_type": "client_credentials", **self._scope()})

    async def by_refresh_token(self, client: Client[Any], token: str) -> AuthTokens:
        """Get new tokens for a refresh token (RFC 6749, 6); see `_tokens` for what it raises."""
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return await self._tokens(client, form, secret=(token,))

    async def revoke(self, client: Client[Any], tokens: AuthTokens) -> None:
        """Revoke the refresh token, else the access token (RFC 7009); raises `DeliveryError`."""
        address = self._address("revoke_url", self.oauth.revoke_url)
        kind = "access_token" if tokens.refresh_token is None else "refresh_token"
        token = tokens.refresh_token or tokens.access_token
        form = {"token": token, "token_type_hint": kind}
        response = await self._send(client, address, form, (token,))
        if not response.ok:
            message = f"the partner did not revoke the token: {_words(client, response)}"
            raise NoTokenError(message)

    async def _tokens(
        self, client: Client[Any], form: Mapping[str, str], *, secret: tuple[str, ...] = ()
    ) -> AuthTokens:
        """Ask the token endpoint.

        Raises `RefusedGrantError` for `invalid_grant`, `NoTokenError` for another refusal, and a
        retryable error if there was no answer, or none that says anything.
        """
        address = self._address("token_url", self.oauth.token_url)
        form = {**self.oauth.token_params, **form}
        response = await self._send(client, address, form, secret)
        data = _object(response)
        if response.ok and isinstance(token := data.get("access_token"), str) and token:
            return _read_tokens(data, token)
        error = data.get("error")
        message = f"the partner gives no access token: {_words(client, response)}"
        if error == INVALID_GRANT:
            raise RefusedGrantError(message)
        if error in _LATER or is_retryable_status(response.status):
            raise RetryableError(message, status=response.status)
        raise NoTokenError(message)

    async def _send(
        self, client: Client[Any], address: str, form: Mapping[str, str], secret: tuple[str, ...]
    ) -> Response:
        """Send a form, authenticated as the app; secrets in it are masked from now on."""
        before, own = client.mask, make_mask([*secret, self.app.client_secret or ""])
        client.mask = lambda text: own(before(text))
        headers = {"Accept": "application/json"}
        app = self.app
        form = {**form}
        if app.client_secret is not None and self.oauth.client_authentication == "basic":
            # Each part is encoded before they are joined. Source: RFC 6749, 2.3.1.
            pair = f"{quote_plus(app.client_id)}:{quote_plus(app.client_secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = app.client_id
            if app.client_secret is not None:
                form["client_secret"] = app.client_secret
        return await client.post(address, form=form, headers=headers, check=False)

    def _scope(self) -> dict[str, str]:
        scopes = self.oauth.scopes
        return {"scope": self.oauth.scope_separator.join(scopes)} if scopes else {}

    def _address(self, name: str, address: Address | None) -> str:
        url: object = address
        if callable(address):
            with PluginCode() as code:
                url = address(self.settings)
            if code.error is not None:
                raise plugin_failure(code.error) from code.error
        if not (isinstance(url, str) and is_protected(url)):
            message = f"{name} is {'missing' if url is None else 'no https:// address'}"
            raise NoTokenError(f"{message}: write it into the table `oauth` of the instance")
        return url


def refuses_grant(error: DeliveryError) -> bool:
    """Whether an error of a plugin's own refresh means that the refresh token is refused."""
    if isinstance(error, HTTPError):
        return INVALID_GRANT in error.body
    return isinstance(error, RefusedGrantError | InvalidAuthenticationError)


def _object(response: Response) -> Mapping[str, Any]:
    try:
        data = _json.loads(response.body)
    except ValueError:
        return {}
    return data if isinstance(data, Mapping) else {}


def _read_tokens(data: Mapping[str, Any], token: str) -> AuthTokens:
    refresh, scope = data.get("refresh_token"), data.get("scope")
    scopes = scope.replace(",", " ").split() if isinstance(scope, str) else ()
    return AuthTokens(
        access_token=token,
        refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        expires_in=_seconds(data.get("expires_in")),
        scopes=tuple(scopes),
    )


def _seconds(value: Any) -> float | None:
    """A number of seconds, which some partners write as a text; `None` for anything else."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < float("inf") else None


def _words(client: Client[Any], response: Response) -> str:
    """What the partner says of a refusal, masked and cut."""
    data = _object(response)
    said = [str(data[key]) for key in ("error", "error_description") if data.get(key)]
    text = ": ".join(said) if said else f"it answered {response.status}"
    return client.mask(text)[:QUOTED_CHARACTERS]
