"""A setting that may be an empty text keeps it; any other that is empty counts as missing."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from offramp import Action, Destination, Request, field, hookimpl, path, setting
from offramp.config import References, export_config, parse_config, resolve_settings
from offramp.errors import ConfigError
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp.testing import TestIntegration, create_test_integration

PLACE = "instances.w.settings"


@attrs.frozen
class Settings:
    """Texts that may be empty, and one that may not."""

    suffix: str = setting(allow_empty=True, default="-x")
    key: str = setting(type="password", allow_empty=True)
    name: str = setting(required=True)


@attrs.frozen
class Item:
    """What is written."""

    id: str = field(default=path("$.messageId"))


class Write(Action[Settings, Item]):
    """Shows what it got of the settings."""

    slug, title = "write", "Write"

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        """Send all of them."""
        await request.post("https://w.example/", json=attrs.asdict(request.settings))


words = Destination(slug="words", name="Words", settings=Settings, actions=[Write])


class Words:
    """Declares the destination."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        """One."""
        return [words]


@pytest.fixture
def catalog() -> Catalog:
    """The destination alone."""
    return load_catalog(load_plugins(extra=[Words()], installed=False))


def _written(**settings: Any) -> dict[str, Any]:
    instance = {"destination": "words", "source": "s", "settings": settings}
    return {"sources": {"s": {"write_key": "k"}}, "instances": {"w": instance}}


def test_a_file_may_have_an_empty_text(catalog: Catalog) -> None:
    """It is kept in place of the default, exported, and read back, masked as any secret is."""
    config = parse_config(_written(suffix="", key="", name="n"), catalog).config
    assert config.instances["w"].settings == {"suffix": "", "key": "", "name": "n"}
    document = export_config(config, catalog)
    assert document["instances"]["w"]["settings"] == {"suffix": "", "key": "***", "name": "n"}
    assert parse_config(document, catalog, current=config).config == config


def test_any_other_counts_as_missing(catalog: Catalog) -> None:
    """Where it is required, it is a fault; so is what may be empty and is not there at all."""
    with pytest.raises(ConfigError) as caught:
        parse_config(_written(name=""), catalog)
    assert {fault.place: fault.message for fault in caught.value.faults} == {
        f"{PLACE}.key": "nothing came, but it is required",
        f"{PLACE}.name": 'the string "" came, which counts as nothing, but it is required',
    }


def test_an_empty_variable_stays_a_fault(catalog: Catalog) -> None:
    """It is more likely forgotten than meant: who means an empty text writes it."""
    config = parse_config(_written(key="env:EMPTY", name="n"), catalog).config
    references = References(environ={"EMPTY": ""}, allowed=("env:EMPTY",))
    with pytest.raises(ConfigError, match=r"settings\.key: the variable EMPTY is empty"):
        resolve_settings(config.instances["w"], catalog["words"].settings, references)


async def test_an_action_gets_the_empty_text(partner: Any) -> None:
    """The harness runs it as a host does; without the setting, the default holds."""
    partner.post("https://w.example/", repeat=2)
    sut: TestIntegration = create_test_integration(
        words, settings={"suffix": "", "key": "", "name": "n"}
    )
    empty = await sut.test_action("write")
    assert empty.request.json == {"suffix": "", "key": "", "name": "n"}
    sut.settings = {"key": "k", "name": "n"}
    assert (await sut.test_action("write")).request.json["suffix"] == "-x"
