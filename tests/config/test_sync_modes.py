"""The sync mode is an option of a subscription, also where it is written as Segment writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.config.conftest import Plugin
from tests.plugins.small import make_plugin

from offramp import Preset
from offramp.config import (
    Config,
    ConfigStore,
    Subscription,
    diff_configs,
    export_config,
    parse_config,
)
from offramp.config.keyring import load_key_ring
from offramp.delivery import compile_subscription
from offramp.errors import ConfigError, DefinitionError
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp.storage import Store

KEY = "__segment_internal_sync_mode"
ID = "billing/people"
TABLE = {"name": "people", "action": "savePerson", "trigger": 'type = "identify"'}
MAPPING = {"user_id": {"@path": "$.userId"}}
PRESETS = [
    Preset(name="Added people", action="savePerson", trigger="", sync_mode="add", mapping=MAPPING),
    Preset(
        name="Imported people", action="savePerson", trigger="", mapping={**MAPPING, KEY: "add"}
    ),
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The destination, with a preset for each way to write the sync mode."""
    guest = make_plugin("guest", offramp_presets=lambda: PRESETS)
    return load_catalog(load_plugins(extra=[Plugin(), guest], installed=False))


def _parsed(written: dict[str, Any], catalog: Catalog, **table: Any) -> Config:
    written["instances"]["billing"]["subscriptions"] = [{**TABLE, "mapping": MAPPING, **table}]
    return parse_config(written, catalog).config


@pytest.mark.parametrize(
    "table",
    [
        {"sync_mode": "add"},
        {"mapping": {**MAPPING, KEY: "add"}},
        {"sync_mode": "add", "mapping": {**MAPPING, KEY: "add"}},
        {"preset": "Added people", "name": "people"},
        {"preset": "Imported people", "name": "people"},
    ],
    ids=["the option", "the mapping", "both", "a preset", "a preset of Segment's"],
)
def test_it_is_exported_as_the_option_alone(
    written: dict[str, Any], catalog: Catalog, table: dict[str, Any]
) -> None:
    """Whichever way it is written, it means the same, is shown once, and reads back."""
    config = _parsed(written, catalog, **table)
    assert config.subscriptions[ID].sync_mode == "add"
    document = export_config(config, catalog, secrets=True)
    [exported] = document["instances"]["billing"]["subscriptions"]
    assert (exported["sync_mode"], exported["mapping"]) == ("add", MAPPING)
    assert parse_config(document, catalog).config == config


def test_without_one_the_default_of_the_action_holds(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """Nothing is exported then; a change is listed by its name."""
    before = _parsed(written, catalog)
    after = _parsed(written, catalog, sync_mode="add")
    assert _mode(before, catalog) == "upsert"
    assert _mode(after, catalog) == "add"
    [change] = diff_configs(before, after, catalog)
    assert str(change) == f'~ subscription {ID}\n    sync_mode: (nothing) -> "add"'


def test_a_preset_is_overridden(written: dict[str, Any], catalog: Catalog) -> None:
    """By the option, and left out with `defaults = false` as its mapping is."""
    preset = {"preset": "Added people", "name": "people"}
    assert _mode(_parsed(written, catalog, **preset, sync_mode="upsert"), catalog) == "upsert"
    assert _parsed(written, catalog, **preset, defaults=False).subscriptions[ID].sync_mode is None


@pytest.mark.parametrize(
    ("table", "place", "message"),
    [
        ({"sync_mode": "mirror"}, "sync_mode", "'mirror' is not a sync mode of savePerson"),
        ({"sync_mode": 1}, "sync_mode", "must be a string"),
        (
            {"sync_mode": "add", "mapping": {**MAPPING, KEY: "upsert"}},
            "sync_mode",
            f"is 'add', but the mapping has 'upsert': leave {KEY} out there",
        ),
        (
            {"mapping": {**MAPPING, "sync_mode": "add"}},
            "mapping.sync_mode",
            "is an option of the subscription: write `sync_mode` beside `mapping`",
        ),
        ({"mapping": {"@path": "$.traits", KEY: "mirror"}}, f"mapping.{KEY}", "'mirror' is not"),
        (
            {"action": "sendEvent", "sync_mode": "add", "mapping": {}},
            "sync_mode",
            "is 'add', and sendEvent has no sync modes: leave it out",
        ),
    ],
    ids=["unknown", "no text", "two", "a misplaced one", "a whole payload", "an action without"],
)
def test_a_wrong_one_is_refused_at_its_place(
    written: dict[str, Any], catalog: Catalog, table: dict[str, Any], place: str, message: str
) -> None:
    """The fault says what there is, or where the sync mode belongs."""
    with pytest.raises(ConfigError) as caught:
        _parsed(written, catalog, **table)
    found = {fault.place: fault.message for fault in caught.value.faults}
    assert message in found[f"instances.billing.subscriptions[0].{place}"]


async def test_what_an_older_version_stored_goes_on(
    tmp_path: Path, written: dict[str, Any], catalog: Catalog
) -> None:
    """The mapping in the store has the mode; read, it is the option, and nothing has changed."""
    new = _parsed(written, catalog, sync_mode="add")
    stored = f'"{KEY}":"add","user_id"'
    async with Store.open(tmp_path) as disk:
        store = ConfigStore(disk, load_key_ring(tmp_path, environ={}), catalog)
        await store.replace(_parsed(written, catalog), 0, actor="me")
        sql = "UPDATE config SET doc = replace(doc, ?, ?) WHERE kind = 'subscription'"
        await disk.write(lambda db: db.execute(sql, ('"user_id"', stored)))
        _, loaded = await store.load()
    assert diff_configs(loaded, new, catalog) == ()
    assert (loaded.subscriptions[ID].sync_mode, _mode(loaded, catalog)) == ("add", "add")


def test_a_mode_that_the_action_offers_no_more_holds_the_subscription(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """As after an update of the plugin: what it would do instead is not known."""
    saved = attrs.evolve(_parsed(written, catalog).subscriptions[ID], sync_mode="mirror")
    with pytest.raises(ConfigError, match=r"people\"\.sync_mode: 'mirror' is not .* upsert, add"):
        _compiled(saved, _parsed(written, catalog), catalog)


def test_a_preset_says_it_once() -> None:
    """Two that differ are refused where the preset is declared."""
    with pytest.raises(DefinitionError, match=r"Preset.sync_mode: is 'add', but .* 'upsert'"):
        Preset(name="a", action="b", sync_mode="add", mapping={KEY: "upsert"})


def _compiled(subscription: Subscription, config: Config, catalog: Catalog) -> Any:
    instance = config.instances["billing"]
    return compile_subscription(subscription, catalog["meter"], instance=instance)


def _mode(config: Config, catalog: Catalog) -> Any:
    return _compiled(config.subscriptions[ID], config, catalog).sync_mode
