"""Renders what concerns the disk: backups, what a restored host holds, and damaged events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.render.columns import FittingTable, indented, number
from offramp.cli.render.event import clock
from offramp.errors import counted

#: Message ids of damaged events that are shown.
MESSAGE_IDS: Final = 5


def render_manifest(manifest: Mapping[str, Any], *, title: str) -> RenderableType:
    """What a backup holds."""
    newest = manifest["newest_accepted_at"]
    holds = "no event yet" if newest is None else f"events until {clock(newest)}"
    parts: list[RenderableType] = [
        Text(title),
        (
            f"made {clock(manifest['made_at'])} by version {manifest['host_version']}: "
            f"{manifest['bytes']:,} bytes, checked, {holds}"
        ),
    ]
    if manifest["damaged_blocks"]:
        damaged = counted(
            len(manifest["damaged_blocks"]), "block of events is", "blocks of events are"
        )
        parts.append(Text(f"{damaged} damaged in it, as on the disk of the host", "red"))
    if manifest["in_flight"]:
        parts += ["", "in flight at that time:", _in_flight(manifest["in_flight"])]
    return Group(*parts)


def render_restored(restored: Mapping[str, Any]) -> RenderableType:
    """What a restored host holds until a person decides."""
    if not restored["rows"]:
        return Text("nothing is undecided: nothing was restored, or all of it is decided")
    table = _in_flight(restored["rows"], "repeats")
    return Group(
        f"in flight at the backup of {clock(restored['backup_made_at'])}, and held:",
        table,
        Text("\n`offramp restored SUBSCRIPTION --send` or `--expire` decides; --all means all"),
    )


def _in_flight(rows: Sequence[Mapping[str, Any]], *more: str) -> FittingTable:
    table = FittingTable("subscription", "oldest", "newest", *more, numbers=("waiting", "retrying"))
    for row in rows:
        table.add_row(
            row["subscription"],
            clock(row["oldest"]),
            clock(row["newest"]),
            *(row[name] for name in more),
            number(row["waiting"]),
            number(row["retrying"]),
        )
    return table


def render_damaged(damaged: Mapping[str, Any]) -> RenderableType:
    """The events that are damaged on disk, and what waits for them."""
    parts: list[RenderableType] = []
    if not damaged["rows"]:
        parts.append("no event is known to be damaged, or all of it is decided")
    for row in damaged["rows"]:
        ended = "; what waited was expired" if row["decided"] else ""
        parts.append(Text(f"events {row['first']} to {row['last']}: {row['cause']}{ended}"))
        if row["deliveries"]:
            table = FittingTable("subscription", "first", "last", numbers=("waiting",))
            for each in row["deliveries"]:
                table.add_row(
                    each["subscription"], each["first"], each["last"], number(each["waiting"])
                )
            parts += [indented(table), *_message_ids(row["message_ids"])]
        elif not row["decided"]:
            parts.append(indented(Text("nothing waits for them")))
    if damaged["unreadable_deliveries"]:
        n = counted(damaged["unreadable_deliveries"], "delivery", "deliveries")
        parts.append(Text(f"{n} with a row of its own cannot be read, and so not be ended", "red"))
    return Group(*parts)


def _message_ids(rows: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    if not rows:
        return [indented(Text("their message ids cannot be read"))]
    shown = ", ".join(row["message_id"] for row in rows[:MESSAGE_IDS])
    more = f" and {len(rows) - MESSAGE_IDS} more: --json lists them" if rows[MESSAGE_IDS:] else ""
    return [indented(Text(f"message ids: {shown}{more}"))]
