"""Check and structure in one answers as the two do one after the other."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, Self

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offramp.definition import field, fields_of
from offramp.errors import PayloadError, TransformError
from offramp.mapping import compile_mapping
from offramp.payload import compile_check, compile_mapped_pair, compile_pair, structurer
from offramp.payload.quick import compile_mapped, compile_quick


@attrs.frozen
class Place:
    name: str = field(key="Name", maximum=5)
    rate: Decimal | None = field()


@attrs.frozen(slots=False)
class Loose:
    mail: str = field(format="email")
    site: str | None = field(format="uri")


@attrs.define
class Open:
    _hidden: int | None = field(key="hidden")
    rest: Mapping[str, object] | None = field(required=False)


@attrs.frozen(cache_hash=True)
class Hashed:
    on: bool = field()


@attrs.frozen
class Wide:
    id: str = field()
    at: datetime = field()
    ended: datetime | None = field()
    size: float = field(minimum=-1, maximum=10**300)
    whole: float | None = field(type="integer")
    count: int | None = field(allow_null=True)
    plan: Literal["a", "b"] | None = field()
    any: Any | None = field()
    tags: list[str] | None = field()
    place: Place = field()
    loose: Loose | None = field()
    open: Open | None = field()
    hashed: Hashed | None = field()
    inner: dict[str, Any] | None = field(properties=fields_of(Place), additional_properties=True)


RIGHT: dict[str, Any] = {
    "id": "1",
    "at": "2026-11-23T04:10:11.5+01:00",
    "ended": "2026-11-23T04:10:11.123456789Z",
    "size": Decimal("2.5"),
    "whole": 3,
    "count": 0,
    "plan": "b",
    "any": "x",
    "tags": ["x", "y"],
    "place": {"Name": "here", "rate": Decimal("1.10")},
    "loose": {"mail": "ada@example.com", "site": "https://example.com/a?b=%20#c"},
    "open": {"hidden": 1, "rest": {"a": [None]}},
    "hashed": {"on": True},
    "inner": {"Name": "there"},
}
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, "", "a", 0, True, [], ["", 1], {}),
        *(1.0, Decimal("1.5"), 10**400, Decimal("1e400"), "1e400", float("nan")),
        *("2026-02-30T00:00:00Z", "0001-01-01T00:00:00+05:00", "2026-11-23"),
        *({"Name": "x"}, {"on": True}, {"hidden": 5, "rest": 7}, {"mail": "a@b.c", "site": None}),
    ]
)


def changed(right: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The object with some members as they are, some left out, some odd, some added."""
    members: dict[str, st.SearchStrategy[Any]] = {
        key: (changed(value) if isinstance(value, dict) and value else st.just(value)) | ODD
        for key, value in right.items()
    }
    made = st.fixed_dictionaries({}, optional={**members, "unknown": ODD})
    return made.flatmap(lambda raw: st.permutations(list(raw.items()))).map(dict)


def give_up(_: dict[str, Any]) -> None:
    """Stands for the careful way."""


def answer(make: Any, raw: dict[str, Any]) -> Any:
    try:
        return repr(make(raw))
    except PayloadError as error:
        return error.faults


FIELDS = fields_of(Wide)
CHECK, STRUCTURE = compile_check(FIELDS), structurer(Wide)
PAIR = compile_pair(FIELDS, Wide)


def both(raw: dict[str, Any]) -> Any:
    checked = CHECK(raw)
    return checked, STRUCTURE(checked)


@settings(max_examples=2_000, deadline=None)
@given(changed(RIGHT) | changed(RIGHT).map(lambda odd: RIGHT | dict(list(odd.items())[:2])))
@example(RIGHT)
@example(RIGHT | {"size": 10**400})
@example(RIGHT | {"dynamicAuthSettings": {"token": "x"}})
def test_it_answers_as_check_and_structure_do(raw: dict[str, Any]) -> None:
    """The same payload, the same instance, or the same faults; and the raw one is left alone."""
    before = repr(raw)
    assert answer(PAIR, raw) == answer(both, raw)
    assert repr(raw) == before


def test_a_payload_that_is_right_takes_the_quick_way() -> None:
    """Otherwise it would be of no use; lists are copies, as they are of cattrs."""
    quick = compile_quick(FIELDS, give_up, Wide)
    assert quick is not None
    made = quick(RIGHT)
    assert made is not None
    checked, instance = made
    assert checked == RIGHT
    assert instance == structurer(Wide)(checked)
    assert hash(instance.hashed) == hash(Hashed(on=True))
    assert instance.at == datetime(2026, 11, 23, 3, 10, 11, 500_000, tzinfo=UTC)
    assert instance.at.tzinfo is UTC
    assert checked["tags"] is not RIGHT["tags"]
    assert instance.tags is not checked["tags"]


def test_only_a_frozen_class_with_slots_is_made_without_its_constructor() -> None:
    """Any other is called as any caller would."""
    quick = compile_quick(FIELDS, give_up, Wide)
    assert quick is not None
    source = inspect.getsource(quick)
    calls = [line.strip() for line in source.splitlines() if "= Class_" in line]
    assert [re.findall(r"(\w+)=", call) for call in calls] == [
        ["mail", "site"],
        ["hidden", "rest"],
        ["on"],
    ]


def is_even(_: Any, __: Any, value: int) -> None:
    if value % 2:
        raise ValueError("odd")


@attrs.frozen
class Validated:
    n: int = attrs.field(validator=is_even)


@attrs.frozen
class Converted:
    n: int = attrs.field(converter=abs)


@attrs.frozen
class Defaulted:
    n: int | None = attrs.field(default=5)


@attrs.frozen
class Derived:
    n: int = attrs.field(init=False, default=None)


@attrs.frozen
class After:
    n: int = field()

    def __attrs_post_init__(self) -> None:
        is_even(self, None, self.n)


@attrs.frozen
class Before:
    n: int = field()

    def __attrs_pre_init__(self) -> None:
        pass


@attrs.define
class OwnInit:
    n: int = field()

    def __init__(self, n: int) -> None:
        self.n = n + 1


@attrs.define
class OwnNew:
    n: int = field()

    def __new__(cls, **_: Any) -> Self:
        return super().__new__(cls)


@attrs.define
class OwnSetter:
    n: int = field()

    def __setattr__(self, name: str, value: Any) -> None:
        is_even(self, None, value)
        super().__setattr__(name, value)


class Heir(Place):
    """Not decorated, so that attrs wrote nothing for it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)


@attrs.frozen
class Times:
    n: list[datetime] = field()


@pytest.mark.parametrize(
    "cls",
    [
        Validated,
        Converted,
        Defaulted,
        Derived,
        After,
        Before,
        OwnInit,
        OwnNew,
        OwnSetter,
        Heir,
        Times,
    ],
)
def test_a_class_with_code_of_its_own_is_left_to_cattrs(cls: type[Any]) -> None:
    """No validator, converter, default or constructor of an author is passed over."""
    assert compile_quick(fields_of(cls), give_up, cls) is None
    fields = fields_of(cls)
    make = compile_pair(fields, cls)
    assert isinstance(make({"n": "4", "Name": "x"})[1], cls)


@pytest.mark.parametrize("cls", [Validated, OwnSetter])
@pytest.mark.parametrize(
    ("raw", "is_made"), [({"n": 4}, True), ({"n": "4"}, True), ({"n": 5}, False)]
)
def test_a_validator_is_heard(cls: type[Any], raw: dict[str, Any], is_made: bool) -> None:
    """What it, or a setter of the author's own, refuses is a fault of the payload."""
    fields = fields_of(cls)
    make = compile_pair(fields, cls)
    if is_made:
        assert make(raw) == ({"n": 4}, cls(n=4))
    else:
        with pytest.raises(PayloadError, match="odd"):
            make(raw)


def test_without_a_class_the_payload_is_the_checked_object() -> None:
    """Actions that declare fields alone get it as it is."""
    fields = fields_of(Place)
    checked, payload = compile_pair(fields, dict)({"Name": 5})
    assert payload is checked
    assert payload == {"Name": "5"}


def test_a_class_that_asks_for_more_than_the_fields_is_left_to_cattrs() -> None:
    """As is one whose annotation is not what its field gives."""
    fields = fields_of(Place)
    assert compile_quick(fields, give_up, Hashed) is None
    assert compile_quick({**fields, "rate": fields["Name"]}, give_up, Place) is None


#: Mappings of an event whose properties are a payload: each field by its path; and with fields that
#: are computed, constant, left out, or that no field declares.
BY_PATH = {key: {"@path": f"$.properties.{key}"} for key in reversed(RIGHT)}
COMPUTED = {
    "unknown": {"@template": "{{properties.id}}!"},
    **{key: value for key, value in BY_PATH.items() if key not in {"count", "inner"}},
    "id": {"@if": {"exists": {"@path": "$.properties.id"}, "then": "1", "else": {"@path": "$.x"}}},
    "any": {"@json": {"mode": "encode", "value": {"@path": "$.properties.any"}}},
    "plan": "a",
    "place": {"Name": {"@path": "$.properties.place.Name"}, "rate": 5, "more": True},
}


def mapped(mapping: dict[str, Any]) -> Any:
    """The function from event to payload."""
    return compile_mapped_pair(compile_mapping(mapping), PAIR, FIELDS, Wide)


@pytest.mark.parametrize("mapping", [BY_PATH, COMPUTED])
@settings(max_examples=500, deadline=None)
@given(changed(RIGHT) | changed(RIGHT).map(lambda odd: RIGHT | dict(list(odd.items())[:2])) | ODD)
@example(RIGHT)
@example(RIGHT | {"dynamicAuthSettings": {"token": "x"}})
def test_from_the_event_on_it_answers_as_mapping_and_check_do(
    mapping: dict[str, Any], properties: Any
) -> None:
    """The same payload, in the same order, the same instance, or the same faults."""
    event = {"properties": properties}
    before = repr(event)
    first = compile_mapping(mapping)
    assert answer(mapped(mapping), event) == answer(lambda event: PAIR(first(event)), event)
    assert repr(event) == before


@pytest.mark.parametrize("mapping", [BY_PATH, COMPUTED])
def test_an_event_that_is_right_makes_its_payload_at_once(mapping: dict[str, Any]) -> None:
    """Otherwise it would be of no use."""
    members = compile_mapping(mapping).members
    assert members is not None
    quick = compile_mapped(members, FIELDS, give_up, Wide)
    assert quick is not None
    assert quick({"properties": RIGHT}) is not None


def test_what_cannot_be_one_function_is_still_mapped_and_checked() -> None:
    """A directive at the root, and the one key that is kept although no field declares it."""
    event = {"properties": RIGHT}
    whole = {"__segment_internal_directive": {"@transform": {"apply": BY_PATH}}, **BY_PATH}
    exempt = {**BY_PATH, "dynamicAuthSettings": {"@path": "$.properties.place"}}
    for mapping in (whole, exempt):
        first = compile_mapping(mapping)
        assert answer(mapped(mapping), event) == answer(lambda event: PAIR(first(event)), event)  # noqa: B023


def test_an_event_that_is_no_object_or_too_deep_fails_as_in_the_mapping() -> None:
    """The fault names the event, and no recursion error escapes."""
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    run = mapped(COMPUTED)
    with pytest.raises(TransformError, match="an event is an object"):
        run([])
    with pytest.raises(TransformError, match="nested too deeply"):
        run({"properties": RIGHT | {"any": deep}})
