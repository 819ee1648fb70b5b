"""Checked payloads as instances of the author's classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import attrs
import pytest

from offramp.definition import MASK, Field, field, setting
from offramp.errors import PayloadError
from offramp.payload import compile_payload, structurer


@attrs.frozen
class Place:
    lat: Decimal = field()
    lon: float | None = field()


@attrs.frozen
class Item:
    sku: str = field(key="SKU")
    amount: int | None = field(required=False)
    place: Place | None = field()


@attrs.frozen
class Order:
    order_id: str = field(key="orderId")
    at: datetime = field()
    items: list[Item] = field()
    extra: dict[str, Any] = field()
    kind: Literal["a", "b"] | None = field()
    times: Sequence[datetime] | None = field()
    counts: dict[str, int] | None = field()
    notes: Mapping[str, object] | None = field()
    ok: bool | None = field()
    total: float | None = field()


@attrs.frozen
class Settings:
    api_token: str = setting(key="apiToken", type="password")
    retries: int | None = setting()


def is_even(instance: Any, attribute: Any, value: int) -> None:
    if value % 2:
        raise ValueError(f"{attribute.name} of {type(instance).__name__} is odd: {value}")


@attrs.frozen
class Even:
    number: int = attrs.field(kw_only=True, validator=is_even)


@attrs.frozen
class EvenSecret:
    number: int = attrs.field(kw_only=True, validator=is_even)
    token: str | None = setting(type="password")


RAW: dict[str, Any] = {
    "orderId": 7,
    "at": "Jan 2 2020",
    "items": {"SKU": 1, "amount": "2", "place": {"lat": "1.50"}},
    "extra": {"big": 10**30, "exact": Decimal("1.10")},
}


def test_a_payload_is_checked_and_made_an_instance() -> None:
    """Wire names, nested classes, lists, moments, exact numbers; what is absent is None."""
    order = compile_payload(Order)(RAW)
    assert order == Order(
        order_id="7",
        at=datetime(2020, 1, 2, tzinfo=UTC),
        items=[Item(sku="1", amount=2, place=Place(lat=Decimal("1.50"), lon=None))],
        extra=RAW["extra"],
        kind=None,
        times=None,
        counts=None,
        notes=None,
        ok=None,
        total=None,
    )
    assert order.extra is RAW["extra"]


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("kind", "b", "b"),
        ("times", "2020-01-02", (datetime(2020, 1, 2, tzinfo=UTC),)),
        ("times", [], ()),
        ("counts", {"a": 1, "b": Decimal("2.0")}, {"a": 1, "b": 2}),
        ("notes", {"a": [None]}, {"a": [None]}),
        ("ok", "true", True),
        ("total", Decimal("1.5"), 1.5),
        ("total", 2, 2.0),
        ("total", None, None),
    ],
)
def test_each_kind_of_attribute_gets_its_type(name: str, raw: Any, value: Any) -> None:
    """The annotation decides."""
    made = getattr(compile_payload(Order)({**RAW, name: raw}), name)
    assert made == value
    assert type(made) is type(value)


def faults_of(structure: Any, raw: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(PayloadError) as caught:
        structure(raw)
    return {fault.place: fault.message for fault in caught.value.faults}


def test_what_the_class_cannot_hold_is_a_fault_of_its_field() -> None:
    """All of them at once, by wire name, though the check let them pass."""
    items = [{"SKU": "x", "place": {"lat": 1, "lon": 10**400}}, {"SKU": "y", "amount": "1e400"}]
    counts = {"a": "many"}
    assert faults_of(
        compile_payload(Order), {**RAW, "at": 10**15, "items": items, "counts": counts}
    ) == {
        "$.at": "the number 1000000000000000 lies outside the years 1 to 9999",
        "$.items[0].place.lon": f"the number 1{'0' * 59}… came, "
        "but a number that a float can hold is wanted",
        "$.items[1].amount": "the number 1e+400 came, "
        "but a whole number of at most 309 digits is wanted",
        "$.counts.a": 'the string "many" came, but a whole number is wanted',
    }


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("orderId", 5, "a string"),
        ("at", "soon", "is not a date and time"),
        ("extra", [], "an object"),
        ("ok", "true", "true or false"),
        ("total", "1.5", "a number"),
        ("items", [{"SKU": "a", "place": {"lat": "north"}}], "a number"),
    ],
)
def test_a_payload_that_nobody_checked_is_not_bent(name: str, value: Any, wanted: str) -> None:
    """The structure function coerces nothing: "false" never becomes True."""
    checked = {"orderId": "1", "at": 0, "items": [], "extra": {}}
    assert wanted in "".join(faults_of(structurer(Order), {**checked, name: value}).values())


def test_settings_are_structured_alike() -> None:
    """A secret in them shows in no repr."""
    made = structurer(Settings)({"apiToken": "hush", "unknown": 1})
    assert made == Settings(api_token="hush", retries=None)
    assert "hush" not in repr(made)
    assert MASK in repr(made)


def test_a_validator_of_the_author_is_heard() -> None:
    """Its words reach the fault, unless a secret of the class could be among them."""
    assert "number of Even is odd: 3" in faults_of(structurer(Even), {"number": 3})["$"]
    assert faults_of(structurer(EvenSecret), {"number": 3}) == {
        "$": "refused by the declared class (ValueError)"
    }


def test_a_validator_that_changes_its_mind_is_a_fault_all_the_same() -> None:
    """What fails once does not pass because it was looked at again."""
    moods = [False]

    def moody(_: Any, __: Any, value: int) -> None:
        if not moods[-1]:
            moods.append(True)
            raise ValueError(f"not {value} now")

    moody_class = attrs.make_class("Moody", {"number": attrs.field(type=int, validator=moody)})
    structure: Callable[[dict[str, Any]], Any] = structurer(moody_class)
    moods.append(False)
    assert faults_of(structure, {"number": 1}) == {
        "$": "refused by the declared class (ValueError)"
    }


def test_a_dict_stays_as_it_is() -> None:
    """Where an action has no payload class its payload is the checked object itself."""
    payload = {"a": 1}
    assert structurer(dict)(payload) is payload
    assert compile_payload(dict)(payload) is payload


def test_fields_alone_make_a_dict() -> None:
    """A declaration read from a manifest needs no class."""
    compiled = compile_payload({"n": Field(label="N", type="integer")})
    assert compiled({"n": "5", "m": 1}) == {"n": 5}
