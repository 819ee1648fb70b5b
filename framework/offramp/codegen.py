"""Generated code whose lines a traceback shows.

Each function has its own file name, and its text is in `linecache`, where `traceback`, `inspect`
and debuggers look for it.
"""

from __future__ import annotations

import itertools
import linecache
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Final

INDENT: Final = "    "

_numbers: Final = itertools.count(1)


class Source:
    """Lines of code, and the objects that they name.

    Text from outside is written only as a literal (`repr`), an object only by its name.
    """

    def __init__(self, title: str, **names: Any) -> None:
        #: What the code is, for its file name: `mapping $` becomes `<offramp mapping $ 7>`.
        self.title = title
        self.names: dict[str, Any] = names
        self.lines: list[str] = []
        #: Number of blocks around the next line.
        self.level = 0
        self._count = 0

    @property
    def text(self) -> str:
        """The code so far."""
        return "\n".join(self.lines) + "\n"

    def write(self, line: str) -> None:
        """Add a line to the open block."""
        self.lines.append(INDENT * self.level + line)

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Open a block with its first line (`if a:`); lines written until it closes are inside."""
        self.write(opening)
        self.level += 1
        yield
        self.level -= 1

    def name(self, prefix: str, it: Any = None) -> str:
        """A new unique name, bound to `it` if that is given."""
        self._count += 1
        name = f"{prefix}_{self._count}"
        if it is not None:
            self.names[name] = it
        return name

    def function(self, name: str, **names: Any) -> Callable[..., Any]:
        """The function that the code defines; `names` are more objects that it refers to."""
        # A file name must be writable in any locale; a mapping's key may hold any character.
        file = f"<offramp {ascii(self.title)[1:-1]} {next(_numbers)}>"
        # With this `__name__`, a search for the plugin behind a traceback skips generated frames.
        scope = {"__name__": __name__, **self.names, **names}
        exec(compile(self.text, file, "exec"), scope)  # noqa: S102 - holds no foreign text
        # Popped, since a function in its own globals is a cycle that only the collector frees.
        made: Callable[..., Any] = scope.pop(name)
        _show(file, self.text, made.__code__)
        return made


def _show(file: str, text: str, code: CodeType) -> None:
    """Keep a text in `linecache` for as long as its code object exists."""
    # Without a modification time, `linecache` does not look for the file.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    weakref.finalize(code, linecache.cache.pop, file, None).atexit = False
