"""A field type is one row; what is said twice in it, as a test and as code, agrees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, cast, get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from offramp.codegen import Source
from offramp.definition import Field, FieldType, field, fields_of
from offramp.errors import PayloadError
from offramp.payload import compile_check, compile_pair, json_schema
from offramp.payload.attributes import ATTRIBUTE_TYPES, Form
from offramp.payload.formats import FORMATS
from offramp.payload.quick import compile_quick
from offramp.payload.rules import (
    Rule,
    at_least,
    at_most,
    fits_format,
    no_longer,
    no_shorter,
    one_of,
)
from offramp.payload.types import (
    BOOLEAN,
    FIELD_TYPES,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    JsonType,
    TypeDefinition,
)
from offramp.testing import generate_test_data

#: JSON values of every type, most of them at an edge of some rule.
TEXTS: SearchStrategy[Any] = st.sampled_from(
    ["", "a", "ab", "abc", "ada@example.com", "2026-11-23T04:10:11Z", "2026-02-30T00:00:00Z", "5"]
)
NUMBERS: SearchStrategy[Any] = st.sampled_from(
    [0, 1, -1, 2, 10**400, Decimal("1.5"), Decimal("2.0"), Decimal("1e400"), Decimal("-0.0")]
)
ODD: SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        False,
        1.5,
        2.0,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        [],
        ["a"],
        {},
        {"a": 1},
    ]
)
VALUES = TEXTS | NUMBERS | ODD
#: The values that the code of a rule may be asked about: of the field's usual type.
USUAL: dict[type, SearchStrategy[Any]] = {str: TEXTS, int: NUMBERS, bool: st.booleans()}


def written(emit: Callable[[Source, str], str]) -> Callable[[Any], Any]:
    """The function of one value that an expression is the code of."""
    source = Source("test")
    with source.block("def run(value):"):
        source.write(f"return {emit(source, 'value')}")
    return source.function("run")


def test_every_name_of_a_field_type_has_its_row() -> None:
    """Type checkers know the same types as the engine, and no others."""
    assert set(FIELD_TYPES) == set(get_args(FieldType))


@pytest.mark.parametrize(
    "json_type", [STRING, NUMBER, INTEGER, BOOLEAN, OBJECT], ids=lambda each: each.name
)
@given(value=VALUES)
def test_code_knows_a_type_by_what_fits_it(json_type: JsonType, value: Any) -> None:
    """The code may overlook a value that fits, never take one that does not."""
    found = written(json_type.emit)(value)
    assert json_type.fits(value) or not found
    if type(value) is json_type.usual:
        assert found


RULES: list[tuple[Rule, type]] = [
    (one_of(["a", "ab", 1, None], are_texts=True), str),
    (one_of([1, Decimal("2.0"), "5"], are_texts=False), int),
    (one_of([True], are_texts=False), bool),
    (at_least(1.5), int),
    (at_most(1.5), int),
    (no_shorter(2), str),
    (no_longer(2), str),
    *((fits_format(*each), str) for each in FORMATS.values()),
]


@pytest.mark.parametrize(("rule", "usual"), RULES, ids=lambda each: getattr(each, "wanted", None))
@given(data=st.data())
def test_the_code_of_a_rule_says_what_its_test_says(
    rule: Rule, usual: type, data: st.DataObject
) -> None:
    """For every value of the field's usual type; values of other types pass the test."""
    run = written(rule.emit)
    value = data.draw(USUAL[usual])
    assert bool(run(value)) is rule.run(value)


FORMS = [
    pytest.param(python_type, json_type, form, id=f"{python_type.__name__}-{json_type.name}")
    for python_type, attribute_type in ATTRIBUTE_TYPES.items()
    for json_type, form in attribute_type.forms.items()
]


@pytest.mark.parametrize(("python_type", "json_type", "form"), FORMS)
@given(value=VALUES)
def test_the_code_of_an_attribute_holds_what_cattrs_is_told_to(
    python_type: type, json_type: JsonType, form: Form, value: Any
) -> None:
    """For every usual value; where it finds no form, it says so and leaves the value to cattrs."""
    if not written(json_type.emit)(value):
        return
    held = written(form.emit)(value)
    if held is None:
        assert form.may_fail
    else:
        assert repr(held) == repr(ATTRIBUTE_TYPES[python_type].run(value, python_type))


@attrs.frozen
class Contact:
    mail: str = field(type="email")  # type: ignore[arg-type]  # a type that is added below


@pytest.fixture
def email(monkeypatch: pytest.MonkeyPatch) -> Field:
    """A field of a type that is added by its row alone."""
    row = TypeDefinition(
        accepts=(STRING,),
        wanted="a mail address",
        rules=lambda _: iter([fits_format(*FORMATS["email"])]),
        format="email",
    )
    monkeypatch.setitem(cast("dict[str, TypeDefinition]", FIELD_TYPES), "email", row)
    return fields_of(Contact)["mail"]


def test_a_row_is_all_that_a_field_type_needs(email: Field) -> None:
    """Check, quick way, messages, JSON Schema, class and test data derive from it."""
    fields = {"mail": email}
    right = {"mail": "ada@example.com"}
    assert compile_check(fields)(right) == right
    quick = compile_quick(fields, lambda _: None)
    assert quick is not None
    assert (quick(right), quick({"mail": "ada"}), quick({"mail": 5})) == (right, None, None)
    with pytest.raises(PayloadError, match="an object came, but a mail address is wanted"):
        compile_check(fields)({"mail": {}})
    with pytest.raises(PayloadError, match="but a mail address such as"):
        compile_check(fields)({"mail": 5})
    assert compile_pair(fields, Contact)(right) == (right, Contact(mail="ada@example.com"))
    assert json_schema(fields)["properties"]["mail"]["format"] == "email"
    made = generate_test_data(fields)
    assert compile_check(fields)(made) == made


def test_a_date_is_read_once_where_it_is_held_as_one() -> None:
    """What makes the moment has asked the date's rule already, so the code does not ask again."""

    @attrs.frozen
    class Dated:
        at: datetime = field()

    quick = compile_quick(fields_of(Dated), lambda _: None, Dated)
    assert quick is not None
    assert not any("is_date_like" in str(each) for each in quick.__globals__.values())
    assert quick({"at": "2026-11-23"}) is None
    assert quick({"at": "2026-11-23T04:10:11Z"})[1].at.hour == 4
