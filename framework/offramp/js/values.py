"""The absence of a value, as opposed to null, and what JavaScript takes for true."""

from __future__ import annotations

import enum
from typing import Any, Final


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = enum.auto()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return self.name


#: No value at all, where `None` is JSON's null: what JavaScript calls undefined.
UNSET: Final = Unset.UNSET


def is_truthy(value: Any) -> bool:
    """Whether JavaScript's `if` takes a value: empty lists and objects count, 0 and "" do not."""
    return bool(value) or type(value) is list or type(value) is dict
