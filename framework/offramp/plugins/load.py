"""Finding plugins and registering them: a broken one is told by name and cause, the rest runs."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

import pluggy

from offramp.errors import PluginError, told
from offramp.hooks import ENTRY_POINT_GROUP, PROJECT, OfframpSpecs
from offramp.plugins.manager import PluginProblem, Plugins

#: Names of plugins that are not to be loaded, separated by commas.
BLOCKED_VARIABLE: Final = "OFFRAMP_BLOCKED_PLUGINS"
#: Under this name plugin files stand among the loaded modules.
FILE_PLUGINS: Final = "offramp_plugin_files"


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
    if manager.is_blocked(name):
        return
    if manager.has_plugin(name):
        problems.append(PluginProblem(name, "another plugin has this name; rename one of them"))
        return
    try:
        plugin = load()
        manager.register(plugin, name=name)
        _check(manager, plugin)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - importing a plugin runs its code
        if manager.has_plugin(name):  # with the hooks that stood before the one at fault
            manager.unregister(name=name)
        problems.append(PluginProblem(name, f"cannot be loaded: {told(error)}"))


def _check(manager: pluggy.PluginManager, plugin: object) -> None:
    for caller in manager.get_hookcallers(plugin) or ():
        if not hasattr(OfframpSpecs, caller.name):
            raise PluginError(
                f"there is no hook {caller.name!r}; there are {', '.join(hook_names())}"
            )
        for impl in caller.get_hookimpls():
            if impl.plugin is plugin and (impl.wrapper or impl.hookwrapper):
                raise PluginError(f"{caller.name} is a wrapper; write a plain function")


def hook_names() -> tuple[str, ...]:
    """The names of all hooks."""
    return tuple(name for name in vars(OfframpSpecs) if name.startswith("offramp_"))


def _import_file(path: Path) -> ModuleType:
    # Its own name space: a file `json.py` must not be taken for the library, nor replace it.
    name = f"{FILE_PLUGINS}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs: attrs and typing look a class's module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _itself(plugin: object) -> object:
    return plugin


def _name_of(plugin: object) -> str:
    return getattr(plugin, "__name__", type(plugin).__qualname__)
