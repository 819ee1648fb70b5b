"""Finds and registers plugins; reports each broken one by name and cause, and runs the rest."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import FunctionType, ModuleType

import attrs
import pluggy

from offramp.errors import PluginError
from offramp.hooks import ENTRY_POINT_GROUP, PROJECT, OfframpSpecs
from offramp.place import exception_text
from offramp.plugins.manager import Plugins
from offramp.plugins.origin import FILE_PLUGINS
from offramp.plugins.problems import BLOCKED_VARIABLE, PluginProblem


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
    files = tuple(files)
    loading = _Loading(manager)
    distributions: dict[str, Distribution] = {}
    for entry_point in _installed() if installed else ():
        if entry_point.dist is not None:
            distributions.setdefault(entry_point.name, entry_point.dist)
        if entry_point.group == ENTRY_POINT_GROUP:
            loading.register(entry_point.name, entry_point.load)
        else:
            loading.register(entry_point.name, partial(_refuse_group, entry_point))
    for path in files:
        loading.register(path.stem, partial(_import_file, path), path)
    for plugin in extra:
        loading.register(_name_of(plugin), partial(_itself, plugin))
    by_name = {path.stem: path for path in files}
    return Plugins(manager, loading.problems, by_name, distributions)


def _installed() -> list[EntryPoint]:
    """Entry points of the group, and of groups whose names are probably misspellings of it."""
    found = entry_points()
    groups = [each for each in found.groups if each.lower().startswith(ENTRY_POINT_GROUP)]
    return sorted((each for group in groups for each in found.select(group=group)), key=_by_name)


def _by_name(entry_point: EntryPoint) -> str:
    return entry_point.name


def _refuse_group(entry_point: EntryPoint) -> object:
    raise PluginError(
        f"its entry point is in the group {entry_point.group!r}, which is not read: "
        f"move it to the group {ENTRY_POINT_GROUP!r}"
    )


@attrs.frozen
class _Loading:
    """Registers plugins, and records those that cannot be registered."""

    manager: pluggy.PluginManager
    problems: list[PluginProblem] = attrs.field(factory=list)

    def register(self, name: str, load: Callable[[], object], file: Path | None = None) -> None:
        if self.manager.is_blocked(name):
            return
        if self.manager.has_plugin(name):
            cause, remedy = "another plugin has this name", "rename one of them"
            self.problems.append(
                PluginProblem(name, cause, left_out=True, file=file, remedy=remedy)
            )
            return
        try:
            plugin = load()
            self.manager.register(plugin, name=name)
            _check(self.manager, plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing a plugin runs its code
            if self.manager.has_plugin(name):  # with the hooks before the faulty one
                self.manager.unregister(name=name)
            cause = f"cannot be loaded: {exception_text(error)}"
            self.problems.append(PluginProblem(name, cause, left_out=True, file=file))


def _check(manager: pluggy.PluginManager, plugin: object) -> None:
    callers = manager.get_hookcallers(plugin) or ()
    _refuse_unmarked(plugin, {caller.name for caller in callers})
    for caller in callers:
        if not hasattr(OfframpSpecs, caller.name):
            raise PluginError(
                f"there is no hook {caller.name!r}; there are {', '.join(hook_names())}"
            )
        for impl in caller.get_hookimpls():
            if impl.plugin is plugin and (impl.wrapper or impl.hookwrapper):
                raise PluginError(f"{caller.name} is a wrapper; write a plain function")


def _refuse_unmarked(plugin: object, marked: set[str]) -> None:
    """Refuse unmarked functions with the name of a hook, and plugins without any hook."""
    for name in hook_names():
        if name not in marked and isinstance(getattr(plugin, name, None), FunctionType):
            raise PluginError(f"{name} is not marked as a hook: write @hookimpl above it")
    if not marked:
        raise PluginError(
            f"it registers no hook; is it the module whose functions carry @hookimpl? "
            f"There are {', '.join(hook_names())}"
        )


def hook_names() -> tuple[str, ...]:
    """The names of all hooks."""
    return tuple(name for name in vars(OfframpSpecs) if name.startswith("offramp_"))


def _import_file(path: Path) -> ModuleType:
    # A prefix of our own, so that a file `json.py` does not replace the standard library's.
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
