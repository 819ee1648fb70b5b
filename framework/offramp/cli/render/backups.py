"""Renders backups, and what a restored host holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from offramp.cli.render.columns import FittingTable, number
from offramp.cli.render.event import clock
from offramp.errors import counted


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
