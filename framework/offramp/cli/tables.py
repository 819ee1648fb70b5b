"""What a running host tells, as tables for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from offramp.cli.telling import clock, duration

_COUNTS = ("delivered", "filtered", "rejected", "expired")


def render_status(status: Mapping[str, Any]) -> RenderableType:
    """The host at a glance."""
    head = f"offramp {status['version']}, running since {clock(status['started_at'])}"
    counted = f"configuration at revision {status['rev']}; counted since {clock(status['since'])}"
    parts: list[RenderableType] = [head, Text(counted, "dim"), ""]
    parts += [_subscriptions(status["subscriptions"]), ""]
    if status["instances"]:
        parts += [_instances(status["instances"]), ""]
    if status["sources"]:
        parts += [_sources(status["sources"]), ""]
    parts += [_problem(problem) for problem in status["problems"]]
    parts += _sums(status["sums"])
    return Group(*parts)


def render_events(page: Mapping[str, Any]) -> RenderableType:
    """The latest events."""
    table = _table("received", "event", "message id", "source", "became")
    for row in page["rows"]:
        stages = [f"{d['subscription']} {d['stage']}" for d in row["deliveries"]]
        table.add_row(
            Text(clock(row["received_at"]), "dim"),
            Text(row["name"] or row["type"], "bold"),
            Text(row["message_id"]),
            Text(row["source"]),
            Text("\n".join(stages) or "no subscription"),
        )
    return table if table.row_count else Text("no events yet")


def _subscriptions(rows: Iterable[Mapping[str, Any]]) -> RenderableType:
    table = _table()
    table.add_column("subscription", overflow="fold", ratio=1)
    for name in ("waiting", "retrying", *_COUNTS, "p50", "p95", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        latency = row["latency"]
        table.add_row(
            Text(row["id"], "bold") + _state(row),
            *(_number(row[name]) for name in ("waiting", "retrying", *_COUNTS)),
            *(duration(float(latency[q])) if latency else "" for q in ("p50", "p95", "p99")),
        )
    return table if table.row_count else Text("no subscriptions yet")


def _state(row: Mapping[str, Any]) -> Text:
    if not row["configured"]:
        return Text(" (deleted)", "dim")
    if not row["enabled"]:
        return Text(" (disabled)", "dim")
    return Text("") if row["running"] else Text(" (does not run)", "red")


def _instances(rows: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("instance", "destination", "gate", "at once")
    for row in rows:
        gate = row["gate"]
        if gate is None:
            shown, limit = Text("does not run" if row["enabled"] else "disabled", "dim"), ""
        else:
            told = {"closed": "requests flow", "open": "breaker open", "half-open": "probing"}
            pause = f" for {duration(float(gate['pause']))}" if gate["pause"] else ""
            shown = Text(told[gate["state"]] + pause, "green" if not pause else "yellow")
            limit = str(gate["concurrency"])
        table.add_row(Text(row["name"], "bold"), row["destination"], shown, limit)
    return table


def _sources(rows: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("source", "state")
    for name in ("accepted", "duplicate", "refused"):
        table.add_column(name, justify="right")
    for row in rows:
        state = Text("takes events", "green") if row["enabled"] else Text("disabled", "dim")
        counts = (_number(row[name]) for name in ("accepted", "duplicate", "refused"))
        table.add_row(Text(row["name"], "bold"), state, *counts)
    return table


def _sums(sums: Mapping[str, Any]) -> list[RenderableType]:
    if sums["ok"]:
        return [Text("✓ the sums hold: accepted = ended + in flight, everywhere", "green")]
    return [Text(f"✗ {fault}", "red") for fault in sums["faults"]]


def _problem(problem: Mapping[str, str]) -> Text:
    return Text.assemble(("✗ ", "red"), (problem["place"], "bold"), f": {problem['message']}")


def _number(n: int) -> Text:
    return Text(f"{n:,}" if n else "·", "" if n else "dim")


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False)
