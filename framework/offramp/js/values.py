"""The absence of a value, which is not null, and which values count as true in JavaScript."""

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


#: The absence of a value, which JavaScript calls undefined; `None` is JSON's null.
UNSET: Final = Unset.UNSET


def is_truthy(value: Any) -> bool:
    """Whether a value is true in JavaScript: empty lists and objects are, 0 and "" are not."""
    return bool(value) or type(value) is list or type(value) is dict
