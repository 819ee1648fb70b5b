"""The tables of the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from offramp_metronome.demo.scenario import Call
from offramp_metronome.emulator import StoredEvent

STYLES: Final = {
    "delivered": "bold green",
    "filtered": "yellow",
    "rejected": "bold red",
    "expired": "bold red",
    "retrying": "yellow",
    "waiting": "dim",
}
#: Number of stored events that are shown one by one.
SHOWN_STORED: Final = 3


def heading(console: Console, number: int, text: str) -> None:
    """Print the title of one step."""
    console.print()
    console.print(Rule(f"[bold]{number}. {escape(text)}[/]", align="left", style="cyan"))


def show_calls(console: Console, calls: Sequence[Call], records: Mapping[str, Any]) -> None:
    """Print what was sent, and each event's outcome."""
    table = Table("event", "user", "message id", "shows", "outcome", box=None, pad_edge=False)
    seen: set[str] = set()
    for call in calls:
        again = call.message_id in seen
        seen.add(call.message_id)
        table.add_row(
            Text(str(call.arguments.get("event") or call.arguments.get("name") or call.method)),
            str(call.arguments["user_id"]),
            call.message_id,
            Text(call.shows, "dim"),
            _outcome(None if again else records.get(call.message_id), again=again),
        )
    console.print(table)


def show_reasons(console: Console, records: Iterable[Mapping[str, Any]]) -> None:
    """Print the host's reason for each event that was not delivered."""
    for record in records:
        for delivery in record["deliveries"]:
            if delivery["stage"] == "delivered":
                continue
            line = Text.assemble(
                (record["message_id"], "bold"),
                "  ",
                (str(delivery["stage"]), STYLES[delivery["stage"]]),
                f" {delivery['reason']}  ",
                (delivery["message"], "dim"),
            )
            console.print(line)


def show_stored(console: Console, stored: Sequence[StoredEvent]) -> None:
    """Print the events that Metronome stored."""
    table = Table(box=None, pad_edge=False)
    for name in ("transaction_id", "customer_id", "event_type", "timestamp"):
        table.add_column(name, no_wrap=True)
    table.add_column("properties", overflow="ellipsis")
    for event in stored[:SHOWN_STORED]:
        table.add_row(
            event.transaction_id,
            event.customer_id,
            event.event_type,
            event.timestamp,
            Text(msgspec.json.encode(event.properties).decode()),
        )
    if len(stored) > SHOWN_STORED:
        table.add_row(Text(f"… and {len(stored) - SHOWN_STORED} more", "dim"))
    console.print(table)


def _outcome(record: Mapping[str, Any] | None, *, again: bool) -> Text:
    if again:
        return Text("duplicate, dropped", "yellow")
    if record is None:
        return Text("unknown", "bold red")
    [delivery] = record["deliveries"]
    return Text(str(delivery["stage"]), STYLES[delivery["stage"]])
