"""A console through which no text that came from outside reaches into the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from offramp.host.controls import show_controls

#: A width at which nothing is folded, in characters.
UNFOLDED: Final = 100_000


class SafeConsole(Console):
    """Shows control characters instead of sending them; its own colours are not text.

    What is no terminal has no width, so nothing is folded for it, unless `COLUMNS` gives it one.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = UNFOLDED

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of what is to be printed."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(show_controls(segment.text), segment.style)
