"""Makes control characters in texts from outside visible, so that no terminal executes them."""

from __future__ import annotations

from typing import Final

#: First of Unicode's symbols for control characters, such as U+241B for ESC.
_PICTURES: Final = 0x2400
_SPACE: Final = 0x20
_DELETE: Final = 0x7F
_PICTURE_OF_DELETE: Final = 0x2421
#: The second set of control characters (C1), which terminals execute too, and the characters that
#: change the direction of a line. Source: ISO 6429; Unicode, "Bidirectional Algorithm".
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
    """Replace control characters by visible symbols, except line ends and tabs."""
    return text.translate(_SHOWN)
