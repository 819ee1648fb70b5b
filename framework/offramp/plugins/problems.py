"""A problem with a plugin: its name, cause and remedy, and what is left out for it."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Final

import attrs

from offramp.errors import join_place

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
    #: The slug of the one destination that is left out, if the plugin itself is in use.
    destination: str | None = None

    #: What to do about it.
    remedy: str = attrs.field()

    @remedy.default
    def _default_remedy(self) -> str:
        if not self.left_out and self.destination is None:
            return "fix the plugin"
        block = f"block it with {BLOCKED_VARIABLE}={self.plugin}"
        if self.file is None:
            return f"fix or uninstall it, or {block}"
        return f"fix {self.file}, take it out of `plugin_files`, or {block}"

    @property
    def message(self) -> str:
        """Cause and remedy, and that the plugin or a destination is left out, if it is."""
        state = "; it is left out" if self.left_out else ""
        if self.destination is not None:
            state = f"; the destination {self.destination!r} is left out"
        return f"{self.cause}{state}: {self.remedy}"

    @property
    def keys(self) -> tuple[str, ...]:
        """`plugins`, the plugin's name, and `destinations` with a slug if it is about just one."""
        one = () if self.destination is None else ("destinations", self.destination)
        return ("plugins", self.plugin, *one)

    @property
    def place(self) -> str:
        """The keys, as a dotted place."""
        return reduce(join_place, self.keys, "")

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}: {self.message}"

    def may_declare(self, slug: str) -> bool:
        """Whether a destination may be missing because of this problem."""
        if self.left_out:
            return self.destinations is None or slug in self.destinations
        return slug == self.destination
