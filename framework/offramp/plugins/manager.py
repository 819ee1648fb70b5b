"""Calls the hooks of plugins, and names the plugin of every answer and every failure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from importlib.metadata import Distribution
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any, Final, TypeAlias, get_args

import attrs
import pluggy

from offramp.definition import (
    MASK,
    Action,
    AnyAction,
    Destination,
    LazyDestination,
    Middleware,
    Preset,
    options_of,
)
from offramp.errors import PluginError
from offramp.hooks import Command, CommandContext, Route, SettledDelivery
from offramp.place import exception_text
from offramp.plugins.origin import Origins, PluginOrigin, module_of
from offramp.plugins.problems import BLOCKED_VARIABLE, PluginProblem

_log = logging.getLogger(__name__)

#: What is caught from a hook; `SystemExit` too, since a plugin must not end the host.
RAISED = (Exception, SystemExit)


#: Is told of the plugin that is at fault in a declaration, and of the cause.
Blame: TypeAlias = Callable[[str, str], object]

#: The hook whose failure holds the instances that use the plugin.
LIFESPAN_HOOK: Final = "offramp_lifespan"

#: Hooks that declare. If one fails, its whole plugin is left out rather than half of it used.
DECLARING: Final = frozenset(
    {
        "offramp_options",
        "offramp_destinations",
        "offramp_settings",
        "offramp_actions",
        "offramp_default_mapping",
        "offramp_presets",
        "offramp_directives",
    }
)


class Plugins:
    """All plugins of one process; each method asks one hook of each of them.

    A plugin with a faulty declaration is left out as a whole. If an observer, a command or a route
    fails, `problems` reports it under its plugin's name, and all others are still called. Instances
    that use a plugin whose lifespan did not start are refused.
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        problems: Iterable[PluginProblem],
        files: Mapping[str, Path],
        distributions: Mapping[str, Distribution] = MappingProxyType({}),
    ) -> None:
        self._manager = manager
        self._unloaded = tuple(problems)
        self._files = files
        self._distributions = distributions
        self._left_out: dict[str, PluginProblem] = {}
        #: By slug: the problems for which single destinations are left out, of plugins in use.
        self._lost: Mapping[str, tuple[PluginProblem, ...]] = {}
        #: The last failure by plugin and hook; only the last, since observers are called forever.
        self._failed: dict[tuple[str, str], PluginProblem] = {}
        #: By plugin, why its lifespan did not start.
        self._unstarted: dict[str, PluginProblem] = {}
        #: The slugs of destinations by plugin, without plugins that could not be asked.
        self._slugs: dict[str, frozenset[str]] = {}
        #: By plugin: the class of its own options, their values, and the secrets among them.
        self._option_classes: dict[str, type[Any]] | None = None
        self._options: dict[str, Any] = {}
        self._secrets: dict[str, tuple[str, ...]] = {}
        registered = [(n, p) for n, p in manager.list_name_plugin() if p is not None]
        self._origins = Origins(registered)
        self._modules = {name: module_of(plugin) for name, plugin in registered}

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """Plugins that are left out, destinations that are, and hooks that failed."""
        lost = (each for found in self._lost.values() for each in found)
        return (*self.left_out, *lost, *self._unstarted.values(), *self._failed.values())

    @property
    def left_out(self) -> tuple[PluginProblem, ...]:
        """Plugins that are not used at all: not loaded, or with a faulty declaration."""
        return (*self._unloaded, *self._left_out.values())

    @property
    def lost(self) -> Mapping[str, tuple[PluginProblem, ...]]:
        """By slug, why a destination is left out whose plugin is in use."""
        return self._lost

    def owner(self, file: str) -> str | None:
        """The plugin whose code is in a file, or None."""
        return self._origins.owner(file)

    def origin(self, plugin: str) -> PluginOrigin:
        """Where a plugin comes from."""
        return self._places.get(plugin, PluginOrigin())

    @cached_property
    def _places(self) -> Mapping[str, PluginOrigin]:
        # Asked for its name or its version, a distribution reads its metadata from disk each time.
        found = {}
        for name in {*self._modules, *self._files, *self._distributions}:
            distribution = self._distributions.get(name)
            found[name] = PluginOrigin(
                module=self._modules.get(name),
                distribution=None if distribution is None else distribution.name,
                version=None if distribution is None else distribution.version,
                file=self._files.get(name),
            )
        return found

    def leave_out(self, plugin: str, cause: str) -> None:
        """Stop using a plugin; the first cause is the one that is reported."""
        if plugin not in self._left_out:
            self._left_out[plugin] = PluginProblem(
                plugin,
                cause,
                left_out=True,
                file=self._files.get(plugin),
                destinations=self._slugs.get(plugin),
            )

    def leave_out_destination(
        self, slug: str, plugin: str, cause: str, *, remedy: str | None = None
    ) -> None:
        """Stop offering one destination for the fault of a plugin, which stays in use."""
        cause, file = self.masked(plugin, cause), self._files.get(plugin)
        problem = PluginProblem(plugin, cause, file=file, destination=slug)
        if remedy is not None:
            problem = attrs.evolve(problem, remedy=remedy)
        # A new mapping, since others may be reading the one before in another thread.
        self._lost = {**self._lost, slug: (*self._lost.get(slug, ()), problem)}

    def offer_all_destinations(self) -> None:
        """Forget which destinations are left out: the catalog is built anew."""
        self._lost = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins in use, in the order in which they were registered."""
        return tuple(
            name
            for name, plugin in self._manager.list_name_plugin()
            if plugin is not None and name not in self._left_out
        )

    def option_classes(self) -> Mapping[str, type[Any]]:
        """By the plugin's name, the class that declares its own options."""
        if self._option_classes is None:
            self._option_classes = {}
            for plugin, cls in self._one("offramp_options", type):
                try:
                    options_of(cls)
                except RAISED as error:
                    self.leave_out(plugin, f"offramp_options: {exception_text(error)}")
                else:
                    self._option_classes[plugin] = cls
        return self._option_classes

    def give_options(self, plugin: str, options: Any, *, secrets: Iterable[str] = ()) -> None:
        """Set the options that a plugin's hooks get; its secrets are masked in its problems."""
        self._options[plugin] = options
        self._secrets[plugin] = tuple(filter(None, secrets))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets among the options of all plugins."""
        return tuple(secret for each in self._secrets.values() for secret in each)

    def is_absent(self, plugin: str) -> bool:
        """Whether a plugin is blocked or left out, so that nobody knows what it would declare."""
        left_out = any(each.plugin == plugin for each in self.left_out)
        return left_out or bool(self._manager.is_blocked(plugin))

    def destinations(self) -> Sequence[tuple[str, Destination | LazyDestination]]:
        """Each destination with the name of its plugin."""
        self._slugs = dict.fromkeys(self.names, frozenset())
        declared = list(self._each("offramp_destinations", Destination | LazyDestination))
        for plugin, destination in declared:
            self._slugs[plugin] |= {destination.slug}
        return declared

    def settings(self, destination: Destination, blame: Blame) -> Iterator[tuple[str, type[Any]]]:
        """Each class of additional settings with the name of its plugin."""
        return self._one("offramp_settings", type, blame, destination=destination)

    def actions(self, destination: Destination, blame: Blame) -> Iterator[tuple[str, AnyAction]]:
        """Each additional action with the name of its plugin."""
        return self._each("offramp_actions", Action, blame, destination=destination)

    def default_mappings(
        self, destination: Destination, action: AnyAction, blame: Blame
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each override of default mappings with the name of its plugin."""
        hook = "offramp_default_mapping"
        return self._one(hook, Mapping, blame, destination=destination, action=action)

    def presets(self, destination: Destination, blame: Blame) -> Iterator[tuple[str, Preset]]:
        """Each additional preset with the name of its plugin."""
        return self._each("offramp_presets", Preset, blame, destination=destination)

    def directives(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each table of directives with the name of its plugin."""
        return self._one("offramp_directives", Mapping)

    def middleware(self, destination: Destination) -> list[Middleware]:
        """All middleware for a destination, outermost first.

        Raises `PluginError` if a hook fails or belongs to a plugin that is left out: middleware
        that may sign or redact must not be skipped.
        """
        found: list[Middleware] = []
        for impl in self._manager.hook.offramp_middleware.get_hookimpls():
            try:
                answer = self._ask(impl, Iterable, {"destination": destination})
                layers = [_checked(each, Callable) for each in answer or ()]
            except RAISED as error:
                cause = f"offramp_middleware failed: {exception_text(error)}"
                cause = self.masked(impl.plugin_name, cause)
                message = f"plugin {impl.plugin_name!r}: {cause}: fix or block the plugin"
                raise PluginError(message) from error
            if layers and impl.plugin_name in self._left_out:
                left_out = self._left_out[impl.plugin_name]
                raise PluginError(f"{left_out}; its middleware wraps every request")
            if layers:
                self.refuse_unstarted([impl.plugin_name])
            found += layers
        return found

    def lifespans(self) -> Iterator[tuple[str, AbstractAsyncContextManager[Any]]]:
        """Each lifespan with the name of its plugin; a hook that fails holds its plugin."""
        return self._one(LIFESPAN_HOOK, AbstractAsyncContextManager, self.hold)

    def hold(self, plugin: str, cause: str) -> None:
        """Record that a plugin's lifespan did not start: instances that use it are refused."""
        self._unstarted[plugin] = PluginProblem(
            plugin,
            f"{self.masked(plugin, cause)}; the instances that use it are held",
            file=self._files.get(plugin),
            remedy="fix the cause and restart the host, or block the plugin with "
            f"{BLOCKED_VARIABLE}={plugin}",
        )

    def forget_unstarted(self) -> None:
        """Forget which lifespans did not start, and which ended: all are started anew."""
        self._unstarted = {}
        self._failed = {key: each for key, each in self._failed.items() if key[1] != LIFESPAN_HOOK}

    @property
    def unstarted(self) -> tuple[PluginProblem, ...]:
        """The plugins whose lifespans did not start."""
        return tuple(self._unstarted.values())

    def refuse_unstarted(self, plugins: Iterable[str]) -> None:
        """Raise `PluginError` if the lifespan of one of these plugins did not start."""
        for plugin in plugins:
            if plugin in self._unstarted:
                raise PluginError(str(self._unstarted[plugin]))

    def commands(self, context: CommandContext) -> Iterator[tuple[str, Command]]:
        """Each additional command with the name of its plugin."""
        return self._each("offramp_commands", Callable, context=context)

    def routes(self) -> Iterator[tuple[str, Route]]:
        """Each additional HTTP endpoint with the name of its plugin."""
        return self._each("offramp_routes", Route)

    def settled(self, outcomes: Sequence[SettledDelivery]) -> None:
        """Pass deliveries that have ended to every observer."""
        for _ in self._one("offramp_settled", NoneType, outcomes=outcomes):
            pass

    @property
    def observes(self) -> bool:
        """Whether any plugin wants to see settled deliveries."""
        return bool(self._manager.hook.offramp_settled.get_hookimpls())

    def _each(
        self, hook: str, kind: Any, blame: Blame | None = None, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        for plugin, answer in self._one(hook, Iterable, blame, **arguments):
            try:
                items = [(plugin, _checked(item, kind)) for item in answer]
            except RAISED as error:  # a plugin's generator may raise anything
                self._set_down(plugin, hook, error, blame)
            else:
                yield from items

    def _one(
        self, hook: str, kind: Any, blame: Blame | None = None, **arguments: Any
    ) -> Iterator[tuple[str, Any]]:
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.plugin_name in self._left_out:
                continue
            try:
                answer = self._ask(impl, kind, arguments)
            except RAISED as error:  # one broken plugin must not stop the rest
                self._set_down(impl.plugin_name, hook, error, blame)
            else:
                if answer is not None:
                    yield impl.plugin_name, answer

    def _set_down(self, plugin: str, hook: str, error: BaseException, blame: Blame | None) -> None:
        full = f"{hook} failed: {exception_text(error)}"
        cause = self.masked(plugin, full)
        # Without the traceback if that would quote a secret.
        _log.debug("plugin %r: %s", plugin, cause, exc_info=error if cause == full else None)
        if hook == "offramp_destinations":
            del self._slugs[plugin]
        if blame is not None or hook in DECLARING:
            (blame or self.leave_out)(plugin, cause)
        else:
            self.report(plugin, hook, cause)

    def _ask(self, impl: Any, kind: Any, arguments: Mapping[str, Any]) -> Any:
        given = {"options": self._options.get(impl.plugin_name), **arguments}
        answer = impl.function(*(given[name] for name in impl.argnames))
        return None if answer is None else _checked(answer, kind)

    def masked(self, plugin: str, text: str) -> str:
        """A text without the secrets among the options of a plugin."""
        for secret in self._secrets.get(plugin, ()):
            text = text.replace(secret, MASK)
        return text

    def report(self, plugin: str, about: str, cause: str) -> None:
        """Record a failure of a plugin that stays in use; a later cause replaces it."""
        cause = self.masked(plugin, cause)
        self._failed[plugin, about] = PluginProblem(plugin, cause, file=self._files.get(plugin))


#: What to return, where the name of the type does not say it.
_WANTED: Final[Mapping[Any, str]] = {
    Action: "a class that extends Action, with a slug",
    AbstractAsyncContextManager: "an async context manager: write @contextlib.asynccontextmanager "
    "below @hookimpl",
}


def _checked(answer: Any, kind: Any) -> Any:
    fits = _is_action(answer) if kind is Action else isinstance(answer, kind)
    if not fits:
        wanted = _WANTED.get(kind) or (
            f"of type {' or '.join(each.__name__ for each in get_args(kind) or (kind,))}"
        )
        raise TypeError(f"{answer!r} is not {wanted}")
    return answer


def _is_action(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, Action) and hasattr(answer, "slug")
