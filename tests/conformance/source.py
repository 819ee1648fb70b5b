"""Where generated cases take their choices from: hypothesis, or a plain random generator.

One generator then serves both: hypothesis, which makes a difference small, in the suite; and
the standard library's, which is ten times faster, in long runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import attrs
from hypothesis import strategies as st

T = TypeVar("T")
PERCENT = 100


class Source(Protocol):
    """Makes choices; the first option is the simplest."""

    def below(self, end: int) -> int:
        """A number from 0 up to, not including, an end."""
        ...

    def pick(self, options: Sequence[T]) -> T:
        """One of some options."""
        ...

    def chance(self, percent: int) -> bool:
        """Yes, this often."""
        ...


@attrs.frozen
class RandomSource:
    """Choices of a seeded generator."""

    _random: random.Random

    def below(self, end: int) -> int:
        return int(self._random.random() * end)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random.random() * len(options))]

    def chance(self, percent: int) -> bool:
        return self._random.random() * PERCENT < percent


@attrs.frozen
class DrawnSource:
    """Choices of hypothesis."""

    _draw: Callable[[st.SearchStrategy[Any]], Any]

    def below(self, end: int) -> int:
        return int(self._draw(st.integers(0, end - 1)))

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def chance(self, percent: int) -> bool:
        return self.below(PERCENT) >= PERCENT - percent


def drawn(make: Callable[[Source], T]) -> st.SearchStrategy[T]:
    """A strategy of hypothesis for what a generator makes."""

    @st.composite
    def strategy(draw: Callable[[st.SearchStrategy[Any]], Any]) -> T:
        return make(DrawnSource(draw))

    return strategy()
