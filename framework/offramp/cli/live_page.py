"""A page in the terminal that is drawn again when files change, or a key is pressed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from offramp.cli.context import Context

#: Seconds between two looks at the files.
LOOK_SECONDS: Final = 0.3
#: Seconds for one page: a module that takes longer to import does something else than declare.
PAGE_SECONDS: Final = 30.0
#: What the source of a project is, besides the files that the command names.
SOURCES: Final = ("*.py", "pyproject.toml")
KEYS: Final = "n next event   p previous event   a next answer   q quit"
#: Clears the screen and what scrolled off it, and goes to its first line.
CLEAR: Final = "\N{ESCAPE}[2J\N{ESCAPE}[3J\N{ESCAPE}[H"

#: Path -> time of its last change and size.
Files = dict[str, tuple[int, int]]


@attrs.define(kw_only=True)
class LivePage:
    """The output of a command, which takes `--event` and `--answers-on`."""

    context: Context
    command: Sequence[str]
    #: Watched with all below it.
    folder: Path
    files: Sequence[Path]
    _event: int = attrs.field(default=0, init=False)
    _answer: int = attrs.field(default=0, init=False)

    def show_once(self) -> int:
        """Run the command for all events; return its exit status."""
        return subprocess.run(self.command, check=False).returncode  # noqa: S603 - our own

    def run(self) -> int:
        """Show the page until `q` or Ctrl-C; return 0."""
        seen: Files | None = None
        with _single_keys():
            while True:
                found = self._look()
                key = "" if seen != found else _read_key()
                if key == "q":
                    return 0
                if seen != found or self._turn(key):
                    seen = found
                    self._draw()

    def _turn(self, key: str) -> bool:
        """Choose by a key; answers whether there is something else to show."""
        self._event += {"n": 1, "p": -1}.get(key, 0)
        self._answer += key == "a"
        return key in {"n", "p", "a"}

    def _draw(self) -> None:
        chosen = ["--event", str(self._event), "--answers-on", str(self._answer)]
        out = self.context.out
        text = self._page([*self.command, *chosen], width=out.width if out.is_terminal else None)
        now = time.strftime("%H:%M:%S")
        if out.is_terminal:
            # The page was made for this terminal; the console would take its colours for text.
            sys.stdout.write(f"{CLEAR}{text}\n")
            out.print(f"{now}   {KEYS}", style="dim", markup=False)
        else:
            sys.stdout.write(f"== {now}\n{text}\n")
        sys.stdout.flush()

    def _page(self, command: Sequence[str], *, width: int | None) -> str:
        shown = {} if width is None else {"COLUMNS": str(width), "FORCE_COLOR": "1"}
        try:
            return subprocess.run(  # noqa: S603 - our own
                command,
                env={**os.environ, **shown},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PAGE_SECONDS,
                check=False,
            ).stdout
        except subprocess.TimeoutExpired:
            return (
                f"the destination took more than {PAGE_SECONDS:g} s: something in it never ends, "
                "or waits when it is imported"
            )

    def _look(self) -> Files:
        found = {}
        for path in [*_sources(self.folder), *self.files]:
            try:
                state = path.stat()
            except OSError:
                continue  # it was deleted meanwhile
            found[str(path)] = state.st_mtime_ns, state.st_size
        return found


def _sources(folder: Path) -> Iterator[Path]:
    """The sources below a folder, without what tools keep there: environments, caches."""
    for parent, folders, _ in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith((".", "__"))]
        if (Path(parent) / "pyvenv.cfg").exists():
            folders.clear()
            continue
        for pattern in SOURCES:
            yield from Path(parent).glob(pattern)


@contextmanager
def _single_keys() -> Iterator[None]:
    """Read keys at once instead of lines, where standard input is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _read_key() -> str:
    """Wait for a key for a moment; an empty text if there is none."""
    if not sys.stdin.isatty():
        time.sleep(LOOK_SECONDS)
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else ""
