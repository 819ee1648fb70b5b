"""The catalog has all that a form needs, in exact shapes, and says where each plugin comes from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest
from tests.api.parts import faults

from offramp import (
    Action,
    Choice,
    Destination,
    LazyDestination,
    Request,
    SyncMode,
    field,
    hookimpl,
    setting,
    when,
)
from offramp.api.catalog import CatalogResource
from offramp.api.host_context import HostContext
from offramp.api.openapi import describe
from offramp.api.operations import Call
from offramp.config import Config
from offramp.errors import NotFoundError
from offramp.plugins import Catalog, load_catalog, load_plugins


@attrs.frozen
class Settings:
    suffix: str = setting(label="Suffix", allow_empty=True, default="")
    token: str = setting(type="password", label="Token")
    region: str = setting(
        label="Region", choices=[Choice("eu", "Europe", "In Ireland"), "us"], default="eu"
    )
    host: str | None = setting(label="Host", depends_on=when("region", is_="us"), default=None)


@attrs.frozen
class Item:
    channel: str = field(choices=["email", "sms"])
    email: str | None = field(required=when("channel", is_="email"), format="email")


class Sync(Action[Settings, Item]):
    """Adds or removes somebody."""

    slug = "sync"
    title = "Sync Audience"
    description = "Adds or removes"
    sync_mode = SyncMode(
        default="add", label="How", description="What is done", choices=(("add", "Add"),)
    )

    async def perform(self, request: Request[Settings], payload: Item) -> None: ...


rich = Destination(slug="rich", name="Rich (Actions)", settings=Settings, actions=[Sync])


class RichPlugin:
    """Declares one destination."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        return [rich]


async def _answer(catalog: Catalog, slug: str | None = None) -> Any:
    async def load() -> tuple[int, Config]:
        return 0, Config()

    host = SimpleNamespace(catalog=catalog, configs=SimpleNamespace(load=load))
    listing, show = CatalogResource(cast("HostContext", host)).operations()
    operation = listing if slug is None else show
    path: dict[str, str] = {} if slug is None else {"slug": slug}
    reply = await operation.serve(Call(path=path, query={}))
    document = describe([operation])
    described = document["paths"][operation.path]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    assert faults(schema, reply.data, document) == []
    return reply.data


def _rich(**more: Any) -> Catalog:
    return load_catalog(load_plugins(extra=[RichPlugin()], installed=False, **more))


async def test_settings_and_fields_have_all_that_a_form_needs() -> None:
    """Choices with labels, conditions, secrets, defaults and sync modes."""
    shown = await _answer(_rich(), "rich")
    assert shown["instance_name"] == "Rich Instance #1"
    token, region, host = (shown["settings"][key] for key in ("token", "region", "host"))
    assert (token["type"], token["secret"], token["required"]) == ("password", True, True)
    assert region["choices"][0] == {"label": "Europe", "value": "eu", "description": "In Ireland"}
    assert (region["default"], region["secret"]) == ("eu", False)
    assert host["depends_on"] == {
        "conditions": [{"operator": "is", "fieldKey": "region", "value": "us"}]
    }
    assert (shown["settings"]["suffix"]["allowEmpty"], host["allowEmpty"]) == (True, False)
    [action] = shown["actions"]
    assert action["fields"]["email"]["required"]["conditions"][0]["fieldKey"] == "channel"
    assert action["fields"]["email"]["format"] == "email"
    assert action["sync_mode"]["default"] == "add"
    assert action["sync_mode"]["choices"] == [{"value": "add", "label": "Add"}]


async def test_a_search_finds_a_destination_by_name_and_action() -> None:
    """As somebody types it: the name with its suffix, or what an action does."""
    [brief] = (await _answer(_rich()))["destinations"]
    assert "rich (actions)" in brief["search"]
    assert "sync audience" in brief["search"]


async def test_each_plugin_has_its_origin(tmp_path: Path) -> None:
    """The distribution and version of an installed one, the file of another, nothing of a third."""
    [brief] = (await _answer(_rich()))["destinations"]
    assert brief["origin"] == {
        "plugin": "RichPlugin",
        "module": "tests.api.test_catalog",
        "distribution": None,
        "version": None,
        "file": None,
    }
    file = tmp_path / "mine.py"
    file.write_text(
        "from offramp import hookimpl\n"
        "from tests.api.test_catalog import rich\n"
        "@hookimpl\n"
        "def offramp_destinations():\n"
        "    return [rich]\n"
    )
    [brief] = (await _answer(load_catalog(load_plugins(files=[file], installed=False))))[
        "destinations"
    ]
    assert (brief["origin"]["file"], brief["origin"]["module"]) == (str(file), None)
    installed = (await _answer(load_catalog(load_plugins())))["destinations"]
    for each in installed:
        assert each["origin"]["distribution"].startswith("offramp-")
        assert each["origin"]["version"]
        assert each["origin"]["module"].startswith("offramp_")


class LazyPlugin:
    """Declares many destinations, each built when somebody opens it."""

    def __init__(self) -> None:
        self.built: list[str] = []

    @hookimpl
    def offramp_destinations(self) -> list[LazyDestination]:
        return [
            LazyDestination(
                slug=slug,
                name=slug.title(),
                load=partial(self._load, slug),
                actions={"sync": "Sync Audience"},
                fallback=True,
            )
            for slug in ("rich", "plain", "broken")
        ]

    def _load(self, slug: str) -> Destination:
        self.built.append(slug)
        if slug == "broken":
            raise RuntimeError("not today")
        return attrs.evolve(rich, slug=slug)


async def test_a_lazy_destination_is_built_when_somebody_opens_it() -> None:
    """The list builds none, finds it by its actions, and names what a fallback makes way for."""
    lazy = LazyPlugin()
    catalog = load_catalog(load_plugins(extra=[RichPlugin(), lazy], installed=False))
    found = {each["slug"]: each for each in (await _answer(catalog))["destinations"]}
    assert list(found) == ["rich", "plain", "broken"]
    assert "sync audience" in found["plain"]["search"]
    assert {slug: (each["plugin"], each["fallbacks"]) for slug, each in found.items()} == {
        "rich": ("RichPlugin", ["LazyPlugin"]),
        "plain": ("LazyPlugin", []),
        "broken": ("LazyPlugin", []),
    }
    assert lazy.built == []
    assert (await _answer(catalog, "rich"))["fallbacks"] == ["LazyPlugin"]
    assert (await _answer(catalog, "plain"))["actions"][0]["slug"] == "sync"
    assert lazy.built == ["plain"]
    found = {each["slug"]: each["built"] for each in (await _answer(catalog))["destinations"]}
    assert found == {"rich": True, "plain": True, "broken": False}


async def test_what_cannot_be_built_is_a_problem_in_the_list() -> None:
    """Opened, it is not found, with the cause; the list then says so in its place."""
    catalog = load_catalog(load_plugins(extra=[LazyPlugin()], installed=False))
    with pytest.raises(NotFoundError, match="not today"):
        await _answer(catalog, "broken")
    answer = await _answer(catalog)
    assert [each["slug"] for each in answer["destinations"]] == ["rich", "plain"]
    [problem] = answer["problems"]
    assert problem["place"] == "plugins.LazyPlugin.destinations.broken"
    assert "the destination 'broken' is left out" in problem["message"]
