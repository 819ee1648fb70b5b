"""Finding plugins and calling their hooks, so that every answer, and every fault, has a name."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import attrs
import pluggy

from offramp.definition import AnyAction, Destination, Middleware, Preset
from offramp.errors import PluginError
from offramp.hooks import (
    ENTRY_POINT_GROUP,
    PROJECT,
    Command,
    OfframpSpecs,
    Route,
    SettledDelivery,
    Toolbox,
)

#: Names of plugins that are not to be loaded, separated by commas.
BLOCKED_VARIABLE: Final = "OFFRAMP_BLOCKED_PLUGINS"


@attrs.frozen
class PluginProblem:
    """A plugin that could not be used, or a hook of it that failed, and why."""

    plugin: str
    cause: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}: {self.cause}"


class Plugins:
    """All plugins of one process; each method asks one hook of each of them.

    A hook that raises is set down in `problems` under its plugin's name; the others are heard.
    """

    def __init__(self, manager: pluggy.PluginManager, problems: Iterable[PluginProblem]) -> None:
        self._manager = manager
        self.problems = list(problems)

    @property
    def names(self) -> tuple[str, ...]:
        """The plugins in use, in the order in which they were registered."""
        return tuple(name for name, plugin in self._manager.list_name_plugin() if plugin)

    def destinations(self) -> Iterator[tuple[str, Destination]]:
        """Each destination with the name of its plugin."""
        return self._each("offramp_destinations")

    def settings(self, destination: Destination) -> Iterator[tuple[str, type[Any]]]:
        """Each class of further settings with the name of its plugin."""
        return self._one("offramp_settings", destination=destination)

    def actions(self, destination: Destination) -> Iterator[tuple[str, AnyAction]]:
        """Each further action with the name of its plugin."""
        return self._each("offramp_actions", destination=destination)

    def default_mappings(
        self, destination: Destination, action: AnyAction
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each laying-over of default mappings with the name of its plugin."""
        return self._one("offramp_default_mapping", destination=destination, action=action)

    def presets(self, destination: Destination) -> Iterator[tuple[str, Preset]]:
        """Each further preset with the name of its plugin."""
        return self._each("offramp_presets", destination=destination)

    def directives(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Each table of directives with the name of its plugin."""
        return self._one("offramp_directives")

    def middleware(self, destination: Destination) -> list[Middleware]:
        """All middleware for a destination, outermost first."""
        return [each for _, each in self._each("offramp_middleware", destination=destination)]

    def commands(self, toolbox: Toolbox) -> Iterator[tuple[str, Command]]:
        """Each further command with the name of its plugin."""
        return self._each("offramp_commands", toolbox=toolbox)

    def routes(self) -> Iterator[tuple[str, Route]]:
        """Each further HTTP door with the name of its plugin."""
        return self._each("offramp_routes")

    def settled(self, outcomes: Sequence[SettledDelivery]) -> None:
        """Let every observer see deliveries that have ended."""
        for _ in self._one("offramp_settled", outcomes=outcomes):
            pass

    @property
    def observes(self) -> bool:
        """Whether any plugin wants to see settled deliveries."""
        return bool(self._manager.hook.offramp_settled.get_hookimpls())

    def _each(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        for plugin, answer in self._one(hook, **arguments):
            try:
                yield from [(plugin, item) for item in answer]
            except Exception as error:  # noqa: BLE001 - a plugin's generator may raise anything
                self._set_down(plugin, hook, error)

    def _one(self, hook: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                answer = impl.function(*(arguments[name] for name in impl.argnames))
            except Exception as error:  # noqa: BLE001 - one broken plugin must not stop the rest
                self._set_down(impl.plugin_name, hook, error)
                continue
            if answer is not None:
                yield impl.plugin_name, answer

    def _set_down(self, plugin: str, hook: str, error: Exception) -> None:
        self.problems.append(PluginProblem(plugin, f"{hook} raised {_told(error)}"))


def load_plugins(
    *,
    extra: Iterable[object] = (),
    files: Iterable[Path] = (),
    blocked: Iterable[str] = (),
    installed: bool = True,
) -> Plugins:
    """Find the installed plugins, then those given, and register them in that order.

    `extra` are modules or objects with hooks, `files` are Python files; `blocked` names plugins
    to leave out, beside those in the variable `OFFRAMP_BLOCKED_PLUGINS`. A plugin that cannot be
    loaded is reported in `problems`.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(OfframpSpecs)
    for name in (*blocked, *filter(None, os.environ.get(BLOCKED_VARIABLE, "").split(","))):
        manager.set_blocked(name.strip())
    problems: list[PluginProblem] = []
    found = sorted(entry_points(group=ENTRY_POINT_GROUP), key=_by_name) if installed else []
    for entry_point in found:
        if not manager.is_blocked(entry_point.name):
            _register(manager, problems, entry_point.name, entry_point.load)
    for path in files:
        _register(manager, problems, path.stem, partial(_import_file, path))
    for plugin in extra:
        _register(manager, problems, _name_of(plugin), partial(_itself, plugin))
    return Plugins(manager, problems)


def _by_name(entry_point: EntryPoint) -> str:
    return entry_point.name


def _register(
    manager: pluggy.PluginManager,
    problems: list[PluginProblem],
    name: str,
    load: Callable[[], object],
) -> None:
    try:
        plugin = load()
        manager.register(plugin, name=name)
        unknown = [hook for hook in _hooks_of(manager, plugin) if not hasattr(OfframpSpecs, hook)]
        if unknown:
            manager.unregister(plugin)
            told = f"there is no hook {unknown[0]!r}; there are {', '.join(hook_names())}"
            problems.append(PluginProblem(name, told))
    except Exception as error:  # noqa: BLE001 - importing a plugin runs its code
        problems.append(PluginProblem(name, f"cannot be loaded: {_told(error)}"))


def _hooks_of(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    return [caller.name for caller in manager.get_hookcallers(plugin) or ()]


def hook_names() -> tuple[str, ...]:
    """The names of all hooks."""
    return tuple(name for name in vars(OfframpSpecs) if name.startswith("offramp_"))


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs: attrs and typing look a class's module up by its name.
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module


def _itself(plugin: object) -> object:
    return plugin


def _name_of(plugin: object) -> str:
    return getattr(plugin, "__name__", type(plugin).__qualname__)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
