"""For who has a customer and a day, and no message id: events by conditions."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.api.conftest import SUBSCRIPTION, Running
from tests.delivery.parts import event

from offramp.api import events
from offramp.api.triggers import BodyCondition
from offramp.queue.sqlite import scan


async def search(host: Running, **query: Any) -> list[str]:
    """The message ids of all pages, latest first."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await host.get(f"/api/events?{urlencode(query | cursor)}")
        found += [row["message_id"] for row in page["rows"]]
        if page["cursor"] is None:
            return found
        cursor = {"cursor": page["cursor"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["secret", "bad-1", "b", "a"]),
        ({"where": "properties.kind = 'x'"}, ["bad-1", "a"]),
        ({"where": "userId = 'nobody'"}, []),
        ({"where": 'contains(messageId, "a")', "outcome": "rejected"}, ["bad-1"]),
        ({"subscription": SUBSCRIPTION}, ["secret", "bad-1", "b", "a"]),
        ({"subscription": SUBSCRIPTION, "outcome": "delivered"}, ["b", "a"]),
        ({"subscription": SUBSCRIPTION, "outcome": "filtered"}, ["secret"]),
        ({"outcome": "delivered", "where": "properties.kind = 'y'"}, ["b"]),
        ({"reason": "422"}, ["bad-1"]),
        ({"reason": "NO_MATCHING_MAPPING"}, ["secret"]),
        ({"outcome": "rejected", "reason": "500"}, []),
        ({"source": "site", "outcome": "rejected"}, ["bad-1"]),
        ({"source": "other"}, []),
        ({"since": "2000-01-01"}, ["secret", "bad-1", "b", "a"]),
        ({"until": "2000-01-01"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 50])
async def test_events_are_found_by_conditions(
    host: Running, query: dict[str, Any], found: list[str], limit: int
) -> None:
    """All that are given must hold, page by page."""
    await host.send("a", kind="x")
    await host.send("b", kind="y")
    await host.send("bad-1", kind="x")
    await host.context.engine.accept("site", [{**event("secret"), "event": "Secret"}])
    assert await search(host, **query, limit=limit) == found


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"where": "type = "}, "column 8: the trigger ends where a value should follow"),
        ({"where": ""}, "column 1: the trigger is empty"),
        ({"subscription": "small/ona"}, "did you mean 'small/one'?"),
        ({"outcome": "lost"}, "'lost' is unknown; use waiting"),
        ({"since": "yesterday"}, "must be a time"),
    ],
)
async def test_a_search_that_cannot_be_read_is_refused(
    host: Running, query: dict[str, str], detail: str
) -> None:
    """The parameter is named, a fault of FQL with its column."""
    heard = await host.ask("GET", f"/api/events?{urlencode(query)}")
    assert heard.status == 422
    [error] = heard.data["errors"]
    assert error["parameter"] == next(iter(query))
    assert detail in error["detail"]


async def test_one_request_looks_through_a_bounded_number_of_events(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how far it came, for the progress, and where to go on."""
    monkeypatch.setattr(scan, "SCAN", 30)
    for number in range(12):
        await host.send(f"m{number}", kind="x" if number == 0 else "y")
    page = await host.get("/api/events?where=properties.kind%3D'x'")
    assert page["rows"] == []
    assert 0 < page["scanned"] < 12
    assert page["cursor"] is not None
    assert page["reached_at"].startswith("20")
    assert (page["damaged"], page["without_body"]) == (0, 0)
    assert await search(host, where="properties.kind = 'x'") == ["m0"]


async def test_conditions_are_evaluated_in_another_thread(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search must not keep the event loop, which accepts and delivers."""
    threads = set()

    def condition(_: str) -> BodyCondition:
        def where(_: bytes) -> bool:
            threads.add(threading.get_ident())
            return True

        return where

    monkeypatch.setattr(events, "body_condition", condition)
    await host.send("a", "b")
    assert await search(host, where="any") == ["b", "a"]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
