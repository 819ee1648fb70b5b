"""`offramp catalog`: the destinations that can be configured, or the details of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.render.columns import FittingTable
from offramp.config import batch_limits
from offramp.definition import Conditions, Field
from offramp.plugins import CatalogEntry, ListedDestination


def catalog(context: Context, slug: str | None = None) -> None:
    """Show the destinations that can be configured, or the details of one.

    Parameters
    ----------
    slug
        The destination to show; without it, all are listed.
    """
    if slug is None:
        context.out.print(_overview(context.catalog.listed))
        return
    _show(context, context.catalog[slug])


def _overview(listed: Iterable[ListedDestination]) -> FittingTable:
    table = FittingTable("destination", "name", "actions", "presets", "plugin", prose="presets")
    for each in listed:
        table.add_row(
            each.slug,
            each.name,
            ", ".join(action.slug for action in each.actions),
            ", ".join(each.presets),
            _plugin(each.plugin, each.fallbacks),
        )
    return table


def _plugin(plugin: str, fallbacks: Sequence[str]) -> str:
    """The plugin, and those whose destination of the same slug is not offered."""
    return f"{plugin} (instead of {', '.join(fallbacks)})" if fallbacks else plugin


def _show(context: Context, entry: CatalogEntry) -> None:
    out = context.out
    out.print(f"[bold]{entry.destination.name}[/]  {entry.slug}  (plugin {entry.plugin})")
    if entry.destination.description:
        out.print(entry.destination.description)
    out.print()
    out.print(_fields("setting", entry.settings.items()))
    for offered in entry.actions.values():
        batch = batch_limits(offered)
        together = f", up to {batch.max_events} in a request" if batch else ""
        out.print(f"\n[bold]{offered.slug}[/]  {offered.action.description}{together}\n")
        out.print(_fields("field", offered.fields.items()))
    for preset in entry.presets:
        selects = "no trigger yet" if preset.trigger is None else f"when {preset.trigger}"
        out.print(f"\npreset [bold]{preset.name}[/]: {preset.action} ", end="")
        out.print(selects, markup=False)


def _fields(what: str, fields: Iterable[tuple[str, Field]]) -> FittingTable:
    table = FittingTable(what, "type", "required", "default", "description", prose="description")
    for key, field in fields:
        kind = f"list of {field.type}" if field.multiple else field.type
        table.add_row(key, kind, _required(field), _default(field), field.description)
    return table


def _required(field: Field) -> str:
    if isinstance(field.required, Conditions):
        return "sometimes"
    return "yes" if field.required else "no"


def _default(field: Field) -> str:
    default: Any = field.default
    if default is None:
        return ""
    if isinstance(default, dict) and set(default) == {"@path"}:
        return str(default["@path"])
    return _json.dumps(default).decode()
