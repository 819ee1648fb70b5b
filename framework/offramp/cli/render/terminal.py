"""A console that never sends control characters of foreign texts to the terminal."""

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
    """Replaces control characters in texts by visible symbols; its own colours still work.

    If the output is not a terminal, no line is folded, unless `COLUMNS` gives a width.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)
        if not self.is_terminal and "COLUMNS" not in os.environ:
            self.width = UNFOLDED

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render to segments, with control characters replaced."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(show_controls(segment.text), segment.style)
