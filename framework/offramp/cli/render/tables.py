"""Renders answers of a running host as tables."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.render.columns import FittingTable, indented, number
from offramp.cli.render.errors import render_error
from offramp.cli.render.event import clock, duration
from offramp.cli.render.explanation import short
from offramp.errors import counted

#: Characters that are shown of a payload that is completely new.
MAX_VALUE_CHARACTERS: Final = 400
#: Characters of a partner's answer shown for an instance that is held back; `--json` has all.
MAX_MESSAGE_CHARACTERS: Final = 400
#: Unknown paths that are shown; `--json` has more.
MAX_UNKNOWN_PATHS: Final = 5
_COUNTS: Final = ("delivered", "filtered", "rejected", "expired")
_QUANTILES: Final = ("p50", "p95", "p99")


def render_status(status: Mapping[str, Any]) -> RenderableType:
    """The state of the host, as tables."""
    head = f"offramp {status['version']}, running since {clock(status['started_at'])}"
    counted = (
        f"configuration at revision {status['revision']}; counted since {clock(status['since'])}"
    )
    parts: list[RenderableType] = [head, Text(counted, "dim"), ""]
    parts += [_subscriptions(status["subscriptions"]), ""]
    if status["instances"]:
        parts += [_instances(status["instances"]), *_held(status["instances"]), ""]
    if status["sources"]:
        parts += [_sources(status["sources"]), ""]
    parts += [*_catalog(status["catalog"]), *_unknown_paths(status["unknown_paths"])]
    names = Counter(
        [
            *(each["id"] for each in status["subscriptions"]),
            *(each["name"] for each in (*status["instances"], *status["sources"])),
        ]
    )
    parts += [_paused(paused, names) for paused in status["paused"]]
    # The sums have their own lines.
    parts += [_degraded(each) for each in status["degraded"] if each["kind"] != "sums"]
    parts += _sums(status["sums"])
    return Group(*parts)


def render_events(page: Mapping[str, Any], *, is_search: bool = False) -> RenderableType:
    """The latest events, or those that a search found."""
    table = FittingTable("received", "event", "message id", "source", "became", head="message id")
    for row in page["rows"]:
        stages = [f"{d['subscription']} {d['stage']}" for d in row["deliveries"]]
        table.add_row(
            Text(clock(row["received_at"]), "dim"),
            row["name"] or row["type"],
            row["message_id"],
            row["source"],
            "\n".join(stages) or "no subscription",
        )
    if not page["rows"]:
        return Text("no event meets these conditions" if is_search else "no events yet")
    more = "there are more: raise --limit" if page["cursor"] else ""
    return Group(table, Text(more, "dim")) if more else table


def _subscriptions(rows: Iterable[Mapping[str, Any]]) -> RenderableType:
    counts = ("waiting", "retrying", *_COUNTS)
    table = FittingTable("subscription", numbers=(*counts, *_QUANTILES))
    for row in rows:
        latency = row["latency"]
        table.add_row(
            Text(row["id"]) + _state(row),
            *(number(row[name]) for name in counts),
            *(duration(float(latency[q])) if latency else "" for q in _QUANTILES),
        )
    return table or Text("no subscriptions yet")


def _state(row: Mapping[str, Any]) -> Text:
    if not row["configured"]:
        return Text(" (deleted)", "dim")
    if not row["enabled"]:
        return Text(" (disabled)", "dim")
    if row["paused"]:
        return Text(" (paused)", "yellow")
    return Text("") if row["running"] else Text(" (does not run)", "red")


def _instances(rows: Iterable[Mapping[str, Any]]) -> FittingTable:
    table = FittingTable("instance", "destination", "state", "at once")
    for row in rows:
        limit = "" if row["concurrency"] is None else str(row["concurrency"])
        mark = Text(" (sandbox)", "yellow") if row["sandbox"] else Text("")
        table.add_row(row["name"], Text(row["destination"]) + mark, _flow(row), limit)
    return table


def _flow(row: Mapping[str, Any]) -> Text:
    breaker = row["circuit_breaker"]
    if breaker is None:
        return Text("does not run" if row["enabled"] else "disabled", "dim")
    if row["paused"]:
        return Text("paused", "yellow")
    if breaker["reason"] is None:
        return Text("requests flow", "green")
    until = f" until {clock(breaker['until'])}" if breaker["until"] else ", probing"
    return Text(f"held: {breaker['reason'].replace('_', ' ')}{until}", "yellow")


def _held(rows: Iterable[Mapping[str, Any]]) -> Iterator[RenderableType]:
    for row in rows:
        breaker = row["circuit_breaker"]
        if breaker is not None and breaker["reason"] is not None:
            yield Text(f"{row['name']} is held back: {breaker['remedy']}", "yellow")
            if breaker["message"]:
                message = Text(short(breaker["message"], MAX_MESSAGE_CHARACTERS), "dim")
                yield indented(message)


def _sources(rows: Iterable[Mapping[str, Any]]) -> FittingTable:
    counts = ("accepted", "duplicate", "refused")
    table = FittingTable("source", "state", numbers=counts)
    for row in rows:
        table.add_row(row["name"], _taking(row), *(number(row[name]) for name in counts))
    return table


def _unknown_paths(rows: Sequence[Mapping[str, Any]]) -> Iterator[RenderableType]:
    if not rows:
        return
    table = FittingTable("unknown path", "last", "nearest endpoint", numbers=("requests",))
    for row in sorted(rows, key=lambda row: -row["requests"])[:MAX_UNKNOWN_PATHS]:
        name = f"{row['method']} {row['path']}"
        table.add_row(name, clock(row["last_at"]), row["nearest"], number(row["requests"]))
    yield from (Text("senders use paths that no endpoint has: events are lost", "yellow"), table)
    more = len(rows) - MAX_UNKNOWN_PATHS
    yield Text(f"and {more} other paths; `--json` lists them" if more > 0 else "", "dim")


def _catalog(catalog: Mapping[str, Any]) -> Iterator[RenderableType]:
    """What is worth a line: destinations in place of a fallback, lazy ones, and those left out."""
    for row in catalog["destinations"]:
        if row["reason"] is not None:
            yield Text(f"the destination {row['slug']} is not offered: {row['reason']}", "red")
        elif row["fallbacks"]:
            others = ", ".join(row["fallbacks"])
            message = f"is that of the plugin {row['plugin']}; the fallback of {others} makes way"
            yield Text(f"the destination {row['slug']} {message}", "dim")
    if catalog["listed"]:
        waiting = counted(catalog["listed"], "destination is", "destinations are")
        built = f"{catalog['built']:,} of the catalog built so far"
        yield Text(f"{waiting} built when somebody asks for one; {built}", "dim")


def _taking(row: Mapping[str, Any]) -> Text:
    if row["enabled"]:
        return Text("takes events", "green")
    until = row["kept_until"]
    if until is None or datetime.fromisoformat(until) <= datetime.now(UTC):
        return Text("disabled, refuses events", "dim")
    return Text(f"disabled, filters events until {clock(until)}", "dim")


def render_tokens(rows: Iterable[Mapping[str, Any]]) -> RenderableType:
    """Tokens of the control API: where each comes from, and when it was last used."""
    table = FittingTable("label", "from", "last used")
    for row in rows:
        table.add_row(row["label"], row["origin"], _last_used(row))
    return table


def _last_used(row: Mapping[str, Any]) -> Text:
    at = row["last_used_at"]
    return Text(clock(at)) if at else Text("not since the host started", "dim")


def render_keys(rows: Iterable[Mapping[str, Any]]) -> RenderableType:
    """Write keys, masked, and when each was last used since the host started."""
    table = FittingTable("label", "key", "last used")
    for row in rows:
        table.add_row(row["label"], row["key"], _last_used(row))
    return table


def render_audiences(rows: Iterable[Mapping[str, Any]]) -> RenderableType:
    """The audiences of an instance, and what to do about those that the partner lacks."""
    rows = list(rows)
    table = FittingTable("key", "name", "state", "external id")
    for row in rows:
        state = row["state"].replace("_", " ")
        table.add_row(row["key"], row["name"], state, row["external_id"] or "")
    remedies = [Text(f"{row['key']}: {row['remedy']}", "yellow") for row in rows if row["remedy"]]
    return Group(table, *remedies)


def _sums(sums: Mapping[str, Any]) -> list[RenderableType]:
    if sums["ok"]:
        return [Text("✓ the sums hold: accepted = ended + in flight, everywhere", "green")]
    return [Text(f"✗ {fault}", "red") for fault in sums["faults"]]


def _paused(paused: Mapping[str, Any], names: Counter[str]) -> Text:
    waiting = counted(paused["waiting"], "delivery waits", "deliveries wait")
    kind = f" --kind {paused['kind']}" if names[paused["id"]] > 1 else ""
    return Text(
        f"{paused['kind']} {paused['id']} is paused since {clock(paused['since'])}: {waiting}; "
        f"`offramp resume {shlex.quote(paused['id'])}{kind}` lets it go on",
        "yellow",
    )


def _degraded(found: Mapping[str, str]) -> Text:
    return Text.assemble(("✗ ", "red"), (found["pointer"], "bold"), f": {found['detail']}")


def render_dead_letters(
    page: Mapping[str, Any], groups: Iterable[Mapping[str, Any]]
) -> RenderableType:
    """Render dead letters, and their number for each reason."""
    reasons = FittingTable("subscription", "stage", "reason", numbers=("deliveries",))
    for group in groups:
        if group["stage"] != "retrying":
            row = (group["subscription"], group["stage"], group["reason"])
            reasons.add_row(*row, number(group["n"]))
    if not page["rows"]:
        return Text("no dead letters", "green")
    table = FittingTable("id", "ended", "message id", "reason", "message", prose="message")
    for row in page["rows"]:
        table.add_row(
            row["id"],
            Text(clock(row["updated_at"]), "dim"),
            row["message_id"],
            row["reason"],
            row["message"],
        )
    more = "there are more: raise --limit" if page["cursor"] else ""
    return Group(reasons, "", table, Text(more, "dim"))


def render_preview(preview: Mapping[str, Any]) -> RenderableType:
    """Render what a replay would send, delivery by delivery."""
    parts: list[RenderableType] = []
    for row in preview["rows"]:
        delivery = row["delivery"]
        head = Text.assemble((delivery["id"], "bold"), f"  {delivery['message_id']}  ")
        parts += [head.append(delivery["subscription"], "dim"), *_previewed(row), ""]
    if not parts:
        return Text("nothing to replay: no dead letter matches")
    more = "there are more" if preview["cursor"] else ""
    return Group(*parts, Text(f"nothing was sent {more and f'; {more}'}".strip(), "dim"))


#: Why a replay leaves something out: reason -> text.
_LEFT_OUT: Final = {
    "NO_MATCHING_MAPPING": "the trigger, as it is now, does not match either",
    "FILTERED_BY_INTEGRATIONS_OBJECT": "the sender switched this destination off",
    "IDEMPOTENCY_WINDOW_OVER": "the partner may not recognize a repeat of so old an event",
    "HAS_DELIVERY": "the subscription has a delivery of it already",
    "DAMAGED": "it is damaged on disk",
    "EVENT_NOT_KEPT": "its JSON is no longer kept",
    "SUBSCRIPTION_GONE": "its subscription is deleted: replay it into another, with --into",
    "SUBSCRIPTION_DISABLED": "its subscription is disabled: enable it first",
    "INSTANCE_DISABLED": "the instance is disabled: enable it first",
    "SOURCE_DISABLED": "the source is disabled: enable it first",
}


def render_left_out(skipped: Mapping[str, int]) -> RenderableType:
    """How many deliveries or events a replay leaves out, by reason."""
    table = FittingTable("left out", "why", numbers=("number",), prose="why")
    for reason, n in sorted(skipped.items(), key=lambda each: -each[1]):
        table.add_row(reason, _LEFT_OUT.get(reason, ""), number(n))
    return table


def render_filtered(rows: Sequence[Mapping[str, Any]], replay: Mapping[str, Any]) -> RenderableType:
    """What a replay of filtered events would send: some events, how many, what is left out."""
    parts: list[RenderableType] = []
    for row in rows:
        parts += [Text.assemble((row["delivery"]["message_id"], "bold")), *_previewed(row), ""]
    total = counted(replay["total"], "event")
    looked = f"of {counted(replay['scanned'], 'event')} looked at"
    if len(rows) < replay["total"]:
        looked += f"; the latest {len(rows)} are shown"
    parts.append(Text(f"{total} would be sent, {looked}"))
    if replay["skipped"]:
        parts += ["", render_left_out(replay["skipped"])]
    return Group(*parts)


def _previewed(row: Mapping[str, Any]) -> Iterator[RenderableType]:
    yield from (indented(render_error(error)) for error in row["errors"])
    if row["after"] is None:
        return
    if row["before"] is None:
        yield Text(f"  + {short(row['after'], MAX_VALUE_CHARACTERS)}", "green")
    for change in row["changes"] if row["before"] is not None else ():
        if "before" in change:
            yield Text(f"  - {change['place']}: {short(change['before'])}", "red")
        if "after" in change:
            yield Text(f"  + {change['place']}: {short(change['after'])}", "green")
    if row["before"] is not None and not row["changes"]:
        yield Text("  the same as before", "dim")


def render_audit_log(page: Mapping[str, Any]) -> RenderableType:
    """Changes of the configuration, latest first."""
    table = FittingTable(
        "revision", "when", "actor", "what", "details", head="what", prose="details"
    )
    for row in page["rows"]:
        table.add_row(
            str(row["revision"]),
            Text(clock(row["at"]), "dim"),
            row["actor"] + (f" ({row['token']})" if row["token"] else ""),
            f"{row['what']} {row['kind']} {row['id']}",
            "\n".join(_differing(row)),
        )
    return table or Text("no changes yet")


def _differing(row: Mapping[str, Any]) -> Iterator[str]:
    if row["before"] is None or row["after"] is None:
        return
    before, after = _flat(row["before"]), _flat(row["after"])
    for place in {**before, **after}:
        if before.get(place) != after.get(place):
            yield f"{place}: {short(before.get(place))} → {short(after.get(place))}"


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten settings and mappings to entries, so that only entries that differ are shown."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        flat |= {f"{key}.{name}".rstrip("."): item for name, item in inner}
    return flat
