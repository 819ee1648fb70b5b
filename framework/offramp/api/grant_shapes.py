"""Types of the requests and answers about OAuth 2 grants, for the documentation of the API."""

from __future__ import annotations

from typing import Literal, TypedDict

import msgspec

from offramp.api.shapes import Time

FlowName = Literal["authorization_code", "client_credentials", "refresh_token"]


class EndedConnectShape(TypedDict):
    """How a connect in a browser ended."""

    at: Time
    #: Why the instance was not connected; `None` if it was.
    error: str | None


class GrantShape(TypedDict):
    """The grant of an instance, without its tokens."""

    #: `not_connected`: nobody has connected it; `gone`: the partner accepts the grant no longer;
    #: `expired`: the access token has expired, and it is refreshed at the next delivery, if it can.
    state: Literal["connected", "not_connected", "gone", "expired"]
    #: Why nothing is sent, and what to do; `None` if it is connected.
    message: str | None
    remedy: str | None
    #: How it was obtained; `None` without a grant, as everything below.
    flow: FlowName | None
    #: The scopes that the partner granted; empty if it does not say.
    scopes: list[str]
    expires_at: Time | None
    obtained_at: Time | None
    refreshed_at: Time | None
    #: Who connected it.
    actor: str | None
    #: Whether the host can get new tokens by itself.
    refreshable: bool
    #: The ways to connect it with its present configuration.
    flows: list[FlowName]
    #: The scopes that are asked for.
    requested_scopes: list[str]
    #: Whether the instance has a client id.
    has_client: bool
    #: What to register at the partner for a connect in the console.
    redirect_uri: str
    #: How the last connect in the caller's session ended; `None` if there was none within the last
    #: ten minutes, or if the grant was changed since.
    last_connect: EndedConnectShape | None


class GrantAnswer(TypedDict):
    """The grant of an instance."""

    instance: str
    grant: GrantShape


class NewConnect(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A connect by authorization code."""

    #: Where the partner sends the browser back: the host's own address, or one on loopback.
    redirect_uri: str | None = None


class ConnectShape(TypedDict):
    """Where a person grants access; `state` belongs to it, and is valid once."""

    authorize_url: str
    state: str
    redirect_uri: str
    expires_at: Time


class ConnectCode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The code with which the partner sent the browser back."""

    code: str
    state: str


class GivenTokens(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Tokens that were obtained elsewhere: a refresh token, or an access token, or both."""

    refresh_token: str | None = None
    #: Without it, the host gets one with the refresh token at once.
    access_token: str | None = None
    #: Seconds for which the access token is valid.
    expires_in: float | None = None


class EndedGrant(TypedDict):
    """A grant that was removed."""

    instance: str
    #: Whether the partner was told; `message` says why not.
    revoked: bool
    message: str | None
