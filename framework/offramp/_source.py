"""Straight-line code, written line by line when something is compiled, and made a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

INDENT: Final = "    "


class Source:
    """Lines of code, and what they speak of by name.

    Who writes a line puts in texts of others only as literals (`repr`), and objects only by names.
    """

    def __init__(self, **names: Any) -> None:
        self.names: dict[str, Any] = names
        self.lines: list[str] = []
        self._count = 0

    @property
    def text(self) -> str:
        """The code, to be read."""
        return "\n".join(self.lines) + "\n"

    def write(self, indent: int, line: str) -> None:
        """Add a line."""
        self.lines.append(INDENT * indent + line)

    def name(self, prefix: str, it: Any = None) -> str:
        """A name that nothing else has; of `it`, if that is given."""
        self._count += 1
        name = f"{prefix}_{self._count}"
        if it is not None:
            self.names[name] = it
        return name

    def function(self, name: str, **names: Any) -> Callable[..., Any]:
        """The function that the code defines; `names` are more of what it speaks of."""
        scope = {**self.names, **names}
        exec(self.text, scope)  # noqa: S102 - written by the framework, as told above
        made: Callable[..., Any] = scope[name]
        return made
