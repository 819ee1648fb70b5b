from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from offramp.config import Config, HostSettings, parse_config
from offramp.config.table import as_name, name_fault
from offramp.errors import ConfigError
from offramp.hooks import hookimpl
from offramp.plugins import Catalog, load_catalog, load_plugins

CASES = json.loads(Path(__file__).with_name("cases").joinpath("faults.json").read_text())
SECRETS = ("s3c", "***cdef")


def given(case: dict[str, Any]) -> dict[str, Any]:
    if "given" in case:
        document: dict[str, Any] = case["given"]
        return document
    subscriptions = case.get("subscriptions") or [case["subscription"]]
    return {
        "sources": {"web": {"write_key": "k"}},
        "instances": {
            "m": {
                "destination": "meter",
                "source": "web",
                "settings": {"apiToken": "t"},
                "subscriptions": subscriptions,
            }
        },
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_each_fault_is_told_with_its_place(case: dict[str, Any], catalog: Catalog) -> None:
    """Every fault that a document has is told, where it stands and in order, and no other."""
    with pytest.raises(ConfigError) as caught:
        parse_config(given(case), catalog)
    messages = [(fault.place, fault.message) for fault in caught.value.faults]
    assert [place for place, _ in messages] == [place for place, _ in case["faults"]]
    for (_, wanted), (_, message) in zip(case["faults"], messages, strict=True):
        assert wanted in message
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_a_preset_gives_name_action_trigger_and_mapping(config: Config) -> None:
    """A subscription from a preset has all of it, the action's defaults below its mapping."""
    made = config.subscriptions["billing/Usage"]
    assert (made.name, made.action, made.trigger) == ("Usage", "sendEvent", 'type = "track"')
    assert made.mapping == {
        "transaction_id": {"@path": "$.messageId"},
        "customer_id": {"@path": "$.context.groupId"},
        "properties": {"@path": "$.properties"},
    }
    assert (made.preset, made.enabled) == ("Usage", True)


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("Orders / refunds", "Orders - refunds"),
        (" a\tb ", "a-b"),
        ("x" * 200, "x" * 128),
        ("/", "-"),
    ],
)
def test_a_preset_may_have_a_name_that_a_subscription_cannot(preset: str, name: str) -> None:
    """A plugin calls its presets what it likes: the subscription gets the nearest valid name."""
    assert (as_name(preset), name_fault(as_name(preset))) == (name, None)


def test_a_subscription_of_such_a_preset_can_be_written_and_read_again(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """The name that it got is as good as one that a person gave it."""
    billing = written["instances"]["billing"]
    billing["subscriptions"] = [{"preset": "Paid / owed"}]
    [made] = parse_config(written, catalog).config.subscriptions.values()
    assert (made.id, made.name) == ("billing/Paid - owed", "Paid - owed")
    billing["subscriptions"] = [{"preset": "Paid / owed", "name": made.name}]
    assert [*parse_config(written, catalog).config.subscriptions] == [made.id]


def test_defaults_hold_where_the_mapping_says_nothing(config: Config) -> None:
    """What `mapping` names replaces the default, and the rest of the defaults stay."""
    assert config.subscriptions["billing/Billing events"].mapping == {
        "transaction_id": {"@template": "b-{{messageId}}"},
        "customer_id": {"@path": "$.context.groupId"},
    }


def test_each_part_of_a_preset_can_be_overridden(written: dict[str, Any], catalog: Catalog) -> None:
    """A preset is a starting point: name, trigger, mapping and id may all be given."""
    written["instances"]["billing"]["subscriptions"] = [
        {
            "id": "lane-1",
            "preset": "Usage",
            "name": "Mine",
            "trigger": "type = 'page'",
            "mapping": {"note": "hi"},
            "enabled": False,
        }
    ]
    (made,) = parse_config(written, catalog).config.subscriptions.values()
    assert (made.id, made.name, made.trigger) == ("lane-1", "Mine", "type = 'page'")
    assert made.mapping.keys() == {"transaction_id", "customer_id", "properties", "note"}
    assert not made.enabled


def test_without_defaults_only_the_mapping_counts(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """`defaults = false` leaves out the action's defaults and those of the preset."""
    mapping = {"transaction_id": "t", "customer_id": "c"}
    written["instances"]["billing"]["subscriptions"] = [
        {"preset": "Usage", "defaults": False, "mapping": mapping}
    ]
    (made,) = parse_config(written, catalog).config.subscriptions.values()
    assert made.mapping == mapping


def test_a_preset_of_another_action_lends_no_mapping(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """Where the action is overridden the preset's mapping, which has its own fields, stays out."""
    written["instances"]["billing"]["subscriptions"] = [
        {"preset": "Usage", "action": "savePerson", "mapping": {"user_id": "u"}}
    ]
    (made,) = parse_config(written, catalog).config.subscriptions.values()
    assert (made.action, made.mapping) == ("savePerson", {"user_id": "u"})


def test_settings_are_kept_as_written(config: Config) -> None:
    """Checks do not change settings: a later default of the destination still takes effect."""
    assert config.instances["billing"].settings == {
        "apiToken": "tok_0123456789abcdef",
        "retries": 3,
    }


def test_a_reference_passes_for_any_setting(written: dict[str, Any], catalog: Catalog) -> None:
    """What a reference leads to is not known yet, so no check of the value may refuse it."""
    settings = {"apiToken": "file:/run/secrets/t", "retries": "env:R", "region": "env:REGION"}
    written["instances"]["billing"]["settings"] = settings
    assert parse_config(written, catalog).config.instances["billing"].settings == settings


def test_numbers_stay_exact_and_null_says_nothing(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """Fractions become decimals as written, and a key with null counts as left out."""
    billing = written["instances"]["billing"]
    billing |= {"requests_per_second": 2.5, "max_concurrency": None}
    billing["settings"]["retries"] = None
    billing["subscriptions"][0]["mapping"] = {"note": 0.1, "properties": None}
    config = parse_config(written, catalog).config
    assert config.instances["billing"].requests_per_second == 2.5
    assert config.instances["billing"].max_concurrency is None
    assert "retries" not in config.instances["billing"].settings
    mapping = config.subscriptions["billing/Usage"].mapping
    assert mapping["note"] == Decimal("0.1")
    assert mapping["properties"] is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (dt.date(2026, 1, 1), "must be a string: put the date in quotes"),
        (float("inf"), "must be a finite number"),
        (object(), "is not JSON data but a object"),
    ],
)
def test_only_json_data_is_taken(
    value: object, message: str, written: dict[str, Any], catalog: Catalog
) -> None:
    """What JSON cannot hold is told where it stands."""
    written["instances"]["billing"]["subscriptions"][0]["mapping"] = {"note": [value]}
    with pytest.raises(ConfigError) as caught:
        parse_config(written, catalog)
    place = "instances.billing.subscriptions[0].mapping.note[0]"
    assert (place, message) in [(fault.place, fault.message) for fault in caught.value.faults]


def test_a_mapping_may_be_a_string_of_json(written: dict[str, Any], catalog: Catalog) -> None:
    """TOML has no null: a mapping that needs one is written as JSON."""
    written["instances"]["billing"]["subscriptions"][0]["mapping"] = '{"note": null}'
    config = parse_config(written, catalog).config
    assert config.subscriptions["billing/Usage"].mapping["note"] is None


def test_masked_secrets_stand_for_those_in_place(
    written: dict[str, Any], catalog: Catalog, config: Config
) -> None:
    """An exported file can be edited and applied without its secrets being known."""
    written["sources"]["website"]["write_key"] = "***"
    written["instances"]["billing"]["settings"]["apiToken"] = "***cdef"
    assert parse_config(written, catalog, current=config).config == config


def test_a_masked_secret_that_looks_otherwise_is_refused(
    written: dict[str, Any], catalog: Catalog, config: Config
) -> None:
    """The last characters must be those of the secret in place."""
    written["instances"]["billing"]["settings"]["apiToken"] = "***beef"
    with pytest.raises(ConfigError, match="another secret is in place"):
        parse_config(written, catalog, current=config)


def test_the_host_has_settings_of_its_own(catalog: Catalog) -> None:
    """`[host]` overrides the defaults, which bind to this machine alone."""
    loaded = parse_config({"host": {"port": 0, "data_dir": "/data", "api_token": "t"}}, catalog)
    assert loaded.host == HostSettings(port=0, data_dir=Path("/data"), api_token="t")
    assert (HostSettings().host, HostSettings().port) == ("127.0.0.1", 8585)


def test_an_unknown_destination_names_the_plugins_that_failed() -> None:
    """The destination may be missing because its plugin could not be used, so that is told."""

    class Broken:
        @hookimpl
        def offramp_destinations(self) -> list[Any]:
            raise RuntimeError("no such module")

    catalog = load_catalog(load_plugins(extra=[Broken()], installed=False))
    with pytest.raises(ConfigError, match=r"could not be used.*no such module"):
        parse_config({"instances": {"m": {"destination": "meter", "source": "web"}}}, catalog)
