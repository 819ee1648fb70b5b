from __future__ import annotations

import json
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.config.conftest import Plugin

from offramp.config import Config, check_config, follow_all, parse_config, read_trigger
from offramp.config.check import instance_warnings, source_warnings, subscription_warnings
from offramp.config.overlap import Bounds, may_overlap, overlapping
from offramp.config.same_keys import place_of
from offramp.errors import Fault, TriggerError
from offramp.fql import compile_trigger
from offramp.plugins import Catalog, load_catalog, load_plugins

OVERLAPS = json.loads(Path(__file__).with_name("cases").joinpath("overlap.json").read_text())


def overlap(one: str, other: str) -> bool:
    return may_overlap(read_trigger(one).bounds, read_trigger(other).bounds)


def warnings(config: Config, catalog: Catalog) -> list[tuple[str, str]]:
    report = check_config(config, catalog)
    assert report.ok
    return [(fault.place, fault.message) for fault in report.warnings]


@pytest.fixture
def clean(written: dict[str, Any], catalog: Catalog) -> Config:
    return parse_config(written, catalog).config


def subscribe(written: dict[str, Any], *subscriptions: dict[str, Any]) -> dict[str, Any]:
    written["instances"]["billing"]["subscriptions"] = list(subscriptions)
    return written


def test_nothing_is_told_of_a_good_configuration(clean: Config, catalog: Catalog) -> None:
    """No errors, no warnings: the two subscriptions send different idempotency keys."""
    assert warnings(clean, catalog) == []


def test_one_idempotency_key_twice_is_told(written: dict[str, Any], catalog: Catalog) -> None:
    """Where two subscriptions would send one event under one key, one of them would be lost."""
    second = {"preset": "Usage", "name": "Again", "trigger": 'type = "track" and event = "a"'}
    config = parse_config(subscribe(written, {"preset": "Usage"}, second), catalog).config
    ((place, message),) = warnings(config, catalog)
    assert place == "instances.billing.subscriptions[1]"
    assert "'Usage' matches too is sent twice with the same 'transaction_id'" in message


@pytest.mark.parametrize(
    "second",
    [
        {"trigger": 'type = "page"'},
        {"mapping": {"transaction_id": {"@path": "$.userId"}}},
        {"enabled": False},
    ],
)
def test_what_sets_two_subscriptions_apart_is_seen(
    second: dict[str, Any], written: dict[str, Any], catalog: Catalog
) -> None:
    """Triggers that exclude each other, another key, or being disabled: nothing is lost."""
    subscribe(written, {"preset": "Usage"}, {"preset": "Usage", "name": "Again", **second})
    answer = warnings(parse_config(written, catalog).config, catalog)
    assert not [message for _, message in answer if "sent twice" in message]


def test_what_brings_no_event_anywhere_is_told(written: dict[str, Any], catalog: Catalog) -> None:
    """Sources without instances, and everything that is disabled."""
    written["sources"] |= {
        "unused": {"write_key": "1"},
        "off": {"write_key": "2", "enabled": False},
    }
    billing = written["instances"]["billing"]
    written["instances"] |= {
        "off": {**billing, "enabled": False},
        "bare": {**billing, "subscriptions": []},
        "asleep": {**billing, "subscriptions": [{"preset": "Usage", "enabled": False}]},
        "half": {**billing, "subscriptions": [{"preset": "Usage"}]},
    }
    written["instances"]["half"]["subscriptions"].append(
        {"preset": "Usage", "name": "b", "enabled": False}
    )
    assert warnings(parse_config(written, catalog).config, catalog) == [
        ("sources.unused", "has no instances: its events are accepted and go nowhere"),
        ("sources.off", "is disabled: its events go nowhere"),
        ("instances.off", "is disabled: nothing is sent to it"),
        (
            "instances.bare",
            "needs an enabled subscription to send anything, and has none",
        ),
        (
            "instances.asleep",
            "needs an enabled subscription to send anything, and has only disabled ones",
        ),
        ("instances.half.subscriptions[1]", "is disabled"),
    ]


def test_more_subscriptions_than_segment_allows_are_told(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """They run here, but could not be moved there."""
    many = [
        {"preset": "Usage", "name": f"n{n}", "trigger": f'type = "track" and event = "{n}"'}
        for n in range(51)
    ]
    config = parse_config(subscribe(written, *many), catalog).config
    assert warnings(config, catalog) == [
        ("instances.billing", "has 51 subscriptions; Segment allows 50")
    ]


def test_a_trigger_that_segment_reads_otherwise_is_told(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """Single quotes, for one, mean nothing there."""
    config = parse_config(
        subscribe(written, {"preset": "Usage", "trigger": "type = 'track'"}), catalog
    ).config
    answer = warnings(config, catalog)
    assert answer
    assert all(place == "instances.billing.subscriptions[0].trigger" for place, _ in answer)
    assert "Segment" in answer[0][1]


def test_references_that_lead_nowhere_here_are_told(
    written: dict[str, Any], catalog: Catalog
) -> None:
    """With an environment given they are followed; without one they are not."""
    written["sources"]["website"]["write_key"] = "env:KEY"
    written["instances"]["billing"]["settings"]["apiToken"] = "env:TOKEN"
    config = parse_config(written, catalog).config
    assert check_config(config, catalog).warnings == ()
    report = check_config(config, catalog, references=follow_all({"KEY": "k"}))
    assert [str(fault) for fault in report.warnings] == [
        "@ instances.billing.settings.apiToken: the variable TOKEN is not set"
    ]


def test_errors_are_those_of_reading_it(clean: Config, catalog: Catalog) -> None:
    """A configuration from elsewhere is held to what a file is held to."""
    bad = attrs.evolve(clean.subscriptions["billing/Usage"], trigger="type =", action="nothing")
    config = attrs.evolve(clean, subscriptions={"billing/Usage": bad})
    report = check_config(config, catalog)
    assert not report.ok
    assert [fault.place for fault in report.errors] == [
        "instances.billing.subscriptions[0].action",
        "instances.billing.subscriptions[0].trigger, column 7",
    ]
    nowhere = load_catalog(load_plugins(installed=False))
    (fault,) = check_config(clean, nowhere).errors
    assert fault.place == "instances.billing.destination"


@pytest.mark.parametrize("case", OVERLAPS, ids=lambda case: f"{case['one']} / {case['other']}")
def test_triggers_that_exclude_each_other(case: dict[str, Any]) -> None:
    """Only triggers that cannot match one event are told apart, whichever comes first."""
    assert overlap(case["one"], case["other"]) is case["overlap"]
    assert overlap(case["other"], case["one"]) is case["overlap"]


VALUES = ("a", "b", "c")
conditions = st.one_of(
    st.builds(
        "{} {} '{}'".format,
        st.sampled_from(["type", "event", "properties.x"]),
        st.sampled_from(["=", "!="]),
        st.sampled_from(VALUES),
    ),
    st.builds("event in ['{}', '{}']".format, st.sampled_from(VALUES), st.sampled_from(VALUES)),
)
triggers = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=6,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(VALUES),
        "event": st.sampled_from(VALUES),
        "properties": st.fixed_dictionaries({"x": st.sampled_from([*VALUES, None, 1])}),
    },
)


@settings(deadline=None)
@given(one=triggers, other=triggers, event=events)
def test_no_event_matches_two_triggers_that_were_told_apart(
    one: str, other: str, event: dict[str, Any]
) -> None:
    """Whatever the triggers: an event that both match proves that they overlap."""
    if compile_trigger(one)(event) and compile_trigger(other)(event):
        assert overlap(one, other)


@settings(deadline=None)
@given(st.lists(triggers, max_size=8))
def test_what_overlaps_is_found_without_comparing_all(some: list[str]) -> None:
    """The index leaves out no pair, names none twice, and keeps their order."""
    bounds = [read_trigger(each).bounds for each in some]
    pairs = [(n, m) for n, m in combinations(range(len(some)), 2) if overlap(some[n], some[m])]
    assert list(overlapping(bounds)) == pairs


@settings(deadline=None)
@given(
    st.lists(st.tuples(triggers, st.booleans(), st.sampled_from("ab")), max_size=6),
    st.booleans(),
)
def test_warnings_of_one_thing_are_those_of_the_whole(
    some: list[tuple[str, bool, str]], enabled: bool
) -> None:
    """Asked of one source, instance or subscription: what the whole check tells of that one."""
    catalog = load_catalog(load_plugins(extra=[Plugin()], installed=False))
    instance = {"destination": "meter", "source": "website", "settings": {"apiToken": "t"}}
    subscriptions = [
        {"preset": "Usage", "name": f"n{n}", "trigger": trigger, "enabled": on, "mapping": mapping}
        for n, (trigger, on, key) in enumerate(some)
        for mapping in [{"transaction_id": key}]
    ]
    written = {
        "sources": {"website": {"write_key": "k"}, "unused": {"write_key": "u"}},
        "instances": {
            "one": {**instance, "subscriptions": subscriptions, "enabled": enabled},
            "two": {**instance, "subscriptions": subscriptions[:2]},
        },
    }
    config = parse_config(written, catalog).config
    whole = check_config(config, catalog).warnings

    def warnings_at(place: str) -> list[Fault]:
        return [each for each in whole if each.place == place or each.place.startswith(place + ".")]

    for name in config.sources:
        assert list(source_warnings(config, name)) == warnings_at(f"sources.{name}")
    for name in config.instances:
        assert list(instance_warnings(config, catalog, name)) == warnings_at(f"instances.{name}")
    for each in config.subscriptions.values():
        warned = list(subscription_warnings(config, catalog, each.id))
        assert warned == warnings_at(place_of(config, each))


#: What a full check may take, in seconds; comparing each two triggers anew took 35.
CHECK_SECONDS = 8.0


def test_a_check_of_many_subscriptions_is_quick(written: dict[str, Any], catalog: Catalog) -> None:
    """500 of one instance with one idempotency key: a quiet machine takes half a second."""
    many = [
        {"preset": "Usage", "name": f"n{n}", "trigger": f'type = "track" and event = "{n}"'}
        for n in range(500)
    ]
    config = parse_config(subscribe(written, *many), catalog).config
    compared = []

    def compare(a: Bounds, b: Bounds) -> bool:
        compared.append((a, b))
        return may_overlap(a, b)

    began = time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offramp.config.overlap.may_overlap", compare)
        assert len(warnings(config, catalog)) == 1
    assert time.process_time() - began < CHECK_SECONDS
    assert compared == []


def test_a_bad_trigger_is_an_error_here_too() -> None:
    """Overlap of what cannot be read is not guessed."""
    with pytest.raises(TriggerError):
        overlap("type =", "type = 'track'")
