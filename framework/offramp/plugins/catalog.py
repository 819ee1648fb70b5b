"""The catalog: what the plugins in use offer, looked up by name and frozen."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, TypeVar

import attrs

from offramp.definition import (
    ON_DELETE,
    Action,
    DeleteUser,
    Destination,
    Fields,
    Preset,
    defaults_of,
)
from offramp.errors import NotFoundError
from offramp.payload import Check, compile_check, compile_pair, structurer
from offramp.plugins.manager import Plugins
from offramp.plugins.problems import PluginProblem

V = TypeVar("V")
#: What became of a destination: it is offered, and built once somebody asks for it; it is built; it
#: is left out; no plugin in use declares it.
DestinationState: TypeAlias = Literal["listed", "built", "failed", "missing"]

#: Keys of a mapping that are not fields, such as the sync mode. Source: Segment's mapping-kit.
RESERVED_PREFIX: Final = "__segment_internal"
#: Names that the message for a misspelt one lists; a plugin may offer hundreds of destinations.
MAX_NAMES: Final = 30


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
        return defaults_of(self.fields)

    def sync_mode(self, chosen: str | None) -> str | None:
        """The sync mode of a subscription that chose this one, or none; None without sync modes."""
        declared = self.action.sync_mode
        return None if declared is None else chosen or declared.default

    def sync_mode_fault(self, mode: object) -> str | None:
        """Why a subscription of the action cannot have this sync mode; None if it can."""
        declared = self.action.sync_mode
        if declared is None:
            return f"is {mode!r}, and {self.slug} has no sync modes: leave it out"
        choices = [choice for choice, _ in declared.choices]
        if mode in choices:
            return None
        return f"{mode!r} is not a sync mode of {self.slug}; there are: {', '.join(choices)}"

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

    @property
    def plugins(self) -> frozenset[str]:
        """The plugins whose code its actions and its own functions are."""
        return frozenset({self.plugin, *(each.plugin for each in self.actions.values())})

    def action(self, slug: str) -> CatalogAction:
        """An action by its slug; raises `NotFoundError` that lists the existing ones."""
        return pick(self.actions, slug, f"action of {self.slug}")

    def find_action(self, slug: str) -> CatalogAction | None:
        """The action of a subscription, also of the built-in one; None if there is none."""
        return self.on_delete if slug == ON_DELETE else self.actions.get(slug)

    @cached_property
    def on_delete(self) -> CatalogAction | None:
        """The action of the built-in subscription; None if the destination deletes no users."""
        function = self.destination.on_delete
        if function is None:
            return None
        action = DeleteUser(function)
        return CatalogAction(
            slug=action.slug, action=action, fields=action.fields, plugin=self.plugin
        )

    def preset(self, name: str) -> Preset:
        """A preset by its name; raises `NotFoundError` that lists the existing ones."""
        return pick({p.name: p for p in self.presets}, name, f"preset of {self.slug}")

    def preset_mapping(self, preset: Preset) -> dict[str, Any]:
        """The whole mapping of a preset: the action's defaults, overridden by the preset's."""
        return {**self.action(preset.action).default_mapping, **preset.mapping}


@attrs.frozen
class ListedAction:
    """An action in a list of destinations."""

    slug: str
    title: str
    description: str = ""


@attrs.frozen(kw_only=True)
class ListedDestination:
    """What lists show of a destination, which need not be built for that."""

    slug: str
    name: str
    description: str | None
    plugin: str
    actions: tuple[ListedAction, ...]
    #: The names of its presets.
    presets: tuple[str, ...]
    #: The plugins that declare it too, as a fallback that is not offered.
    fallbacks: tuple[str, ...] = ()


class Catalog(Mapping[str, CatalogEntry]):
    """Every destination by its slug; `problems` lists the plugins that could not be used.

    To ask for a lazy destination builds it, in any thread; `listed` builds nothing.

    Args:
        listed: What lists show, by slug.
        directives: The directives of all plugins.
        plugins: The plugins.
        entries: The destinations that are built.
        lazy: What builds each of the others: it returns None for one that is left out.
    """

    def __init__(
        self,
        *,
        listed: Mapping[str, ListedDestination],
        directives: Mapping[str, Any],
        plugins: Plugins,
        entries: Mapping[str, CatalogEntry],
        lazy: Mapping[str, Callable[[], CatalogEntry | None]],
    ) -> None:
        self._listed = listed
        self._lazy = lazy
        #: By slug; None for one that is left out.
        self._built: dict[str, CatalogEntry | None] = {**entries}
        self._building = Lock()
        self.directives: Final = directives
        self.plugins: Final = plugins

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """Plugins and destinations that are left out, and hooks that failed."""
        return self.plugins.problems

    @property
    def listed(self) -> tuple[ListedDestination, ...]:
        """Every destination that is offered, as lists show it, without building any."""
        lost = self.plugins.lost
        return tuple(each for slug, each in self._listed.items() if slug not in lost)

    @property
    def built(self) -> Mapping[str, CatalogEntry]:
        """The destinations that are built: all that are not lazy, or were asked for."""
        return {slug: entry for slug, entry in self._built.copy().items() if entry is not None}

    def fallbacks(self, slug: str) -> tuple[str, ...]:
        """The plugins that declare a destination too, as a fallback that is not offered."""
        listed = self._listed.get(slug)
        return () if listed is None else listed.fallbacks

    def state(self, slug: str) -> DestinationState:
        """What became of a destination so far; nothing is built."""
        if slug in self.plugins.lost:
            return "failed"
        if self._built.get(slug) is not None:
            return "built"
        return "listed" if slug in self._listed else "missing"

    @property
    def is_partial(self) -> bool:
        """Whether a plugin or a destination is left out."""
        return bool(self.plugins.left_out or self.plugins.lost)

    def missing(self, slug: str) -> tuple[PluginProblem, ...]:
        """The problems for which a destination may be missing; none if the catalog has it."""
        if slug in self:
            return ()
        return tuple(each for each in self.problems if each.may_declare(slug))

    def holding(self, destinations: Iterable[str]) -> tuple[PluginProblem, ...]:
        """The left-out plugins that a configuration with these destinations names.

        These are the files that it lists, and plugins that may declare a missing destination.
        """
        files = [each for each in self.plugins.left_out if each.file is not None]
        missing = [each for slug in destinations for each in self.missing(slug) if each.left_out]
        return tuple(dict.fromkeys([*files, *missing]))

    def __getitem__(self, slug: str) -> CatalogEntry:
        """A destination; raises `NotFoundError` (a `KeyError`) that lists the existing ones."""
        entry = self._entry(slug)
        if entry is not None:
            return entry
        if slug in self.plugins.lost:
            problems = "; ".join(map(str, self.plugins.lost[slug]))
            raise NotFoundError(f"the destination {slug!r} is not offered: {problems}")
        raise _not_found(self, slug, "destination")

    def __contains__(self, slug: object) -> bool:
        return isinstance(slug, str) and self._entry(slug) is not None

    def __iter__(self) -> Iterator[str]:
        return (each.slug for each in self.listed)

    def __len__(self) -> int:
        return len(self.listed)

    def _entry(self, slug: str) -> CatalogEntry | None:
        """A destination, built if it is lazy; None if it is not offered."""
        if slug not in self._built and slug in self._lazy:
            with self._building:
                if slug not in self._built:
                    self._built[slug] = self._lazy[slug]()
        return self._built.get(slug)


def pick(things: Mapping[str, V], name: str, what: str) -> V:
    """The thing of that name; raises `NotFoundError` that suggests the nearest and lists some."""
    if name in things:
        return things[name]
    raise _not_found(things, name, what)


def _not_found(names: Iterable[str], name: str, what: str) -> NotFoundError:
    there = list(names)
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    more = len(there) - MAX_NAMES
    shown = ", ".join(there[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
    return NotFoundError(f"no {what} {name!r}{hint} There are: {shown or 'none'}")
