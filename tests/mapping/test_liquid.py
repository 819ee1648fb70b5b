"""Liquid: its clock, its budget, and what one run leaves for the next."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from offramp.errors import BudgetError, MappingError, TransformError
from offramp.mapping import compile_mapping, transform
from offramp.mapping.liquid.filters import DISABLED_FILTERS, FILTERS


class Literal(str):
    """A value that only a template can write."""

    __slots__ = ()


ARGUMENTS = ("", ": a", ": a, b", ": a, b, c", ": x: a", ": nil, empty, blank", ": blank")
VALUES: tuple[Any, ...] = (
    *map(Literal, ("nil", "empty", "blank")),
    *(None, True, 0, Decimal("2.50"), "", "a b"),
    *([], [1, [None]], {}, {"length": "x"}),
)
NOON = 1_800_000_000.5


def render(template: str, event: dict[str, Any] | None = None, **options: Any) -> Any:
    return transform({"v": {"@liquid": template}}, event or {}, **options)["v"]


@pytest.mark.parametrize("word", ["now", "today"])
def test_now_is_what_the_clock_says(word: str) -> None:
    """The clock is handed in, and asked when the template runs."""
    ticks = iter([NOON, NOON + 1])
    mapping = {"v": {"@liquid": f"{{{{ '{word}' | date: '%s %L' }}}}"}}
    compiled = compile_mapping(mapping, clock=lambda: next(ticks))
    assert compiled({}) == {"v": "1800000000 500"}
    assert compiled({}) == {"v": "1800000001 500"}


def test_now_without_a_clock_is_an_error() -> None:
    """Rather that than a date that changes from one test run to the next."""
    with pytest.raises(TransformError, match="the date 'now' needs a clock"):
        render("{{ when | date }}", {"when": "now"})


def test_doubling_a_text_ends_at_the_budget() -> None:
    """A short template cannot fill the memory."""
    template = "{% assign a = '0123456789' %}" + "{% assign a = a | append: a %}" * 30
    with pytest.raises(BudgetError, match="handles more than 2,000,000 characters"):
        render(template)


@pytest.mark.parametrize("end", ["100001", "999999999999999999999"])
def test_a_range_has_an_end(end: str) -> None:
    """Asked for as a number or in an event."""
    with pytest.raises(BudgetError, match="takes more than 100,000 steps"):
        render(f"{{{{ (1..{end}) | size }}}}")
    with pytest.raises(BudgetError, match="takes more than 100,000 steps"):
        render("{{ (1..n) | size }}", {"n": int(end)})


def test_padding_a_date_is_charged() -> None:
    """A format cannot ask for more than the budget either."""
    with pytest.raises(BudgetError, match="handles more than"):
        render("{{ 0 | date: '%200000000d' }}")


def test_no_run_leaves_anything_for_the_next() -> None:
    """Variables, counters and cycles begin anew, and the event is as it was."""
    template = "{% increment n %}{% cycle 'a', 'b' %}{{ x }}{% assign x = 1 %}"
    compiled = compile_mapping({"v": {"@liquid": template}, "n": {"@path": "$.n"}})
    event = {"n": 5}
    assert [compiled(event), compiled(event)] == [{"v": "5a", "n": 5}] * 2
    assert event == {"n": 5}


def test_exact_numbers_are_written_exactly_and_calculated_as_doubles() -> None:
    """A number that is only shown keeps its digits; filters calculate as JavaScript does."""
    event = {"n": 12345678901234567890, "d": Decimal("0.10")}
    assert render("{{ n }} {{ d }} {{ n | plus: 0 }}", event) == (
        "12345678901234567890 0.1 12345678901234567000"
    )


@pytest.mark.parametrize("name", sorted(DISABLED_FILTERS))
def test_a_disabled_filter_is_refused_by_name(name: str) -> None:
    """When the mapping is compiled, not when an event comes by."""
    with pytest.raises(MappingError, match=f"the filter '{name}' is not available in a mapping"):
        compile_mapping({"v": {"@liquid": f"{{{{ a | {name} }}}}"}})


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filter_takes_anything(name: str) -> None:
    """Wrong types and numbers of arguments give a text or an error that has a place."""
    for arguments, value in itertools.product(ARGUMENTS, VALUES):
        written = value if isinstance(value, Literal) else "v"
        event = {"v": value, "a": value, "b": 2, "c": "x"}
        try:
            answer = render(f"{{{{ {written} | {name}{arguments} }}}}", event)
        except (MappingError, TransformError) as error:
            answer = str(error)
            assert "$.v.@liquid" in answer
        assert isinstance(answer, str)


def test_a_template_tells_where_it_is_wrong() -> None:
    """Line and column, and the template itself."""
    with pytest.raises(MappingError) as caught:
        compile_mapping({"v": {"@liquid": "fine\n{{ a b }}"}})
    assert str(caught.value) == (
        "mapping @ $.v.@liquid: expected end of expression, found word (line 2, column 6); "
        'correct the template the string "fine\\n{{ a b }}"'
    )
