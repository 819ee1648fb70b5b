"""A subscription that is being edited is read as far as it can be; secrets come back by its id."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from offramp import Action, Destination, Request, field, hookimpl, path, setting
from offramp.api.drafts import Draft, read_draft
from offramp.config import Config, parse_config
from offramp.errors import ConfigError
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp.pointers import describe_errors

HOOK = "https://hooks.example/services/T0/B0/zyxwvut"


@attrs.frozen
class Settings:
    token: str = setting(type="password", label="Token")


@attrs.frozen
class Post:
    hook: str = field(type="password")
    id: str = field(default=path("$.messageId"))
    note: str | None = field()


class Send(Action[Settings, Post]):
    """Posts to a hook that is a secret itself."""

    slug = "send"
    title = "Send"

    async def perform(self, request: Request[Settings], payload: Post) -> None: ...


class Hooks:
    """Declares one destination."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [Destination(slug="hooks", name="Hooks", settings=Settings, actions=[Send])]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The destination alone."""
    return load_catalog(load_plugins(extra=[Hooks()], installed=False))


@pytest.fixture
def config(catalog: Catalog) -> Config:
    """One subscription, with its secret in the mapping, of an instance that lacks its settings."""
    saved = {
        "name": "one",
        "action": "send",
        "trigger": 'type = "track"',
        "mapping": {"hook": HOOK},
    }
    instance = {
        "destination": "hooks",
        "source": "site",
        "enabled": False,
        "subscriptions": [saved],
    }
    document = {"sources": {"site": {"write_key": "k"}}, "instances": {"h": instance}}
    return parse_config(document, catalog).config


def _read(catalog: Catalog, config: Config, **table: Any) -> Draft:
    given = {"action": "send", "trigger": 'type = "track"', "mapping": {"hook": HOOK}, **table}
    return read_draft(catalog, config, "h", given)


def test_a_masked_secret_stands_for_that_of_the_saved_subscription(
    catalog: Catalog, config: Config
) -> None:
    """By its id; without it, the mask is a fault at its field, which no message quotes."""
    saved = _read(catalog, config, id="h/one", mapping={"hook": "***"})
    assert saved.subscription.mapping["hook"] == HOOK
    assert saved.faults == ()
    other = _read(catalog, config, mapping={"hook": "***"})
    assert [each["pointer"] for each in describe_errors(other.faults)] == ["#/mapping/hook"]
    assert "hook" not in other.subscription.mapping
    assert HOOK not in str(other.faults)


@pytest.mark.parametrize(
    ("table", "pointers", "fields"),
    [
        ({}, [], {"hook", "id"}),
        ({"name": "a/b"}, ["#/name"], {"hook", "id"}),
        ({"trigger": ""}, ["#/trigger"], {"hook", "id"}),
        ({"trigger": "type ="}, ["#/trigger"], {"hook", "id"}),
        ({"mapping": {"hook": HOOK, "note": {"@pth": "x"}}}, ["#/mapping/note/@pth"],
         {"hook", "id"}),
        ({"mapping": {"hook": HOOK, "no such": 1}}, ["#/mapping/no%20such"], {"hook", "id"}),
        ({"mapping": {}}, ["#/mapping/hook"], {"id"}),
    ],
)  # fmt: skip
def test_what_has_a_fault_is_left_out_and_the_rest_is_read(
    catalog: Catalog, config: Config, table: Any, pointers: list[str], fields: set[str]
) -> None:
    """Each fault has its pointer in the candidate, and every sound field is there."""
    draft = _read(catalog, config, **table)
    assert [each["pointer"] for each in describe_errors(draft.faults)] == pointers
    assert draft.subscription.mapping.keys() == fields
    assert draft.trigger_is_faulty is (pointers == ["#/trigger"])
    assert draft.mapping_is_faulty is bool(pointers and pointers[0].startswith("#/mapping"))


@pytest.mark.parametrize(
    ("table", "place"), [({"action": "sent"}, "action"), ({"triger": "x"}, "triger")]
)
def test_a_fault_that_leaves_open_what_is_meant_is_raised(
    catalog: Catalog, config: Config, table: Any, place: str
) -> None:
    """No action, no explanation; and a misspelt key is not ignored."""
    with pytest.raises(ConfigError) as caught:
        _read(catalog, config, **table)
    assert [fault.place for fault in caught.value.faults] == [place]
