"""Builds the catalog of what all plugins declare, and leaves out what is at fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import attrs

from offramp.definition import Destination, LazyDestination
from offramp.errors import PluginError
from offramp.mapping import compile_mapping
from offramp.plugins.catalog import Catalog, CatalogEntry, ListedAction, ListedDestination
from offramp.plugins.entry import EntryBuilder, fault_text
from offramp.plugins.load import load_plugins
from offramp.plugins.manager import RAISED, Plugins
from offramp.plugins.problems import BLOCKED_VARIABLE

_ONE_OF_THEM: Final = (
    f"block one of the plugins with {BLOCKED_VARIABLE}={{}}, or let the one that stands in for "
    "the other declare it with fallback=True"
)


def load_catalog(plugins: Plugins | None = None) -> Catalog:
    """Build the catalog of what every plugin declares; see `load_plugins` for which plugins.

    A plugin with a contradictory declaration is left out, and so is a destination that two plugins
    declare, unless one of them declares it with `fallback=True`: `problems` says which, why, and
    what to do. What a lazy destination declares is read once somebody asks for it by its slug; if
    that is at fault, this destination is left out.
    """
    plugins = load_plugins() if plugins is None else plugins
    plugins.offer_all_destinations()
    while True:
        left_out = len(plugins.left_out)
        merge = _Merge(plugins)
        merge.read()
        if len(plugins.left_out) == left_out:
            # Only now, since a clash with a plugin that is left out anyway is no clash.
            merge.leave_out_clashing()
        if len(plugins.left_out) == left_out:
            return merge.catalog()


@attrs.frozen
class _Declared:
    """A destination as a plugin declares it."""

    plugin: str
    is_fallback: bool
    listed: ListedDestination
    #: Its entry, or what builds it.
    entry: CatalogEntry | LazyDestination


class _Merge:
    """One pass over all that plugins declare; its catalog is valid if no plugin was at fault."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        #: Plugin -> the first thing that both it and another plugin declare.
        self._clashes: dict[str, str] = {}
        self._builder = EntryBuilder(plugins, plugins.leave_out, self._clashes.setdefault)
        self._declared: dict[str, list[_Declared]] = {}
        self._directives: dict[str, Any] = {}

    def read(self) -> None:
        """Read all declarations but for those of lazy destinations."""
        for plugin, destination in self._plugins.destinations():
            same = self._declared.setdefault(destination.slug, [])
            if any(each.plugin == plugin for each in same):
                cause = f"declares the destination {destination.slug!r} twice"
                self._plugins.leave_out(plugin, cause)
            same.append(self._declare(plugin, destination))
        self._read_directives()

    def leave_out_clashing(self) -> None:
        """Leave out both of two plugins that declare the same thing: neither is preferable."""
        for plugin, cause in self._clashes.items():
            self._plugins.leave_out(plugin, cause)

    def catalog(self) -> Catalog:
        """All that is declared, merged."""
        listed: dict[str, ListedDestination] = {}
        entries: dict[str, CatalogEntry] = {}
        lazy: dict[str, Callable[[], CatalogEntry | None]] = {}
        for slug, declared in self._declared.items():
            chosen = self._choose(slug, declared)
            if chosen is None:
                continue
            others = tuple(each.plugin for each in declared if each is not chosen)
            listed[slug] = attrs.evolve(chosen.listed, fallbacks=others)
            if isinstance(chosen.entry, LazyDestination):
                lazy[slug] = partial(_build_lazy, self._plugins, chosen.plugin, chosen.entry)
            else:
                entries[slug] = chosen.entry
        return Catalog(
            listed=MappingProxyType(listed),
            directives=MappingProxyType(self._directives),
            plugins=self._plugins,
            entries=entries,
            lazy=lazy,
        )

    def _declare(self, plugin: str, destination: Destination | LazyDestination) -> _Declared:
        if isinstance(destination, LazyDestination):
            listed = _listed_lazily(plugin, destination)
            return _Declared(plugin, destination.fallback, listed, destination)
        entry = self._builder.build(plugin, destination)
        return _Declared(plugin, destination.fallback, _listed(entry), entry)

    def _choose(self, slug: str, declared: list[_Declared]) -> _Declared | None:
        """The one declaration of a destination that is offered; otherwise the reasons are told."""
        first = [each for each in declared if not each.is_fallback]
        candidates = first or declared
        absent = self._absent(slug)
        if not first and absent:
            # What the configuration means is the other one, which may send something else.
            cause = f"declares the destination {slug!r} as a fallback for the plugin {absent!r}"
            remedy = f"mend the plugin {absent!r}, or block it with {BLOCKED_VARIABLE}={absent}"
            for each in declared:
                self._plugins.leave_out_destination(slug, each.plugin, cause, remedy=remedy)
            return None
        if len(candidates) == 1:
            return candidates[0]
        for each in candidates:
            names = " and ".join(repr(e.plugin) for e in candidates if e is not each)
            cause = f"declares the destination {slug!r}, and so does the plugin {names}"
            remedy = _ONE_OF_THEM.format(each.plugin)
            self._plugins.leave_out_destination(slug, each.plugin, cause, remedy=remedy)
        return None

    def _absent(self, slug: str) -> str | None:
        """A plugin that is left out and is known to declare a destination."""
        known = (each for each in self._plugins.left_out if slug in (each.destinations or ()))
        return next((each.plugin for each in known), None)

    def _read_directives(self) -> None:
        owners: dict[str, str] = {}
        for plugin, table in self._plugins.directives():
            # Compiling checks the names of directives, and that none is built in.
            self._builder.attempt(plugin, partial(compile_mapping, {}, directives=table))
            for name in table:
                self._builder.claim(owners, name, plugin, "directive")
            self._directives.update(table)


def _listed(entry: CatalogEntry) -> ListedDestination:
    return ListedDestination(
        slug=entry.slug,
        name=entry.destination.name,
        description=entry.destination.description,
        plugin=entry.plugin,
        actions=tuple(
            ListedAction(slug, each.action.title, each.action.description)
            for slug, each in entry.actions.items()
        ),
        presets=tuple(preset.name for preset in entry.presets),
    )


def _listed_lazily(plugin: str, lazy: LazyDestination) -> ListedDestination:
    return ListedDestination(
        slug=lazy.slug,
        name=lazy.name,
        description=lazy.description,
        plugin=plugin,
        actions=tuple(ListedAction(slug, title) for slug, title in lazy.actions.items()),
        presets=lazy.presets,
    )


def _build_lazy(plugins: Plugins, plugin: str, lazy: LazyDestination) -> CatalogEntry | None:
    """The entry of a lazy destination; None, with the reasons told, if it is at fault."""
    causes: dict[str, str] = {}
    entry = None
    try:
        destination = _loaded(lazy)
    except RAISED as error:  # loading it runs the plugin's code
        causes[plugin] = f"cannot be loaded: {fault_text(error)}"
    else:
        entry = EntryBuilder(plugins, causes.setdefault, causes.setdefault).build(
            plugin, destination
        )
    for culprit, cause in causes.items():
        plugins.leave_out_destination(lazy.slug, culprit, cause)
    return None if causes else entry


def _loaded(lazy: LazyDestination) -> Destination:
    loaded: object = lazy.load()
    if not isinstance(loaded, Destination):
        raise PluginError(f"load returned {loaded!r}, which is not a Destination")
    if loaded.slug != lazy.slug:
        raise PluginError(f"load returned the destination {loaded.slug!r}")
    return loaded
