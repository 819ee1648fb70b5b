"""What an operator configures for OAuth 2: the app that is registered at the partner."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import attrs

from offramp.config.options import keys_of, read_options
from offramp.config.secrets import change_secrets, is_reference
from offramp.config.settings import put_back_all
from offramp.config.table import Table
from offramp.definition import (
    ClientAuthentication,
    Destination,
    Field,
    Fields,
    OAuth2,
    OAuthClient,
    option,
    options_of,
)
from offramp.definition.oauth import FLOWS, is_protected
from offramp.errors import Fault


def _address_fault(url: str) -> str | None:
    return None if is_reference(url) or is_protected(url) else "must begin with https://"


@attrs.frozen(kw_only=True)
class OAuthApp:
    """The table `oauth` of an instance."""

    client_id: str | None = option(
        default=None, description="the id that the partner gave the app; may be a reference"
    )
    client_secret: str | None = option(
        default=None,
        description="its secret, or a reference; a public app has none",
        secret=True,
    )
    scopes: tuple[str, ...] = option(
        default=(), default_text="the destination's", description="the scopes to ask for"
    )
    authorize_url: str | None = option(
        default=None,
        default_text="the destination's",
        description="where a person grants access; needed where the destination does not say",
        check=_address_fault,
    )
    token_url: str | None = option(
        default=None,
        default_text="the destination's",
        description="where tokens are requested; needed where the destination does not say",
        check=_address_fault,
    )
    revoke_url: str | None = option(
        default=None,
        default_text="the destination's",
        description="where tokens are revoked by `offramp disconnect`",
        check=_address_fault,
    )
    client_authentication: ClientAuthentication | None = option(
        default=None,
        default_text="the destination's, else `basic`",
        description="how the app authenticates at the token endpoint: `basic` (a header) or "
        "`post` (in the body)",
    )
    authorize_params: Mapping[str, Any] = option(
        default=attrs.Factory(dict),
        default_text="the destination's",
        description='more parameters of the authorize URL, such as `{ prompt = "consent" }`',
    )

    @property
    def client(self) -> OAuthClient | None:
        """The app as requests for tokens name it; `None` without a client id."""
        if self.client_id is None:
            return None
        return OAuthClient(client_id=self.client_id, client_secret=self.client_secret)

    def over(self, destination: Destination) -> OAuth2 | None:
        """What the destination declares with the app's own addresses over it.

        `None` if neither says where tokens are requested.
        """
        declared = destination.oauth
        names = ("scopes", "authorize_url", "token_url", "revoke_url", "client_authentication")
        own = {name: value for name in names if (value := getattr(self, name))}
        if self.authorize_params:
            before = {} if declared is None else declared.authorize_params
            own["authorize_params"] = {**before, **self.authorize_params}
        if declared is not None:
            return attrs.evolve(declared, **own)
        # Where the destination does not say, the partner may support any of them.
        flows = FLOWS if self.authorize_url else FLOWS[1:]
        return OAuth2(**own, flows=flows) if self.token_url else None


#: The options as fields, which tell the secrets among them.
OAUTH_FIELDS: Final[Fields] = {
    each.key: Field(label=each.key, type="password" if each.secret else "string")
    for each in options_of(OAuthApp)
}


def read_oauth(
    written: Mapping[str, Any], place: str, before: Mapping[str, Any], faults: list[Fault]
) -> dict[str, Any]:
    """The table as written, checked; a masked secret stands for the one in `before`."""
    table = Table(written, place, faults, keys=keys_of(OAuthApp))
    values = read_options(OAuthApp, table)
    for name, value in values.get("authorize_params", {}).items():
        if not isinstance(value, str):
            table.fault("authorize_params", f"{name} must be a text")
    known = {
        key: value for key, value in written.items() if value is not None and key in OAUTH_FIELDS
    }
    return put_back_all(partial(change_secrets, OAUTH_FIELDS), known, before, place, faults)


def app_of(table: Mapping[str, Any]) -> OAuthApp:
    """The app that a checked table describes, its references followed."""
    return OAuthApp(**read_options(OAuthApp, Table(table, "oauth", [], keys=keys_of(OAuthApp))))
