"""Builds the catalog of what all plugins declare, and leaves faulty plugins out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import attrs

from offramp.definition import AnyAction, Destination, Preset, fields_of
from offramp.errors import NotFoundError, OfframpError, PluginError
from offramp.mapping import compile_mapping
from offramp.place import exception_text
from offramp.plugins.catalog import RESERVED_PREFIX, Catalog, CatalogAction, CatalogEntry, pick
from offramp.plugins.load import load_plugins
from offramp.plugins.manager import RAISED, Plugins

T = TypeVar("T")


def load_catalog(plugins: Plugins | None = None) -> Catalog:
    """Build the catalog of what every plugin declares; see `load_plugins` for which plugins.

    A plugin with a contradictory declaration is left out, and so are two that declare the same
    thing: `problems` says which, why, and what to do.
    """
    plugins = load_plugins() if plugins is None else plugins
    while True:
        left_out = len(plugins.left_out)
        merge = _Merge(plugins)
        catalog = merge.catalog()
        if len(plugins.left_out) == left_out:
            # Only now, since a clash with a plugin that is left out anyway is no clash.
            merge.leave_out_clashing()
        if len(plugins.left_out) == left_out:
            return catalog


@attrs.define
class _Merge:
    """One pass over all that plugins declare; its catalog is valid if no plugin was at fault."""

    plugins: Plugins
    #: Plugin -> what both it and another plugin declare.
    clashes: dict[str, str] = attrs.field(factory=dict)

    def catalog(self) -> Catalog:
        """All that is declared, merged."""
        owners: dict[str, str] = {}
        entries: dict[str, CatalogEntry] = {}
        for plugin, destination in self.plugins.destinations():
            self._claim(owners, destination.slug, plugin, "destination")
            entries[destination.slug] = self._entry(plugin, destination)
        return Catalog(
            entries=MappingProxyType(entries),
            directives=MappingProxyType(self._directives()),
            plugins=self.plugins,
        )

    def leave_out_clashing(self) -> None:
        """Leave out both of two plugins that declare the same thing: neither is preferable."""
        for plugin, cause in self.clashes.items():
            self.plugins.leave_out(plugin, cause)

    def _claim(self, owners: dict[str, str], name: str, plugin: str, what: str) -> None:
        owner = owners.get(name)
        if owner is None:
            owners[name] = plugin
        elif owner == plugin:
            self.plugins.leave_out(plugin, f"declares the {what} {name!r} twice")
        else:
            for one, other in ((owner, plugin), (plugin, owner)):
                cause = f"declares the {what} {name!r}, and so does the plugin {other!r}"
                self.clashes.setdefault(one, cause)

    def _attempt(self, plugin: str, make: Callable[[], T]) -> T | None:
        """The result of `make`; if it raises, leave the plugin out and return None."""
        try:
            return make()
        except RAISED as error:
            cause = str(error) if isinstance(error, OfframpError) else exception_text(error)
            self.plugins.leave_out(plugin, cause)
            return None

    def _entry(self, plugin: str, destination: Destination) -> CatalogEntry:
        actions = MappingProxyType(self._actions(plugin, destination))
        settings = self._settings(plugin, destination)
        self._attempt(plugin, partial(_check_sandbox, destination, settings))
        return CatalogEntry(
            destination=destination,
            plugin=plugin,
            settings=MappingProxyType(settings),
            actions=actions,
            presets=self._presets(plugin, destination, actions),
        )

    def _settings(self, plugin: str, destination: Destination) -> dict[str, Any]:
        owners: dict[str, str] = {}
        merged: dict[str, Any] = {}
        for name, cls in [(plugin, destination.settings), *self.plugins.settings(destination)]:
            fields = self._attempt(name, partial(fields_of, cls)) or {}
            for key in fields:
                self._claim(owners, key, name, f"setting of {destination.slug}")
            merged.update(fields)
        return merged

    def _actions(self, plugin: str, destination: Destination) -> dict[str, CatalogAction]:
        owners: dict[str, str] = {}
        merged: dict[str, CatalogAction] = {}
        own = [(plugin, action) for action in destination.actions]
        for name, cls in [*own, *self.plugins.actions(destination)]:
            self._claim(owners, cls.slug, name, f"action of {destination.slug}")
            action = self._attempt(name, cls)
            if action is not None:
                merged[cls.slug] = CatalogAction(
                    slug=cls.slug,
                    action=action,
                    fields=MappingProxyType(self._fields(destination, cls)),
                    plugin=name,
                )
        return merged

    def _fields(self, destination: Destination, action: AnyAction) -> dict[str, Any]:
        fields = dict(action.fields)
        of = f"{destination.slug} {action.slug}"
        for plugin, defaults in self.plugins.default_mappings(destination, action):
            if self._attempt(plugin, partial(_check_defaults, defaults, fields, of)):
                fields |= {
                    key: attrs.evolve(fields[key], default=defaults[key]) for key in defaults
                }
        return fields

    def _presets(
        self, plugin: str, destination: Destination, actions: Mapping[str, CatalogAction]
    ) -> tuple[Preset, ...]:
        owners: dict[str, str] = {}
        merged = []
        own = [(plugin, preset) for preset in destination.presets]
        for name, preset in [*own, *self.plugins.presets(destination)]:
            self._claim(owners, preset.name, name, f"preset of {destination.slug}")
            self._attempt(name, partial(_check_preset, preset, actions))
            merged.append(preset)
        return tuple(merged)

    def _directives(self) -> dict[str, Any]:
        owners: dict[str, str] = {}
        directives: dict[str, Any] = {}
        for plugin, table in self.plugins.directives():
            # Compiling checks the names of directives, and that none is built in.
            self._attempt(plugin, partial(compile_mapping, {}, directives=table))
            for name in table:
                self._claim(owners, name, plugin, "directive")
            directives.update(table)
        return directives


def _check_defaults(defaults: Mapping[str, Any], fields: Mapping[str, Any], of: str) -> bool:
    """Return True; raises `PluginError` if a default is for something that is not a field."""
    for key in defaults:
        if key not in fields:
            raise PluginError(
                f"gives a default mapping for {key!r}, which is not a field of {of}; "
                f"there are: {', '.join(fields)}"
            )
    return True


def _check_sandbox(destination: Destination, settings: Mapping[str, Any]) -> None:
    """Raises `PluginError` if a sandbox has a setting that the destination does not declare."""
    for key in {} if destination.sandbox is None else destination.sandbox.settings:
        if key not in settings:
            raise PluginError(
                f"the sandbox of {destination.slug} has {key!r}, which is not a setting of it; "
                f"there are: {', '.join(settings)}"
            )


def _check_preset(preset: Preset, actions: Mapping[str, CatalogAction]) -> None:
    """Raises `PluginError` if a preset names an action or a field that does not exist."""
    place = f"preset {preset.name!r}"
    try:
        action = pick(actions, preset.action, "action")
    except NotFoundError as error:
        raise PluginError(f"{place}: {error}") from error
    for key in preset.mapping:
        if key not in action.fields and not key.startswith(RESERVED_PREFIX):
            raise PluginError(
                f"{place}: {key!r} is not a field of {preset.action}; "
                f"there are: {', '.join(action.fields)}"
            )
