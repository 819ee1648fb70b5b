"""Where a plugin comes from, and the plugin that a piece of code belongs to, by the code's file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Final

import attrs

#: Prefix of the module names of plugin files in `sys.modules`.
FILE_PLUGINS: Final = "offramp_plugin_files"
#: The framework's own plugins are beside code that is not a plugin.
_FRAMEWORK: Final = __name__.partition(".")[0]


@attrs.frozen(kw_only=True)
class PluginOrigin:
    """Where a plugin comes from: a distribution or a file; neither if a program gave it."""

    #: The module that holds its hooks, as Python spells it: `sms.plugin`.
    module: str | None = None
    distribution: str | None = None
    version: str | None = None
    file: Path | None = None


class Origins:
    """The files and folders of all plugins; look-ups are cached, since stacks repeat files."""

    def __init__(self, plugins: Iterable[tuple[str, object]]) -> None:
        self._roots = [(root, name) for name, plugin in plugins if (root := _root(plugin))]
        self._known: dict[str, str | None] = {}

    def owner(self, file: str) -> str | None:
        """The plugin whose code is in a file, or None."""
        if file not in self._known:
            path = Path(file)
            # The deepest folder counts, since one plugin may be inside the folder of another.
            found = [(len(root.parts), name) for root, name in self._roots if _within(path, root)]
            self._known[file] = max(found)[1] if found else None
        return self._known[file]


def module_of(plugin: object) -> str | None:
    """The name of the module that holds a plugin's hooks; None for a file of a configuration."""
    name = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
    return None if name.partition(".")[0] == FILE_PLUGINS else name


def _root(plugin: object) -> Path | None:
    """The folder of a plugin's top package, or its only file."""
    module = plugin if isinstance(plugin, ModuleType) else sys.modules.get(type(plugin).__module__)
    if module is None or module.__file__ is None:
        return None
    top = module.__name__.partition(".")[0]
    package = sys.modules.get(top)
    alone = top in (FILE_PLUGINS, _FRAMEWORK) or module is not plugin
    if alone or package is None or package.__file__ is None:
        return Path(module.__file__)
    file = Path(package.__file__)
    return file.parent if file.stem == "__init__" else file


def _within(path: Path, root: Path) -> bool:
    return path == root or root in path.parents
