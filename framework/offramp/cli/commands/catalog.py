"""`offramp catalog`: the destinations that can be configured, or all that one declares."""

from __future__ import annotations

from collections.abc import Iterable

from offramp.api.catalog import destination_brief, destination_shape
from offramp.cli.context import Context
from offramp.cli.load import load_offered
from offramp.cli.options import Json, OfferedBy
from offramp.cli.render.columns import FittingTable
from offramp.cli.render.destination import plugin_text, render_destination
from offramp.plugins import ListedDestination


def catalog(
    context: Context, slug: str | None = None, *, config: OfferedBy = None, json: Json = False
) -> None:
    """Show the destinations that can be configured, or all that one declares.

    Parameters
    ----------
    slug
        The destination to show; without it, all are listed.
    """
    found = load_offered(context, config)
    if slug is None:
        briefs = (destination_brief(found, each) for each in found.listed)
        context.show(briefs, lambda: _overview(found.listed), as_json=json)
    else:
        entry = found[slug]
        shapes = (destination_shape(found, each) for each in [entry])
        context.show(shapes, lambda: render_destination(found, entry), as_json=json)


def _overview(listed: Iterable[ListedDestination]) -> FittingTable:
    table = FittingTable("destination", "name", "actions", "presets", "plugin", prose="presets")
    for each in listed:
        table.add_row(
            each.slug,
            each.name,
            ", ".join(action.slug for action in each.actions),
            ", ".join(each.presets),
            plugin_text(each.plugin, each.fallbacks),
        )
    return table
