"""A preset may lack a trigger: its subscription stays disabled until somebody writes one."""

from __future__ import annotations

from typing import Any

import pytest

from offramp import Destination, hookimpl
from offramp.config import (
    Config,
    check_config,
    diff_configs,
    export_config,
    parse_config,
)
from offramp.errors import ConfigError, Fault
from offramp.plugins import Catalog, load_catalog, load_plugins


class Broken:
    """What is left of the plugin: it cannot say what it declares."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        """Fail."""
        raise RuntimeError("broken")


PRESET = {"preset": "Anything", "enabled": False}


def _parsed(written: dict[str, Any], catalog: Catalog, *tables: dict[str, Any]) -> Config:
    written["instances"]["billing"]["subscriptions"] = [*tables]
    return parse_config(written, catalog).config


def test_a_disabled_subscription_may_lack_a_trigger(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """It is read from a preset without one, exported without one, and read back as the same."""
    config = _parsed(written, catalog, PRESET, {"preset": "Usage"})
    made = config.subscriptions["billing/Anything"]
    assert (made.trigger, made.enabled) == (None, False)
    document = export_config(config, catalog, secrets=True)
    table, _ = document["instances"]["billing"]["subscriptions"]
    assert "trigger" not in table
    assert parse_config(document, catalog).config == config
    report = check_config(config, catalog)
    assert report.ok
    [warning] = [each for each in report.warnings if "subscriptions" in each.place]
    assert warning.message == "is disabled, and has no trigger yet"


@pytest.mark.parametrize(
    ("table", "remedy"),
    [
        ({"preset": "Anything"}, "or leave the subscription disabled: the preset 'Anything' has"),
        ({"name": "a", "action": "sendEvent"}, "or take a preset with `preset`"),
    ],
    ids=["of a preset", "without a preset"],
)
def test_an_enabled_subscription_needs_a_trigger(
    written: dict[str, Any], catalog: Catalog, table: dict[str, Any], remedy: str
) -> None:
    """The fault names the place, and says what to write."""
    with pytest.raises(ConfigError) as caught:
        _parsed(written, catalog, table)
    [fault] = caught.value.faults
    assert fault.place == "instances.billing.subscriptions[0].trigger"
    assert fault.message.startswith('is missing: say which events, for example type = "track"')
    assert remedy in fault.message


def test_a_trigger_that_is_written_counts(written: dict[str, Any], catalog: Catalog) -> None:
    """With it, the subscription can be enabled; the difference shows it as new."""
    before = _parsed(written, catalog, PRESET)
    after = _parsed(written, catalog, {"preset": "Anything", "trigger": 'type = "page"'})
    assert after.subscriptions["billing/Anything"].trigger == 'type = "page"'
    [change] = diff_configs(before, after, catalog)
    assert r'trigger: (nothing) -> "type = \"page\""' in str(change)


def test_it_may_lack_one_while_its_plugin_is_left_out(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """What was exported starts again, and an enabled subscription without one is a fault."""
    document = export_config(_parsed(written, catalog, PRESET), catalog, secrets=True)
    [table] = document["instances"]["billing"]["subscriptions"]
    absent = load_catalog(load_plugins(extra=[Broken()], installed=False))
    loaded = parse_config(document, absent, keep_unread=True)
    assert loaded.config.subscriptions["billing/Anything"].trigger is None
    table["enabled"] = True
    with pytest.raises(ConfigError) as caught:
        parse_config(document, absent, keep_unread=True)
    message = "is missing: while the destination's plugin is left out, write it"
    place = "instances.billing.subscriptions[0].trigger"
    assert caught.value.faults == (Fault(place, message),)
