"""`and` and `or` of compiled tests, without a loop where there are few: that is the usual case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Test: TypeAlias = Callable[[dict[str, Any]], bool]

#: Groups of up to this many tests are one expression each.
_PAIR = 2
_TRIPLE = 3


def compile_all(tests: Sequence[Test]) -> Test:
    """Make the test that all of these hold; it stops at the first that does not."""
    if len(tests) == _PAIR:
        first, second = tests
        return lambda event: first(event) and second(event)
    if len(tests) == _TRIPLE:
        first, second, third = tests
        return lambda event: first(event) and second(event) and third(event)
    if len(tests) == 1:
        return tests[0]

    def every(event: dict[str, Any]) -> bool:
        for test in tests:  # noqa: SIM110  # all() with a generator takes twice the time
            if not test(event):
                return False
        return True

    return every


def compile_any(tests: Sequence[Test]) -> Test:
    """Make the test that one of these holds; it stops at the first that does."""
    if len(tests) == _PAIR:
        first, second = tests
        return lambda event: first(event) or second(event)
    if len(tests) == _TRIPLE:
        first, second, third = tests
        return lambda event: first(event) or second(event) or third(event)
    if len(tests) == 1:
        return tests[0]

    def some(event: dict[str, Any]) -> bool:
        for test in tests:  # noqa: SIM110  # any() with a generator takes twice the time
            if test(event):
                return True
        return False

    return some
