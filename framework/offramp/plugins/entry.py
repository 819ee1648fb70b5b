"""Builds the catalog's entry of one destination: what its plugin declares, and what others add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs

from offramp.definition import ON_DELETE, AnyAction, Destination, Preset, fields_of
from offramp.definition.nested import unknown_properties
from offramp.errors import NotFoundError, OfframpError, PluginError
from offramp.place import exception_text
from offramp.plugins.catalog import RESERVED_PREFIX, CatalogAction, CatalogEntry, pick
from offramp.plugins.manager import RAISED, Blame, Plugins

T = TypeVar("T")

_RESERVED: Final = (
    f"declares the action {ON_DELETE!r}, a slug that is reserved: give it another, or declare what "
    "it does as the destination's on_delete"
)


@attrs.define
class EntryBuilder:
    """Builds entries; what is at fault is told to `blame` and `clash`, and left out."""

    plugins: Plugins
    blame: Blame
    #: Is told of each of two plugins that declare the same thing.
    clash: Blame

    def build(self, plugin: str, destination: Destination) -> CatalogEntry:
        """The entry of a destination, which is valid if no plugin was blamed."""
        actions = MappingProxyType(self._actions(plugin, destination))
        settings = self._settings(plugin, destination)
        self.attempt(plugin, partial(_check_sandbox, destination, settings))
        return CatalogEntry(
            destination=destination,
            plugin=plugin,
            settings=MappingProxyType(settings),
            actions=actions,
            presets=self._presets(plugin, destination, actions),
        )

    def claim(self, owners: dict[str, str], name: str, plugin: str, what: str) -> None:
        """Set down which plugin declares a thing; it clashes with one that does so already."""
        if name not in owners:
            owners[name] = plugin
        elif owners[name] == plugin:
            self.blame(plugin, f"declares the {what} {name!r} twice")
        else:
            for one, other in ((owners[name], plugin), (plugin, owners[name])):
                self.clash(one, f"declares the {what} {name!r}, and so does the plugin {other!r}")

    def attempt(self, plugin: str, make: Callable[[], T]) -> T | None:
        """The result of `make`; if it raises, blame the plugin and return None."""
        try:
            return make()
        except RAISED as error:
            self.blame(plugin, fault_text(error))
            return None

    def _settings(self, plugin: str, destination: Destination) -> dict[str, Any]:
        owners: dict[str, str] = {}
        merged: dict[str, Any] = {}
        others = self.plugins.settings(destination, self.blame)
        for name, cls in [(plugin, destination.settings), *others]:
            fields = self.attempt(name, partial(fields_of, cls)) or {}
            for key in fields:
                self.claim(owners, key, name, f"setting of {destination.slug}")
            merged.update(fields)
        return merged

    def _actions(self, plugin: str, destination: Destination) -> dict[str, CatalogAction]:
        owners: dict[str, str] = {}
        merged: dict[str, CatalogAction] = {}
        own = [(plugin, action) for action in destination.actions]
        for name, cls in [*own, *self.plugins.actions(destination, self.blame)]:
            self.claim(owners, cls.slug, name, f"action of {destination.slug}")
            if cls.slug == ON_DELETE:
                self.blame(name, _RESERVED)
            action = self.attempt(name, cls)
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
        for plugin, defaults in self.plugins.default_mappings(destination, action, self.blame):
            if self.attempt(plugin, partial(_check_defaults, defaults, fields, of)):
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
        for name, preset in [*own, *self.plugins.presets(destination, self.blame)]:
            self.claim(owners, preset.name, name, f"preset of {destination.slug}")
            self.attempt(name, partial(_check_preset, preset, actions))
            merged.append(preset)
        return tuple(merged)


def fault_text(error: BaseException) -> str:
    """What to report of an error that a declaration raised."""
    return str(error) if isinstance(error, OfframpError) else exception_text(error)


def _check_defaults(defaults: Mapping[str, Any], fields: Mapping[str, Any], of: str) -> bool:
    """Return True; raises `PluginError` if a default is for no field, or for no property of one."""
    for key, default in defaults.items():
        if key not in fields:
            raise PluginError(
                f"gives a default mapping for {key!r}, which is not a field of {of}; "
                f"there are: {', '.join(fields)}"
            )
        for fault in unknown_properties(fields[key], default, key):
            raise PluginError(f"gives a default mapping for {fault.place} of {of}: {fault.message}")
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
    fault = None if preset.sync_mode is None else action.sync_mode_fault(preset.sync_mode)
    if fault is not None:
        raise PluginError(f"{place}: sync_mode: {fault}")
    for key in preset.mapping:
        if key not in action.fields and not key.startswith(RESERVED_PREFIX):
            raise PluginError(
                f"{place}: {key!r} is not a field of {preset.action}; "
                f"there are: {', '.join(action.fields)}"
            )
