"""Renders one event: its deliveries, their reasons, and what to do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.render.columns import grid, indented
from offramp.cli.render.explanation import (
    exchanges_of,
    left_out,
    render_conditions,
    render_event,
    short,
    status_of,
)
from offramp.queue import UNKNOWN_ANSWER, Reason

#: Characters of a body that are shown; `--json` has all.
MAX_BODY_CHARACTERS: Final = 400
#: Characters of a time up to its minutes.
MINUTES: Final = len("2026-11-29 12:00")
_MARKS: Final = {
    "delivered": ("✓", "bold green"),
    "filtered": ("·", "bold yellow"),
    "waiting": ("…", "bold cyan"),
    "retrying": ("↻", "bold cyan"),
    "rejected": ("✗", "bold red"),
    "expired": ("✗", "bold red"),
}


def render_event_record(record: Mapping[str, Any]) -> RenderableType:
    """Render one event of the control API."""
    event = record["event"]
    shown = event or {
        "type": record["type"],
        "event": record["name"],
        "messageId": record["message_id"],
    }
    came = f"came from {record['source']} at {clock(record['received_at'])}"
    parts: list[RenderableType] = [render_event(shown), Text(came, "dim")]
    if event is None:
        parts.append(Text("the event itself is no longer kept, or is damaged on disk", "dim"))
    if not record["deliveries"]:
        parts.append(Text("the source had no subscription"))
    parts += [_delivery(delivery) for delivery in record["deliveries"]]
    return Group(*parts)


def clock(text: str | None) -> str:
    """Format a time of the API: `2026-11-23 05:16:05.120Z`."""
    return "" if text is None else text.replace("T", " ")


def duration(seconds: float) -> str:
    """Format a duration: `12 ms`, `3.4 s`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 - minutes of an hour


def _delivery(delivery: Mapping[str, Any]) -> RenderableType:
    mark, style = _MARKS[delivery["stage"]]
    head = Text.assemble(
        (f"{mark} {delivery['stage']} ", style),
        (delivery["subscription"], "bold"),
        (f"  {delivery['reason']}", "dim"),
        (_when(delivery), "dim"),
    )
    details: list[RenderableType] = [
        *_unknown_answers(delivery),
        *_why(delivery.get("why")),
        *_exchange(delivery),
    ]
    return Group("", head, *map(indented, details))


def _when(delivery: Mapping[str, Any]) -> str:
    if delivery["stage"] == "filtered":
        return ""
    tries = delivery["attempts"]
    message = f", {tries} {'attempt' if tries == 1 else 'attempts'}"
    if delivery["due_at"] is not None:
        word = "next at" if _seconds(delivery["due_at"]) > time.time() else "due since"
        return f"{message}, {word} {clock(delivery['due_at'])}"
    since = delivery["replayed_at"] or delivery["accepted_at"]
    took = _seconds(delivery["updated_at"]) - _seconds(since)
    return f"{message}, {duration(max(took, 0.0))} after it was {_begun(delivery)}"


def _begun(delivery: Mapping[str, Any]) -> str:
    return "replayed" if delivery["replayed_at"] else "accepted"


def _unknown_answers(delivery: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Render the attempts whose answers nobody got, as far as the reason does not say it."""
    n = delivery["unknown_answers"]
    if n and (n > 1 or delivery["reason"] != Reason.ANSWER_UNKNOWN):
        yield Text(f"{n} of the attempts: {UNKNOWN_ANSWER}")


def _why(why: Mapping[str, Any] | None) -> Iterator[RenderableType]:
    if why is None:
        return
    yield Text(why["text"])
    if why["trigger"] is not None:
        yield render_conditions(why["trigger"])
    remedy = grid("", "")
    if why["fix"]:
        remedy.add_row(Text("to fix", "bold"), Text(why["fix"]))
    if why["replay"]:
        remedy.add_row(Text("then", "bold"), Text(why["replay"], "cyan"))
    if remedy.row_count:
        yield remedy


def _exchange(delivery: Mapping[str, Any]) -> Iterator[RenderableType]:
    rows = grid("", "")
    if delivery["payload"] is not None:
        rows.add_row(Text("payload", "dim"), Text(short(delivery["payload"], MAX_BODY_CHARACTERS)))
    for line in left_out(delivery["exchange"]):
        rows.add_row("", line)
    for exchange in exchanges_of(delivery["exchange"]):
        rows.add_row(Text("request", "dim"), Text(f"{exchange['method']} {exchange['url']}"))
        if delivery["payload"] is None and exchange["request_body"]:
            rows.add_row("", Text(short(exchange["request_body"], MAX_BODY_CHARACTERS)))
        rows.add_row(Text("answer", "dim"), Text(_answer(exchange)))
    if rows.row_count:
        yield rows


def _answer(exchange: Mapping[str, Any]) -> str:
    took = duration(float(exchange["seconds"]))
    if exchange["status"] is None:
        return f"none after {took}: {exchange['error']}"
    body = short(exchange["response_body"], MAX_BODY_CHARACTERS)
    return f"{status_of(exchange)} in {took}  {body}".rstrip()


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
