"""Calling the hooks of plugins, so that every answer, and every failure, has a name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any

import attrs
import pluggy

from offramp.definition import Action, AnyAction, Destination, Middleware, Preset
from offramp.errors import told
from offramp.hooks import Command, Route, SettledDelivery, Toolbox

_log = logging.getLogger(__name__)

#: What a hook may raise; `SystemExit` would end the host, which is not a plugin's to do.
RAISED = (Exception, SystemExit)


@attrs.frozen
class PluginProblem:
    """A plugin that could not be used, or a hook of it that failed, and why."""

    plugin: str
    cause: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}: {self.cause}"


class Plugins:
    """All plugins of one process; each method asks one hook of each of them.

    A hook that raises, or answers with something else than it should, is set down in `problems`
    under its plugin's name; the others are heard.
    """

    def __init__(self, manager: pluggy.PluginManager, problems: Iterable[PluginProblem]) -> None:
        self._manager = manager
        self._unloaded = tuple(problems)
        #: By plugin and hook the last failure of each, because observers are called without end.
        self._failed: dict[tuple[str, str], PluginProblem] = {}

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """Plugins that could not be loaded, and hooks that failed."""
        return (*self._unloaded, *self._failed.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins in use, in the order in which they were registered."""
        return tuple(
            name for name, plugin in self._manager.list_name_plugin() if plugin is not None
        )

    def destinations(self) -> Iterator[tuple[str, Destination]]:
        """Each destination with the name of its plugin."""
        return self._each("offramp_destinations", Destination)

    def settings(self, destination: Destination) -> Iterator[tuple[str, type[Any]]]:
        """Each class of further settings with the name of its plugin."""
        return self._one("offramp_settings", type, destination=destination)

    def actions(self, destination: Destination) -> Iterator[tuple[str, AnyAction]]:
        """Each further action with the name of its plugin."""
        return self._each("offramp_actions", Action, destination=destination)

    def default_mappings(
        self, destination: Destination, action: AnyAction
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each laying-over of default mappings with the name of its plugin."""
        return self._one("offramp_default_mapping", Mapping, destination=destination, action=action)

    def presets(self, destination: Destination) -> Iterator[tuple[str, Preset]]:
        """Each further preset with the name of its plugin."""
        return self._each("offramp_presets", Preset, destination=destination)

    def directives(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each table of directives with the name of its plugin."""
        return self._one("offramp_directives", Mapping)

    def middleware(self, destination: Destination) -> list[Middleware]:
        """All middleware for a destination, outermost first."""
        found = self._each("offramp_middleware", Callable, destination=destination)
        return [middleware for _, middleware in found]

    def commands(self, toolbox: Toolbox) -> Iterator[tuple[str, Command]]:
        """Each further command with the name of its plugin."""
        return self._each("offramp_commands", Callable, toolbox=toolbox)

    def routes(self) -> Iterator[tuple[str, Route]]:
        """Each further HTTP door with the name of its plugin."""
        return self._each("offramp_routes", Route)

    def settled(self, outcomes: Sequence[SettledDelivery]) -> None:
        """Let every observer see deliveries that have ended."""
        for _ in self._one("offramp_settled", NoneType, outcomes=outcomes):
            pass

    @property
    def observes(self) -> bool:
        """Whether any plugin wants to see settled deliveries."""
        return bool(self._manager.hook.offramp_settled.get_hookimpls())

    def _each(self, hook: str, kind: Any, **arguments: Any) -> Iterator[tuple[str, Any]]:
        for plugin, answer in self._one(hook, Iterable, **arguments):
            try:
                items = [(plugin, _checked(item, kind)) for item in answer]
            except RAISED as error:  # a plugin's generator may raise anything
                self._set_down(plugin, hook, error)
            else:
                yield from items

    def _one(self, hook: str, kind: Any, **arguments: Any) -> Iterator[tuple[str, Any]]:
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                answer = impl.function(*(arguments[name] for name in impl.argnames))
                found = [] if answer is None else [(impl.plugin_name, _checked(answer, kind))]
            except RAISED as error:  # one broken plugin must not stop the rest
                self._set_down(impl.plugin_name, hook, error)
            else:
                yield from found

    def _set_down(self, plugin: str, hook: str, error: BaseException) -> None:
        problem = PluginProblem(plugin, f"{hook} failed: {told(error)}")
        self._failed[plugin, hook] = problem
        _log.debug("%s", problem, exc_info=error)


def _checked(answer: Any, kind: Any) -> Any:
    fits = _is_action(answer) if kind is Action else isinstance(answer, kind)
    if not fits:
        wanted = "a class that extends Action" if kind is Action else f"of type {kind.__name__}"
        raise TypeError(f"{answer!r} is not {wanted}")
    return answer


def _is_action(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, Action)
