"""How events share requests: by the action, Segment's fields in it, and the operator's `batch`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest

from offramp import Action, Batch, Destination, Request, setting
from offramp.config import (
    Config,
    batch_limits,
    batch_of,
    diff_configs,
    export_config,
    parse_config,
    to_toml,
)
from offramp.definition import fields_from_manifest
from offramp.errors import ConfigError
from offramp.hooks import hookimpl
from offramp.plugins import Catalog, load_catalog, load_plugins

#: The fields as Segment's public metadata has them.
STEERING = fields_from_manifest({
    "list_id": {"label": "List", "type": "string"},
    "region": {"label": "Region", "type": "string"},
    "enable_batching": {"label": "Batch", "type": "boolean", "default": True},
    "batch_size": {"label": "Size", "type": "number", "default": 5_000, "maximum": 10_000},
    "batch_bytes": {"label": "Bytes", "type": "number", "default": 2_000_000},
    "batch_keys": {"label": "Keys", "type": "string", "multiple": True, "default": ["list_id"]},
})  # fmt: skip
BARE = {key: STEERING[key] for key in ("list_id", "region")}
LINGER = Batch().linger


@attrs.frozen
class Settings:
    token: str = setting(type="password", label="Token")


class Steered(Action[Settings, dict[str, Any]]):
    """As Segment's actions are: only its fields say how it is batched."""

    slug, title, fields = "steered", "Steered", STEERING

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[dict[str, Any]]
    ) -> None:
        """Do nothing: no test here sends."""


class Bounded(Steered):
    """It has the fields, and limits of its own."""

    slug, title = "bounded", "Bounded"
    batch = Batch(max_events=100, max_bytes=10_000, keys=("region",))


class Plain(Steered):
    """It has neither."""

    slug, title = "plain", "Plain"
    fields = BARE


class Single(Action[Settings, dict[str, Any]]):
    """It sends one event at a time, although it has a field of that name."""

    slug, title, fields = "single", "Single", STEERING

    async def perform(self, request: Request[Settings], payload: dict[str, Any]) -> None:
        """Do nothing: no test here sends."""


class Plugin:
    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        actions = (Steered, Bounded, Plain, Single)
        return [Destination(slug="lists", name="Lists", settings=Settings, actions=actions)]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(load_plugins(extra=[Plugin()], installed=False))


def batch(events: int, size: int, *keys: str, linger: timedelta = LINGER) -> Batch:
    return Batch(max_events=events, max_bytes=size, keys=keys, linger=linger)


@pytest.mark.parametrize(
    ("action", "mapping", "written", "wanted"),
    [
        ("plain", {}, {}, batch(1_000, 4_000_000)),
        ("plain", {}, {"max_events": 50, "keys": ["list_id"]}, batch(50, 4_000_000, "list_id")),
        ("plain", {}, {"linger": 2}, batch(1_000, 4_000_000, linger=timedelta(seconds=2))),
        ("plain", {}, {"enabled": False}, None),
        ("plain", {"batch_size": 5}, {}, batch(1_000, 4_000_000)),  # not a field of it
        ("steered", None, {}, batch(5_000, 2_000_000, "list_id")),
        ("steered", {"enable_batching": True}, {}, batch(1_000, 4_000_000)),
        ("steered", {"enable_batching": False}, {}, None),
        ("steered", {"enable_batching": "true"}, {}, batch(1_000, 4_000_000)),
        ("steered", {"enable_batching": True}, {"max_events": 9_000}, batch(9_000, 4_000_000)),
        ("steered", {}, {}, None),  # Segment batches where the field is true
        ("steered", None, {"max_events": 20}, batch(20, 2_000_000, "list_id")),
        ("steered", None, {"max_events": 9_000}, batch(5_000, 2_000_000, "list_id")),
        ("steered", None, {"keys": ["region"]}, batch(5_000, 2_000_000, "list_id", "region")),
        ("bounded", None, {}, batch(100, 10_000, "region", "list_id")),
        ("bounded", None, {"max_bytes": 99}, batch(100, 99, "region", "list_id")),
        ("bounded", {"enable_batching": True, "batch_size": "7"}, {}, batch(7, 10_000, "region")),
        # What a new version of the plugin no longer allows.
        ("bounded", None, {"max_events": 500}, batch(100, 10_000, "region", "list_id")),
        ("single", None, {}, None),
    ],
)  # fmt: skip
def test_the_narrowest_limit_holds_and_keys_are_added(
    catalog: Catalog,
    action: str,
    mapping: Mapping[str, Any] | None,
    written: Mapping[str, Any],
    wanted: Batch | None,
) -> None:
    """Action, fields and option each narrow; `None` as the mapping is the action's defaults."""
    offered = catalog["lists"].action(action)
    given = offered.default_mapping if mapping is None else mapping
    assert batch_of(offered, given, written) == wanted


@pytest.mark.parametrize(
    ("action", "limits"),
    [
        ("plain", batch(1_000, 4_000_000)),
        ("steered", batch(10_000, 4_000_000)),  # the field's maximum
        ("bounded", Bounded.batch),
        ("single", None),
    ],
)
def test_an_action_without_limits_has_those_of_its_fields(
    catalog: Catalog, action: str, limits: Batch | None
) -> None:
    """What an operator may ask for: as the action declares it, or its fields, or as usual."""
    assert batch_limits(catalog["lists"].action(action)) == limits


def document(action: str, written: Any, mapping: Mapping[str, Any] | None = None) -> dict[str, Any]:
    subscription = {"name": "s", "action": action, "trigger": 'type = "track"', "batch": written}
    return {
        "sources": {"web": {"write_key": "k"}},
        "instances": {
            "i": {
                "destination": "lists",
                "source": "web",
                "settings": {"token": "t"},
                "subscriptions": [subscription | {"mapping": mapping or {}}],
            }
        },
    }


@pytest.mark.parametrize(
    ("action", "written", "mapping", "faults"),
    [
        (
            "bounded",
            {"max_events": 101, "max_bytes": "1 MiB", "keys": ["regoin"]},
            {},
            {
                "batch.max_events": "must be at most 100, the limit of bounded",
                "batch.max_bytes": "must be at most 10000, the limit of bounded",
                "batch.keys[0]": "'regoin' is not a field of bounded; did you mean 'region'?",
            },
        ),
        ("plain", {"linger": "2m"}, {}, {"batch.linger": "must be at most 60 seconds"}),
        ("plain", {"max_events": 0}, {}, {"batch.max_events": "must be at least 1"}),
        ("plain", {"size": 3}, {}, {"batch.size": "is unknown"}),
        ("plain", 3, {}, {"batch": "must be a table"}),
        ("single", {"max_events": 3}, {}, {"batch": "single sends each event alone"}),
        (
            "steered",
            {},
            {"batch_size": {"@path": "$.properties.size"}},
            {"mapping.batch_size": "must be a constant"},
        ),
    ],
)
def test_what_an_action_does_not_allow_is_a_fault_with_its_place(
    catalog: Catalog,
    action: str,
    written: Any,
    mapping: Mapping[str, Any],
    faults: Mapping[str, str],
) -> None:
    """Each fault stands where it is written, and names the limit that it is beyond."""
    with pytest.raises(ConfigError) as caught:
        parse_config(document(action, written, mapping), catalog)
    found = {fault.place: fault.message for fault in caught.value.faults}
    assert found.keys() == {f"instances.i.subscriptions[0].{place}" for place in faults}
    for message, wanted in zip(found.values(), faults.values(), strict=True):
        assert wanted in message


def test_it_is_exported_and_compared_key_by_key(catalog: Catalog) -> None:
    """What is written as text comes back as numbers, the same after an export; a diff names it."""

    def read(written: Mapping[str, Any]) -> Config:
        return parse_config(document("plain", written), catalog).config

    config = read({"max_events": 50, "max_bytes": "2 KiB", "linger": "1.5s", "keys": ["region"]})
    offered, subscription = catalog["lists"].action("plain"), config.subscriptions["i/s"]
    assert batch_of(offered, {}, subscription.batch) == batch(
        50, 2_048, "region", linger=timedelta(seconds=1.5)
    )
    exported = to_toml(export_config(config, catalog))
    [table] = tomllib.loads(exported)["instances"]["i"]["subscriptions"]
    assert table["batch"] == {
        "max_events": 50, "max_bytes": 2048, "linger": 1.5, "keys": ["region"]
    }  # fmt: skip
    again = parse_config(document("plain", table["batch"]), catalog).config
    assert not diff_configs(config, again, catalog)
    [change] = diff_configs(config, read({"max_events": 20, "linger": 1.5}), catalog)
    assert {detail.place for detail in change.details} == {
        "batch.max_events", "batch.max_bytes", "batch.keys"
    }  # fmt: skip
