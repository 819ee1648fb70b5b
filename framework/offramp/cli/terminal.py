"""A console through which no text that came from outside reaches into the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

#: A width at which nothing is folded, in characters.
UNFOLDED: Final = 100_000
#: Where Unicode has pictures of the control characters, such as U+241B for ESC.
_PICTURES: Final = 0x2400
_SPACE: Final = 0x20
_DELETE: Final = 0x7F
_PICTURE_OF_DELETE: Final = 0x2421
#: The second set of control characters, which terminals obey as they do the first, and the marks
#: that turn the direction of a line around. Source: ISO 6429; Unicode, "Bidirectional Algorithm".
_UNSEEN: Final = (
    *range(0x80, 0xA0),
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
_SHOWN: Final[dict[int, int | str]] = {
    **{code: _PICTURES + code for code in range(_SPACE) if chr(code) not in "\n\t"},
    _DELETE: _PICTURE_OF_DELETE,
    **dict.fromkeys(_UNSEEN, "\N{REPLACEMENT CHARACTER}"),
}


def show_controls(text: str) -> str:
    """The text with control characters shown instead of obeyed; line ends and tabs stay."""
    return text.translate(_SHOWN)


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
