"""How a destination uses OAuth 2: the partner's addresses and rules, the operator's app, tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.definition.kinds import check_values
from offramp.errors import DefinitionError, Fault

#: The ways in which an operator gets a grant. Source: RFC 6749, 4.1, 4.4 and 6.
Flow: TypeAlias = Literal["authorization_code", "client_credentials", "refresh_token"]
FLOWS: Final[tuple[Flow, ...]] = ("authorization_code", "client_credentials", "refresh_token")
#: An address, or a function of the settings that returns one.
Address: TypeAlias = str | Callable[[Any], str]
#: How the app authenticates at the token endpoint. Source: RFC 6749, 2.3.1.
ClientAuthentication: TypeAlias = Literal["basic", "post"]
_PROTECTED: Final = re.compile(
    r"https://[^\s/]|http://(127\.0\.0\.1|\[::1\]|localhost)(:\d+)?(/|$)", re.IGNORECASE
)
#: What the host itself puts into the URL of the authorize endpoint.
OWN_PARAMS: Final = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    }
)


@attrs.frozen(kw_only=True)
class OAuthClient:
    """The app that an operator registered at the partner."""

    client_id: str
    #: `None` for a public app, which has none.
    client_secret: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class AuthTokens:
    """What an OAuth 2 destination authenticates with."""

    access_token: str = attrs.field(repr=False)
    #: `None` from a refresh means that the previous one stays valid.
    refresh_token: str | None = attrs.field(default=None, repr=False)
    #: Seconds for which the access token is valid, counted from the partner's answer.
    expires_in: float | None = None
    #: The scopes that the partner granted; empty if it does not say.
    scopes: tuple[str, ...] = ()
    #: The operator's app; only `refresh_access_token` gets it.
    client: OAuthClient | None = attrs.field(default=None, repr=False)


def is_protected(address: str) -> bool:
    """Whether nobody on the network reads what is sent to an address: TLS, or this machine."""
    return _PROTECTED.match(address) is not None


def _check_address(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is None and attribute.default is None:
        return
    if not (callable(value) or (isinstance(value, str) and is_protected(value))):
        message = f"is an https:// address, or a function of the settings, not {value!r}"
        raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", message)])


def _check_own(owner: object, attribute: attrs.Attribute[Any], value: Mapping[str, str]) -> None:
    taken = sorted(OWN_PARAMS & value.keys())
    if taken:
        place = f"{type(owner).__name__}.{attribute.name}"
        raise DefinitionError([Fault(place, f"the host sets {', '.join(taken)} itself")])


_PARAMS: Final = [check_values(str, "an object: parameter -> text"), _check_own]


def _check_texts(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if isinstance(value, str) or not all(isinstance(each, str) for each in value):  # type: ignore[attr-defined]
        message = f"is a list of texts, not {value!r}"
        raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", message)])


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class OAuth2:
    """How a partner grants access by OAuth 2 (RFC 6749); the host connects and refreshes by it."""

    #: Where tokens are requested.
    token_url: Address = attrs.field(validator=_check_address)
    #: Where a person grants access; needed for the flow `authorization_code`.
    authorize_url: Address | None = attrs.field(default=None, validator=_check_address)
    #: Where tokens are revoked when an operator disconnects (RFC 7009).
    revoke_url: Address | None = attrs.field(default=None, validator=_check_address)
    #: The scopes that are requested unless the operator configures others.
    scopes: tuple[str, ...] = attrs.field(default=(), converter=_as_tuple, validator=_check_texts)
    #: What stands between two scopes in a request.
    scope_separator: str = " "
    #: The ways to get a grant; by default `authorization_code`, where there is an authorize URL,
    #: and a pasted `refresh_token`.
    flows: tuple[Flow, ...] = attrs.field(converter=_as_tuple)
    #: More parameters of the authorize URL, such as `{"access_type": "offline"}`.
    authorize_params: Mapping[str, str] = attrs.field(factory=dict, validator=_PARAMS)
    #: More parameters of each request for tokens, such as `{"audience": "..."}`.
    token_params: Mapping[str, str] = attrs.field(factory=dict, validator=_PARAMS)
    #: How the app authenticates: by the header of Basic authentication, or in the body.
    client_authentication: ClientAuthentication = attrs.field(
        default="basic", validator=attrs.validators.in_(("basic", "post"))
    )
    #: Whether the flow `authorization_code` uses PKCE with S256 (RFC 7636); `False` only for a
    #: partner that refuses its parameters.
    pkce: bool = True

    @flows.default
    def _usual_flows(self) -> tuple[Flow, ...]:
        if self.authorize_url is None:
            return ("refresh_token",)
        return ("authorization_code", "refresh_token")

    @flows.validator
    def _check_flows(self, _: object, flows: tuple[Flow, ...]) -> None:
        unknown = [each for each in flows if each not in FLOWS]
        if unknown or not flows:
            message = f"lists some of {', '.join(FLOWS)}, not {list(flows)!r}"
            raise DefinitionError([Fault("OAuth2.flows", message)])
        if "authorization_code" in flows and self.authorize_url is None:
            message = "is needed for the flow authorization_code"
            raise DefinitionError([Fault("OAuth2.authorize_url", message)])
