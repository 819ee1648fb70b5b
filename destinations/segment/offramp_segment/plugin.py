"""The hooks of this plugin, which Offramp calls."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial

from offramp import LazyDestination, hookimpl
from offramp_segment.destination import load, preset_names
from offramp_segment.options import Options


@hookimpl
def offramp_options() -> type[Options]:
    """The table `[plugins.segment]`."""
    return Options


@hookimpl
def offramp_destinations(options: Options | None) -> Iterable[LazyDestination]:
    """The destinations that the operator names, each built when it is asked for."""
    if options is None:  # a catalog without a configuration
        return []
    return [
        LazyDestination(
            slug=listed.slug,
            name=listed.name,
            description=listed.description,
            load=partial(load, listed, options.pools),
            actions=listed.actions,
            presets=preset_names(listed.presets),
            fallback=True,
        )
        for listed in options.offered()
    ]


@hookimpl
def offramp_lifespan(options: Options | None) -> AbstractAsyncContextManager[None] | None:
    """The workers, if a destination is offered."""
    offered = [] if options is None else options.offered()
    if options is None or not offered:
        return None
    return options.pools.run(isolated=any(not each.own_network for each in offered))
