"""A problem with a plugin: its name, cause and remedy, and whether the plugin is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

#: Names of plugins that are not to be loaded, separated by commas.
BLOCKED_VARIABLE: Final = "OFFRAMP_BLOCKED_PLUGINS"


@attrs.frozen
class PluginProblem:
    """Why a plugin could not be used, or why one of its hooks failed."""

    plugin: str
    cause: str
    #: Whether the plugin is not used at all; otherwise only the failed call is missing.
    left_out: bool = False
    #: The file that a configuration names, if the plugin is not an installed one.
    file: Path | None = None
    #: Slugs of the destinations that it declares, if it could be asked.
    destinations: frozenset[str] | None = None

    #: What to do about it.
    remedy: str = attrs.field()

    @remedy.default
    def _default_remedy(self) -> str:
        if not self.left_out:
            return "fix the plugin"
        block = f"block it with {BLOCKED_VARIABLE}={self.plugin}"
        if self.file is None:
            return f"fix or uninstall it, or {block}"
        return f"fix {self.file}, take it out of `plugin_files`, or {block}"

    @property
    def message(self) -> str:
        """Cause and remedy, and that the plugin is left out, if it is."""
        state = "; it is left out" if self.left_out else ""
        return f"{self.cause}{state}: {self.remedy}"

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}: {self.message}"

    def may_declare(self, slug: str) -> bool:
        """Whether a destination may be missing because this plugin is left out."""
        return self.left_out and (self.destinations is None or slug in self.destinations)
