"""Code that is written when something is compiled, and run: a traceback shows its lines.

Each function has a file name of its own and its text in `linecache`, where `traceback`, `inspect`
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

    A foreign text is written only as a literal (`repr`), an object only by its name.
    """

    def __init__(self, title: str, **names: Any) -> None:
        #: What the code is, for its file name: `mapping $` becomes `<offramp mapping $ 7>`.
        self.title = title
        self.names: dict[str, Any] = names
        self.lines: list[str] = []
        #: How many blocks the next line stands in.
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
        """Open a block by its first line (`if a:`); what is written meanwhile stands in it."""
        self.write(opening)
        self.level += 1
        yield
        self.level -= 1

    def name(self, prefix: str, it: Any = None) -> str:
        """A name that nothing else has; of `it`, if that is given."""
        self._count += 1
        name = f"{prefix}_{self._count}"
        if it is not None:
            self.names[name] = it
        return name

    def function(self, name: str, **names: Any) -> Callable[..., Any]:
        """The function that the code defines; `names` are more objects that it names."""
        # A file name must be writable in any locale; a key of a mapping may hold what is not.
        file = f"<offramp {ascii(self.title)[1:-1]} {next(_numbers)}>"
        # Whoever looks for the plugin that a traceback leads to passes the framework's modules.
        scope = {"__name__": __name__, **self.names, **names}
        exec(compile(self.text, file, "exec"), scope)  # noqa: S102 - holds no foreign text
        # Left in its own scope, a function would only go when the garbage collector finds it.
        made: Callable[..., Any] = scope.pop(name)
        _show(file, self.text, made.__code__)
        return made


def _show(file: str, text: str, code: CodeType) -> None:
    """Put a text in `linecache` for as long as its code exists, in a traceback's frames or not."""
    # Without a time of change, `linecache` does not look for the file.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    weakref.finalize(code, linecache.cache.pop, file, None).atexit = False
