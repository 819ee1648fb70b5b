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
def offramp_destinations(options: Options) -> Iterable[LazyDestination]:
    """The destinations that the operator names, each built when it is asked for."""
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
def offramp_lifespan(options: Options) -> AbstractAsyncContextManager[None] | None:
    """The workers, if a destination is offered."""
    offered = options.offered()
    if not offered:
        return None
    return options.pools.run(isolated=any(not each.own_network for each in offered))
