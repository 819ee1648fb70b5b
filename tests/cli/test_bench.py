"""`bench` tells what subscriptions cost, on the events of the operator."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Offramp, ndjson, usage


def test_each_subscription_is_told_with_its_steps(offramp: Offramp, config: Path) -> None:
    """One line for each enabled subscription: what matched, what was rejected, each step's cost."""
    bad = {**usage("evt-3"), "properties": {}}
    result = offramp(
        "bench", "--config", config, "--json", stdin=ndjson(usage("evt-1"), usage("evt-2"), bad)
    )
    assert result.status == 0, result.err
    [answer] = result.lines
    assert answer["events"] == 3
    assert answer["matched"] >= 2
    assert answer["rejected"] == answer["matched"] - 2
    assert list(answer["steps"]) == ["match", "map", "make"]
    assert all(cost > 0 for cost in answer["steps"].values())
    assert answer["events_per_second"] > 0


def test_the_table_names_the_subscription(offramp: Offramp, config: Path) -> None:
    """For a person there is a table, the most expensive subscription first."""
    result = offramp("bench", "--config", config, stdin=ndjson(usage("evt-1")))
    assert result.status == 0, result.err
    assert "events/s" in result.out
    assert "1/1" in result.out


def test_no_events_are_told_as_such(offramp: Offramp, config: Path) -> None:
    """Without events there is nothing to measure, and the message says how to give some."""
    result = offramp("bench", "--config", config, stdin="")
    assert result.status == 2
    assert "offramp bench < FILE" in " ".join(result.err.split())
