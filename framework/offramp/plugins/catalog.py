"""What all plugins together declare, merged, checked and frozen."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs

from offramp.definition import Action, AnyAction, Destination, Fields, Preset, fields_of
from offramp.errors import NotFoundError, OfframpError, PluginError
from offramp.mapping import compile_mapping
from offramp.plugins.load import load_plugins
from offramp.plugins.manager import PluginProblem, Plugins

V = TypeVar("V")

#: Keys of a mapping that are not fields, such as the sync mode. Source: Segment's mapping-kit.
RESERVED_PREFIX: Final = "__segment_internal"


@attrs.frozen(kw_only=True)
class CatalogAction:
    """An action as the catalog offers it: its fields carry the defaults that plugins laid over."""

    slug: str
    action: Action[Any, Any]
    fields: Fields
    plugin: str

    @property
    def default_mapping(self) -> dict[str, Any]:
        """The mapping that a new subscription starts from."""
        return {key: f.default for key, f in self.fields.items() if f.default is not None}


@attrs.frozen(kw_only=True)
class CatalogEntry:
    """A destination as the catalog offers it, with all that other plugins added."""

    destination: Destination
    plugin: str
    settings: Fields
    actions: Mapping[str, CatalogAction]
    presets: tuple[Preset, ...]

    @property
    def slug(self) -> str:
        """The destination's slug."""
        return self.destination.slug

    def action(self, slug: str) -> CatalogAction:
        """An action by its slug; raises `NotFoundError` that lists those there are."""
        return pick(self.actions, slug, f"action of {self.slug}")

    def preset(self, name: str) -> Preset:
        """A preset by its name; raises `NotFoundError` that lists those there are."""
        return pick({p.name: p for p in self.presets}, name, f"preset of {self.slug}")

    def preset_mapping(self, preset: Preset) -> dict[str, Any]:
        """The whole mapping of a preset: the action's defaults, and the preset's over them."""
        return {**self.action(preset.action).default_mapping, **preset.mapping}


@attrs.frozen(kw_only=True)
class Catalog(Mapping[str, CatalogEntry]):
    """Every destination by its slug; `problems` lists the plugins that could not be used."""

    entries: Mapping[str, CatalogEntry]
    directives: Mapping[str, Any]
    plugins: Plugins

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """Plugins that could not be loaded, and hooks that failed."""
        return self.plugins.problems

    def __getitem__(self, slug: str) -> CatalogEntry:
        """A destination; raises `NotFoundError` (a `KeyError`) that lists those there are."""
        return pick(self.entries, slug, "destination")

    def __contains__(self, slug: object) -> bool:
        return slug in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def pick(things: Mapping[str, V], name: str, what: str) -> V:
    """The thing of that name; raises `NotFoundError` that suggests the nearest and lists all."""
    if name in things:
        return things[name]
    near = difflib.get_close_matches(name, things, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise NotFoundError(f"no {what} {name!r}{hint} There are: {', '.join(things) or 'none'}")


def load_catalog(plugins: Plugins | None = None) -> Catalog:
    """Ask every plugin what it declares; see `load_plugins` for which there are.

    Raises `PluginError` where two plugins clash, or where a declaration does not hold together.
    """
    plugins = load_plugins() if plugins is None else plugins
    owners: dict[str, str] = {}
    entries: dict[str, CatalogEntry] = {}
    for plugin, destination in plugins.destinations():
        claim(owners, destination.slug, plugin, "destination")
        entries[destination.slug] = _entry(plugins, plugin, destination)
    directives: dict[str, Any] = {}
    owners = {}
    for plugin, table in plugins.directives():
        # It knows how a directive may be named, and which are built in.
        _named(plugin, partial(compile_mapping, {}, directives=table))
        for name in table:
            claim(owners, name, plugin, "directive")
        directives.update(table)
    return Catalog(
        entries=MappingProxyType(entries),
        directives=MappingProxyType(directives),
        plugins=plugins,
    )


def claim(owners: dict[str, str], name: str, plugin: str, what: str) -> None:
    """Note who declares a name; raises `PluginError` that names both where two do."""
    if name not in owners:
        owners[name] = plugin
    elif owners[name] == plugin:
        raise PluginError(f"plugin {plugin!r} declares the {what} {name!r} twice; rename one")
    else:
        raise PluginError(
            f"two plugins declare the {what} {name!r}: {owners[name]!r} and {plugin!r}; "
            "rename one, or block one of the plugins"
        )


def _entry(plugins: Plugins, plugin: str, destination: Destination) -> CatalogEntry:
    return CatalogEntry(
        destination=destination,
        plugin=plugin,
        settings=MappingProxyType(_settings(plugins, plugin, destination)),
        actions=(actions := MappingProxyType(_actions(plugins, plugin, destination))),
        presets=_presets(plugins, plugin, destination, actions),
    )


def _settings(plugins: Plugins, plugin: str, destination: Destination) -> dict[str, Any]:
    owners: dict[str, str] = {}
    merged: dict[str, Any] = {}
    for name, cls in [(plugin, destination.settings), *plugins.settings(destination)]:
        fields = _named(name, lambda cls=cls: fields_of(cls))
        for key in fields:
            claim(owners, key, name, f"setting of {destination.slug}")
        merged.update(fields)
    return merged


def _actions(plugins: Plugins, plugin: str, destination: Destination) -> dict[str, CatalogAction]:
    owners: dict[str, str] = {}
    merged: dict[str, CatalogAction] = {}
    own = [(plugin, action) for action in destination.actions]
    for name, action in [*own, *plugins.actions(destination)]:
        claim(owners, action.slug, name, f"action of {destination.slug}")
        merged[action.slug] = CatalogAction(
            slug=action.slug,
            action=_named(name, action),
            fields=MappingProxyType(_fields(plugins, destination, action)),
            plugin=name,
        )
    return merged


def _fields(plugins: Plugins, destination: Destination, action: AnyAction) -> dict[str, Any]:
    fields = dict(action.fields)
    for plugin, defaults in plugins.default_mappings(destination, action):
        for key, default in defaults.items():
            if key not in fields:
                raise PluginError(
                    f"plugin {plugin!r} gives a default mapping for {key!r}, which is not a field "
                    f"of {destination.slug} {action.slug}; there are: {', '.join(fields)}"
                )
            fields[key] = attrs.evolve(fields[key], default=default)
    return fields


def _presets(
    plugins: Plugins,
    plugin: str,
    destination: Destination,
    actions: Mapping[str, CatalogAction],
) -> tuple[Preset, ...]:
    owners: dict[str, str] = {}
    own = [(plugin, preset) for preset in destination.presets]
    merged = []
    for name, preset in [*own, *plugins.presets(destination)]:
        claim(owners, preset.name, name, f"preset of {destination.slug}")
        action = _named(name, lambda preset=preset: pick(actions, preset.action, "action"))
        named = [key for key in preset.mapping if not key.startswith(RESERVED_PREFIX)]
        unknown = [key for key in named if key not in action.fields]
        if unknown:
            raise PluginError(
                f"plugin {name!r}, preset {preset.name!r}: {unknown[0]!r} is not a field of "
                f"{preset.action}; there are: {', '.join(action.fields)}"
            )
        merged.append(preset)
    return tuple(merged)


def _named(plugin: str, make: Any) -> Any:
    try:
        return make()
    except OfframpError as error:
        raise PluginError(f"plugin {plugin!r}: {error}") from error
    except Exception as error:
        raise PluginError(f"plugin {plugin!r}: {type(error).__name__}: {error}") from error
