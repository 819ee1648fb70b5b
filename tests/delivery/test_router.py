"""Which subscriptions want an event, and the reason told to those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from offramp.delivery.router import BROKEN, NO_MATCH, SWITCHED_OFF, Lane, make_router
from offramp.fql import compile_trigger


def lane(name: str, trigger: str | None) -> Lane:
    matches = None if trigger is None else compile_trigger(trigger).matches
    return Lane(id=name, matches=matches, names=("metering", "Metering (Actions)"))


ROUTER = make_router(
    [
        ("site", lane("tracks", 'type = "track"')),
        ("site", lane("pages", 'type = "page"')),
        ("site", lane("broken", None)),
        ("shop", lane("shop", 'type = "track"')),
    ],
    {"key-of-site": "site", "key-of-shop": "shop"},
)


def test_each_subscription_of_the_source_is_asked() -> None:
    """An event goes where the trigger matches; the others get a reason; other sources nothing."""
    routed = ROUTER.route("site", {"type": "track"})
    assert routed.lanes == ("tracks",)
    assert routed.filtered == {NO_MATCH: ["pages"], BROKEN: ["broken"]}


@pytest.mark.parametrize(
    ("integrations", "sent"),
    [
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"All": False, "Metering (Actions)": True}, True),
        ({"All": False, "metering": {"option": 1}}, True),
        ({"Metering (Actions)": False}, False),
        ({"metering": False, "All": True}, False),
        ({"metering (actions)": False}, True),
        ("nonsense", True),
        ({"All": None}, True),
    ],
)
def test_the_integrations_object_switches_destinations_off(integrations: Any, sent: bool) -> None:
    """`All` and the destination's name decide as at Segment: case matters, the name goes first."""
    routed = ROUTER.route("site", {"type": "track", "integrations": integrations})
    assert routed.lanes == (("tracks",) if sent else ())
    assert sent or "tracks" in routed.filtered[SWITCHED_OFF]


@pytest.mark.parametrize(
    ("key", "source"),
    [("key-of-site", "site"), ("key-of-shop", "shop"), ("", None), ("other", None), ("ключ", None)],
)
def test_a_write_key_names_its_source(key: str, source: str | None) -> None:
    """Every key finds its own source, and any other text finds none."""
    assert ROUTER.source_of(key) == source
