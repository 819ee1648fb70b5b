"""Rules for a value that has the right type: choices, bounds, lengths, formats.

Each rule is written once: the careful test, the test as code and the JSON Schema side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from offramp.codegen import Source
from offramp.js.numbers import exact
from offramp.payload.values import is_number, same, text_of

#: How many choices a message lists.
SHOWN_CHOICES: Final = 10


@attrs.frozen(kw_only=True)
class Rule:
    """One rule for a value."""

    #: What a message says is expected.
    wanted: str
    #: Whether any value satisfies it; a value of a type that the rule is not about does.
    run: Callable[[Any], bool]
    #: The test as an expression, given the name of a value of the field's usual type.
    emit: Callable[[Source, str], str]
    #: The rule in JSON Schema; a format's schema comes from the field's type.
    schema: dict[str, Any] = attrs.field(factory=dict)
    #: The test of a format, to recognise a test that the code has done already.
    fits: Callable[[str], bool] | None = None


def one_of(values: Sequence[Any], *, are_texts: bool) -> Rule:
    """The rule of choices; `are_texts` if the field's usual value is a string."""
    strings = frozenset(value for value in values if isinstance(value, str))
    others = [value for value in values if not isinstance(value, str)]

    def run(value: Any) -> bool:
        if isinstance(value, str):
            return value in strings
        return any(same(value, other) for other in others)

    def emit(source: Source, value: str) -> str:
        if are_texts:
            return f"{value} in {source.name('allowed', strings)}"
        return f"{source.name('is_allowed', run)}({value})"

    more = f" and {len(values) - SHOWN_CHOICES} more" if len(values) > SHOWN_CHOICES else ""
    shown = ", ".join(map(text_of, values[:SHOWN_CHOICES]))
    return Rule(wanted=f"one of {shown}{more}", run=run, emit=emit, schema={"enum": list(values)})


def at_least(bound: float) -> Rule:
    """The rule of a smallest number, compared by exact digits."""
    least = exact(bound)
    return Rule(
        wanted=f"{least} or more",
        run=lambda value: not is_number(value) or exact(value) >= least,
        emit=lambda source, value: f"{value} >= {source.name('least', least)}",
        schema={"minimum": bound},
    )


def at_most(bound: float) -> Rule:
    """The rule of a largest number, compared by exact digits."""
    most = exact(bound)
    return Rule(
        wanted=f"{most} or less",
        run=lambda value: not is_number(value) or exact(value) <= most,
        emit=lambda source, value: f"{value} <= {source.name('most', most)}",
        schema={"maximum": bound},
    )


def no_shorter(least: float) -> Rule:
    """The rule of a shortest text, in characters."""
    return Rule(
        wanted=f"{least} characters or more",
        run=lambda value: not isinstance(value, str) or len(value) >= least,
        emit=lambda source, value: f"len({value}) >= {source.name('least', least)}",
        schema={"minLength": least},
    )


def no_longer(most: float) -> Rule:
    """The rule of a longest text, in characters."""
    return Rule(
        wanted=f"at most {most} characters",
        run=lambda value: not isinstance(value, str) or len(value) <= most,
        emit=lambda source, value: f"len({value}) <= {source.name('most', most)}",
        schema={"maxLength": most},
    )


def fits_format(fits: Callable[[str], bool], wanted: str) -> Rule:
    """The rule of a text's format."""
    return Rule(
        wanted=wanted,
        run=lambda value: not isinstance(value, str) or fits(value),
        emit=lambda source, value: f"{source.name('fits', fits)}({value})",
        fits=fits,
    )
