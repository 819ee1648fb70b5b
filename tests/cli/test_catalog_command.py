"""`offramp catalog SLUG`: all that a destination declares, as text and as JSON."""

from __future__ import annotations

import io
from typing import Any, ClassVar

import attrs
import pytest
from tests.cli.conftest import Offramp

from offramp import (
    Action,
    Audience,
    Batch,
    Choice,
    Condition,
    Conditions,
    Destination,
    DynamicChoices,
    OAuth2,
    Preset,
    Request,
    SaveHook,
    SyncMode,
    _json,
    array_path,
    coalesce,
    field,
    hookimpl,
    path,
    setting,
    template,
    when,
)
from offramp.api.catalog import destination_shape
from offramp.cli.render.destination import render_destination
from offramp.cli.render.terminal import SafeConsole
from offramp.plugins import load_catalog, load_plugins

#: Slug -> passages of its text, each in a line, in this order.
SHOWN = {
    "metronome-actions": [
        "Metronome (Actions)  metronome-actions",
        "distribution    offramp-metronome",
        "module          offramp_metronome.plugin",
        "apiToken  password, required  API Token",
        "action sendEvent  Send Event",
        "batches      up to 100 events and 4,000,000 bytes in a request",
        "idempotency  transaction_id, for 34 days",
        "transaction_id  string, required",
        "default  $.messageId",
        "preset Send track events to Metronome  sendEvent",
        'trigger  type = "track"',
    ],
    "webhook": [
        "authentication  by settings (custom)",
        "url  string (uri), required  URL",
        "headers  object, secret  Secret headers",
        "editor  keyvalue:only",
        "batches  none: each event is sent alone",
        'default  "POST"',
        "choices  POST, PUT, PATCH",
        "path  list of string  Path",
        "all with the same method, path, headers",
        'trigger  type in ["track", "identify", "page", "screen", "group", "alias"]',
    ],
    "hubspot": [
        "authentication  OAuth 2 (oauth2): connect it with `offramp connect`",
        "grant by        authorization_code, refresh_token",
        "scopes          oauth",
        "crm.objects.contacts.write",
        "deletion        takes events of type delete (on_delete)",
        "action upsertContact  Upsert Contact",
        "sync modes  Whether records are created, updated, or both",
        "upsert (default): Create or update",
        "update: Update, and reject events whose record does not exist",
        "choices  from the partner (`offramp choices`)",
        "length   at least 1",
        "default  $.traits.email, or else $.context.traits.email",
        "default  firstname: $.traits.firstName, or else $.traits.first_name",
        "phone: $.traits.phone",
        "keys     from the partner (`offramp choices`)",
        "save hook onMappingSave  Define the event at HubSpot",
        "inputs",
        "name  string, required  Name",
        "outputs",
        "eventName  string  Event",
        "preset Companies from group calls  upsertObject",
        "properties:",
        "name: $.traits.name",
    ],
}


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("slug", SHOWN)
def test_all_that_a_destination_declares_can_be_read(
    offramp: Offramp, monkeypatch: pytest.MonkeyPatch, slug: str, width: int
) -> None:
    """Each passage stands in a line of its own, in order, and no line is too wide."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = offramp("catalog", slug).out.splitlines()
    assert max(map(len, lines)) <= width
    _assert_in_order(lines, SHOWN[slug])


def _assert_in_order(lines: list[str], passages: list[str]) -> None:
    rest = iter(lines)
    for passage in passages:
        assert any(passage in each for each in rest), passage


@pytest.mark.parametrize("slug", SHOWN)
def test_json_is_the_entry_of_the_api(offramp: Offramp, slug: str) -> None:
    """A program reads the same from the command as from `GET /api/catalog/{slug}`."""
    catalog = load_catalog(load_plugins())
    [found] = offramp("catalog", slug, "--json").lines
    assert found == _json.loads(_json.dumps(destination_shape(catalog, catalog[slug])))
    listed = {each["slug"]: each for each in offramp("catalog", "--json").lines}
    assert listed[slug]["actions"][0]["slug"] == found["actions"][0]["slug"]


@attrs.frozen
class Settings:
    region: str = setting(label="Region", choices=[Choice("eu", "Europe", "In Ireland"), "us"])
    host: str | None = setting(label="Host", depends_on=when("region", is_="us"), allow_empty=True)


@attrs.frozen
class Item:
    price: float = field(minimum=0, maximum=99.5, description="In euros")
    colour: str | None = field(placeholder="red", display_mode="collapsed", category="data")


_BOTH = Conditions(
    match="any",
    conditions=(
        Condition(field_key="channel", value="email"),
        Condition(type="syncMode", operator="is_not", value="delete"),
    ),
)


@attrs.frozen
class Order:
    channel: str = field(default=template("{{type}}"), hidden=True)
    email: str | None = field(required=when("channel", is_="email"), depends_on=_BOTH)
    lines: list[Item] = field(
        default=array_path(path("$.properties.lines"), {"price": path("$.price")}),
        allow_null=True,
        additional_properties=True,
        disabled_input_methods=["literal", "function"],
    )


async def choose(*_: Any) -> DynamicChoices:
    return DynamicChoices()


async def answer(*_: Any) -> Any:
    return {}


class Send(Action[Settings, Order]):
    slug, title, hidden, default_trigger = "send", "Send it", True, 'event = "Sold"'
    batch = Batch(max_events=7, keys=("channel",))
    sync_mode = SyncMode(
        default="mirror", label="How", description="What is done", choices=(("mirror", "Mirror"),)
    )
    dynamic_fields: ClassVar = {"lines.colour": "choose", "lines.__values__": "choose"}
    save_hooks: ClassVar = {
        "onMappingSave": SaveHook(
            label="Make it", description="Makes a list", inputs={}, outputs={}, perform=answer
        )
    }

    async def choose(self, request: Request[Settings], query: Any) -> DynamicChoices:
        return DynamicChoices()

    async def perform_batch(self, request: Request[Settings], payloads: Any) -> None: ...


wide = Destination(
    slug="wide",
    name="Wide",
    mode="warehouse",
    scheme="oauth-managed",
    oauth=OAuth2(token_url="https://wide.example/token", scopes=["read"]),
    settings=Settings,
    audience=Audience(fields=Settings, mode="synced", full_sync=True, create=answer),
    actions=[Send],
    presets=[
        Preset(
            name="Sold",
            action="send",
            type="specificEvent",
            event_slug="warehouse_entity_added",
            sync_mode="mirror",
            mapping={"email": coalesce(path("$.a"), path("$.b")), "lines": {"@flatten": {}}},
        )
    ],
)


class Owner:
    """Declares the destination."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [wide]


class MakesWay:
    """Declares it too, in case nobody else does."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [attrs.evolve(wide, fallback=True)]


@pytest.mark.parametrize(
    ("plugins", "passages"),
    [
        ([Owner(), MakesWay()], ["plugin          Owner (instead of MakesWay)"]),
        ([MakesWay()], ["fallback        yes: makes way for a destination"]),
        (
            [Owner()],
            [
                "mode            warehouse",
                "authentication  OAuth 2, with tokens from outside (oauth-managed)",
                "credentials     cannot be tested",
                "audiences       synced, each sync carries all members, created at the partner",
                "region  string, required  Region",
                "choices  eu  Europe: In Ireland",
                "host  string, may be empty  Host",
                'shown if  region is the string "us"',
                "settings of each audience",
                "hidden      yes",
                'trigger     event = "Sold"',
                "mirror (default): Mirror",
                "channel  string, required, hidden",
                "default  {{type}}",
                'required if  channel is the string "email"',
                'shown if     channel is the string "email" or the sync mode is not the',
                "lines  list of object, required, may be null",
                "default      each of $.properties.lines:",
                "  price: $.price",
                "values       from the partner (`offramp choices`)",
                "other keys   allowed",
                "no input by  literal, function",
                "lines.price  number, required",
                "In euros",
                "value  at least 0 and at most 99.5",
                "lines.colour  string",
                "choices      from the partner (`offramp choices`)",
                "placeholder  red",
                "category     data",
                "shown as     collapsed",
                "save hook onMappingSave  Make it",
                "no inputs",
                "trigger    none yet: the operator gives one",
                "sync mode  mirror",
                "for        warehouse_entity_added",
                "mapping    email: $.a, or else $.b",
            ],
        ),
    ],
    ids=["beside a fallback", "a fallback alone", "all that can be declared"],
)
def test_whatever_can_be_declared_is_shown(
    monkeypatch: pytest.MonkeyPatch, plugins: list[object], passages: list[str]
) -> None:
    """Also what our own destinations do not use: audiences, conditions, properties, fallbacks."""
    monkeypatch.setenv("COLUMNS", "80")
    catalog = load_catalog(load_plugins(extra=plugins, installed=False))
    console = SafeConsole()
    console.file = io.StringIO()
    console.print(render_destination(catalog, catalog["wide"]))
    _assert_in_order(console.file.getvalue().splitlines(), passages)
    shape: Any = destination_shape(catalog, catalog["wide"])
    assert (shape["oauth"]["flows"], shape["oauth"]["scopes"]) == (["refresh_token"], ["read"])
    assert (shape["scheme"], shape["mode"], shape["on_delete"]) == (
        "oauth-managed",
        "warehouse",
        False,
    )
    assert (shape["audience"]["creates"], shape["audience"]["gets"]) == (True, False)
