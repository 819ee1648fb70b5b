"""The catalog: what the plugins in use offer, looked up by name and frozen."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, TypeVar

import attrs

from offramp.definition import Action, Destination, Fields, Preset
from offramp.errors import NotFoundError
from offramp.payload import Check, compile_check, compile_pair, structurer
from offramp.plugins.manager import Plugins
from offramp.plugins.problems import PluginProblem

V = TypeVar("V")

#: Keys of a mapping that are not fields, such as the sync mode. Source: Segment's mapping-kit.
RESERVED_PREFIX: Final = "__segment_internal"


@attrs.frozen(kw_only=True)
class CatalogAction:
    """An action in the catalog, with the default mappings that other plugins override."""

    slug: str
    action: Action[Any, Any]
    fields: Fields
    plugin: str

    @property
    def default_mapping(self) -> dict[str, Any]:
        """The mapping that a new subscription starts with."""
        return {key: f.default for key, f in self.fields.items() if f.default is not None}

    # All subscriptions of an action build their payloads in the same way: compiled once.
    @cached_property
    def check(self) -> Check:
        """The payload check; raises `DefinitionError` for fields that no payload could satisfy."""
        return compile_check(self.fields)

    @cached_property
    def structure(self) -> Callable[[dict[str, Any]], Any]:
        """Turns a checked payload into an instance of the action's payload class."""
        return structurer(self.action.payload_type)

    @cached_property
    def make(self) -> Callable[[dict[str, Any]], tuple[dict[str, Any], Any]]:
        """`check` and then `structure`, in one call."""
        return compile_pair(self.fields, self.action.payload_type)


@attrs.frozen(kw_only=True)
class CatalogEntry:
    """A destination in the catalog, with everything that other plugins add to it."""

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
        """An action by its slug; raises `NotFoundError` that lists the existing ones."""
        return pick(self.actions, slug, f"action of {self.slug}")

    def preset(self, name: str) -> Preset:
        """A preset by its name; raises `NotFoundError` that lists the existing ones."""
        return pick({p.name: p for p in self.presets}, name, f"preset of {self.slug}")

    def preset_mapping(self, preset: Preset) -> dict[str, Any]:
        """The whole mapping of a preset: the action's defaults, overridden by the preset's."""
        return {**self.action(preset.action).default_mapping, **preset.mapping}


@attrs.frozen(kw_only=True)
class Catalog(Mapping[str, CatalogEntry]):
    """Every destination by its slug; `problems` lists the plugins that could not be used."""

    entries: Mapping[str, CatalogEntry]
    directives: Mapping[str, Any]
    plugins: Plugins

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """Plugins that are left out, and hooks that failed."""
        return self.plugins.problems

    def missing(self, slug: str) -> tuple[PluginProblem, ...]:
        """The left-out plugins that may declare a destination; none if the catalog has it."""
        if slug in self:
            return ()
        return tuple(each for each in self.plugins.left_out if each.may_declare(slug))

    def holding(self, destinations: Iterable[str]) -> tuple[PluginProblem, ...]:
        """The left-out plugins that a configuration with these destinations names.

        These are the files that it lists, and plugins that may declare a missing destination.
        """
        files = [each for each in self.plugins.left_out if each.file is not None]
        missing = [each for slug in destinations for each in self.missing(slug)]
        return tuple(dict.fromkeys([*files, *missing]))

    def __getitem__(self, slug: str) -> CatalogEntry:
        """A destination; raises `NotFoundError` (a `KeyError`) that lists the existing ones."""
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
