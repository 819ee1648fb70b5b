from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offramp import _json
from offramp.config import (
    Config,
    HostSettings,
    Instance,
    Source,
    Subscription,
    diff_configs,
    export_config,
    parse_config,
    to_toml,
)
from offramp.plugins import Catalog

CASES = json.loads(Path(__file__).with_name("cases").joinpath("diff.json").read_text())

unhurried = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=8
).filter(lambda name: name == name.strip())
keys = names.filter(lambda name: not name.startswith("@"))
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
secrets = texts.filter(lambda text: not text.startswith("***"))
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
literals = st.builds(lambda value: {"@literal": value}, plain)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Any configuration that the catalog of these tests allows."""
    printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
    written = draw(st.dictionaries(names, printable, min_size=1, max_size=3))
    sources = {
        name: Source(
            name=name,
            write_key=draw(st.sampled_from([None, f"{index}{key}"])),
            write_keys={"old one": f"{index}-{key}"},
            enabled=draw(st.booleans()),
        )
        for index, (name, key) in enumerate(written.items())
    }
    instances = {
        name: Instance(
            name=name,
            source=draw(st.sampled_from(sorted(sources))),
            destination="meter",
            settings={"apiToken": draw(secrets), "retries": draw(st.integers(1, 10**20))},
            enabled=draw(st.booleans()),
            max_concurrency=draw(st.none() | st.integers(1, 99)),
            requests_per_second=draw(st.none() | st.floats(min_value=0.01, max_value=1e6)),
        )
        for name in draw(st.lists(names, unique=True, max_size=2))
    }
    subscriptions = [
        Subscription(
            id=draw(st.sampled_from([f"{instance}/{name}", f"id {instance} {name}"])),
            name=name,
            instance=instance,
            action="sendEvent",
            trigger=draw(st.sampled_from(["type = 'track'", "event = \"a\" or event = 'b'"])),
            mapping={"transaction_id": "t", "customer_id": draw(literals), "note": draw(literals)},
            enabled=draw(st.booleans()),
            preset=draw(st.sampled_from([None, "Usage"])),
        )
        for instance in instances
        for name in draw(st.lists(names, unique=True, max_size=2))
    ]
    return Config(
        sources=sources,
        instances=instances,
        subscriptions={each.id: each for each in subscriptions},
    )


@unhurried
@given(config=configs())
def test_toml_reads_back_as_the_same(config: Config, catalog: Catalog) -> None:
    """An exported file is the configuration: nothing is lost, nothing is changed."""
    text = to_toml(export_config(config, catalog, secrets=True))
    read = parse_config(tomllib.loads(text, parse_float=Decimal), catalog).config
    assert read == config
    assert diff_configs(config, read, catalog) == ()


@unhurried
@given(config=configs())
def test_json_reads_back_as_the_same(config: Config, catalog: Catalog) -> None:
    """The same holds of JSON."""
    text = _json.dumps(export_config(config, catalog, secrets=True))
    assert parse_config(_json.loads(text), catalog).config == config


@unhurried
@given(config=configs())
def test_a_masked_export_reads_back_beside_what_is_in_place(
    config: Config, catalog: Catalog
) -> None:
    """With the configuration in force at hand, masked secrets are no loss."""
    masked = export_config(config, catalog)
    assert parse_config(masked, catalog, current=config).config == config


def test_an_export_is_written_for_people(written: dict[str, Any], catalog: Catalog) -> None:
    """Tables have headers, fields of a mapping a line each; secrets are masked."""
    written["instances"]["billing"]["subscriptions"] = written["instances"]["billing"][
        "subscriptions"
    ][1:]
    written["host"] = {"port": 9000, "api_token": "a control token that is long"}
    loaded = parse_config(written, catalog)
    assert (
        to_toml(
            export_config(loaded.config, catalog, host=loaded.host, plugin_files=(Path("my.py"),))
        )
        == """\
plugin_files = ["my.py"]

[host]
port = 9000
api_token = "***long"

[sources.website]
write_key = "***"

[instances.billing]
destination = "meter"
source = "website"

[instances.billing.settings]
apiToken = "***cdef"
retries = 3

[[instances.billing.subscriptions]]
name = "Billing events"
action = "sendEvent"
trigger = 'type = "track" and event = "billing_event"'
defaults = false

[instances.billing.subscriptions.mapping]
transaction_id = { "@template" = "b-{{messageId}}" }
customer_id = { "@path" = "$.context.groupId" }
"""
    )


def test_the_host_reads_back_too(catalog: Catalog) -> None:
    """What the operator set for the host is exported, and its token only if asked for."""
    host = HostSettings(port=1, data_dir=Path("/d"), api_token="t" * 20, requests_per_second=1.5)
    text = to_toml(export_config(Config(), catalog, host=host, secrets=True))
    assert parse_config(tomllib.loads(text, parse_float=Decimal), catalog).host == host


def test_nothing_exports_as_nothing(catalog: Catalog) -> None:
    """An empty configuration is an empty document."""
    assert to_toml(export_config(Config(), catalog)).strip() == ""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_changes_are_told_key_by_key(
    case: dict[str, Any], written: dict[str, Any], catalog: Catalog
) -> None:
    """A diff names each thing and each key that differs, with both values, secrets masked."""
    before = parse_config(written, catalog).config
    for path, value in case["changes"].items():
        _set(written, path.split("."), value)
    after = parse_config(written, catalog).config
    changes = diff_configs(before, after, catalog)
    assert "\n".join(map(str, changes)).splitlines() == case["told"]


def _set(document: Any, path: list[str], value: Any) -> None:
    *parents, last = (int(key) if key.isdigit() else key for key in path)
    for key in parents:
        document = document[key]
    if value == "REMOVE":
        del document[last]
    elif isinstance(document, list) and last == len(document):
        document.append(value)
    else:
        document[last] = value
