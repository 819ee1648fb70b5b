"""The module of a scaffold that says how its partner is reached: address, settings, access."""

from __future__ import annotations

from typing import Final

import attrs

from offramp.cli.scaffold.declaration import Declaration
from offramp.cli.scaffold.fields import FieldWriter
from offramp.cli.scaffold.module import RESERVED_NAMES, Module
from offramp.cli.scaffold.names import snake
from offramp.definition import Field, Fields, looks_secret
from offramp.definition.destination import OAUTH_SCHEMES

#: Names of the module that the distribution's other modules may import.
NAMES: Final = (
    "API",
    "AudienceSettings",
    "OAUTH",
    "Settings",
    "authenticate",
    "check_credentials",
    "create_audience",
    "fetch_choices",
)

_ADDRESS = '#: The address of the partner\'s API: put the right one here.\nAPI: Final = "https://api.example.com"'

_OAUTH = """
#: Where the partner grants access. The addresses are made up: put the right ones here.
OAUTH: Final = OAuth2(
    authorize_url=f"{API}/oauth/authorize",
    token_url=f"{API}/oauth/token",
)
"""

_CHECK = '''
async def check_credentials(request: Request[Settings]) -> None:
    """Ask the partner for something that needs good credentials, and changes nothing."""
    answer = await request.get(f"{API}/me", check=False)
    if answer.status in (401, 403):
        raise InvalidAuthenticationError("the partner refuses the credentials: check them")
    if not answer.ok:
        raise DeliveryError(
            f"could not find out whether the credentials are good: the answer was {answer.status}",
            status=answer.status,
        )
'''

_CHOICES = '''
async def fetch_choices(request: Request[Settings], query: ChoicesQuery, of: str) -> DynamicChoices:
    """Ask the partner what a field can be set to: write how it lists its objects."""
    answer = await request.get(f"{API}/choices/{of}", params={"search": query.search})
    choices = [Choice(each["id"], each["name"]) for each in answer.json()]
    return DynamicChoices(choices=choices, searched=True)
'''

_AUDIENCE = '''
async def create_audience(request: Request[Settings], audience: AudienceDetails) -> str:
    """Make an audience at the partner, and return its id there: write how it takes one."""
    answer = await request.post(f"{API}/audiences", json={"name": audience.name})
    return str(answer.json()["id"])
'''

_AUTHENTICATE = '''
def authenticate(outgoing: OutgoingRequest) -> RequestOptions:
    """What every request carries{which}."""
{body}
'''


@attrs.frozen
class Access:
    """How requests authenticate, as the declaration says it."""

    which: str
    #: The lines of the function.
    body: str


def write_partner(declaration: Declaration, *, dynamic: bool) -> Module:
    """Write the module; `dynamic` says whether an action has dynamic fields."""
    writer = FieldWriter(taken=set(RESERVED_NAMES))
    settings = complete(declaration.settings)
    writer.write_class("Settings", settings, maker="setting", describes="What an operator sets.")
    audience = declaration.audience
    if audience is not None and audience.fields:
        writer.write_class(
            "AudienceSettings",
            complete(audience.fields),
            maker="setting",
            describes="What an operator sets for each audience.",
        )
    blocks = [_ADDRESS, *writer.written]
    if declaration.scheme == "oauth2":
        blocks.append(_OAUTH)
    access = access_of(declaration)
    if access is not None:
        blocks += [_AUTHENTICATE.format(which=access.which, body=access.body), _CHECK]
    if dynamic:
        blocks.append(_CHOICES)
    if audience is not None:
        blocks.append(_AUDIENCE)
    return Module("How the partner is reached: its address, settings, access.", blocks)


def complete(fields: Fields) -> Fields:
    """Fields as the suite asks for them: all described, and secrets marked that look like some."""
    described = {
        key: attrs.evolve(field, description=field.description or field.label)
        for key, field in fields.items()
    }
    return _mark(described)


def _mark(fields: Fields) -> dict[str, Field]:
    return {
        key: attrs.evolve(
            field,
            secret=True if not field.is_secret and looks_secret(key, field) else field.secret,
            properties=None if field.properties is None else _mark(field.properties),
        )
        for key, field in fields.items()
    }


def access_of(declaration: Declaration) -> Access | None:
    """How requests authenticate; None where the declaration does not say."""
    attributes = _attributes(declaration.settings)
    if declaration.scheme in OAUTH_SCHEMES:
        return Access(
            ": the access token",
            '    token = "" if outgoing.auth is None else outgoing.auth.access_token\n'
            '    return RequestOptions(headers={"Authorization": f"Bearer {token}"})',
        )
    if declaration.scheme == "basic" and {"username", "password"} <= attributes.keys():
        return Access(
            ": user and password",
            "    settings = outgoing.settings_as(Settings)\n"
            "    return RequestOptions(username=settings.username, password=settings.password)",
        )
    for key, field in complete(declaration.settings).items():
        if field.is_secret and field.type in ("string", "text", "password") and not field.multiple:
            name = f"settings.{attributes[key]}"
            value = f"    token = {name}" + ("" if field.required is True else ' or ""')
            return Access(
                f": {field.label}",
                "    settings = outgoing.settings_as(Settings)\n"
                f"{value}\n"
                '    return RequestOptions(headers={"Authorization": f"Bearer {token}"})',
            )
    return None


def _attributes(fields: Fields) -> dict[str, str]:
    """By wire name, the attribute of a class that declares the fields."""
    taken: dict[str, str] = {}
    for key in fields:
        taken[key] = snake(key, taken=taken.values())
    return taken
