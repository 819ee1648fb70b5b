"""JSON as actions write it: `wire`, `dumps` and `loads`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from offramp import UNSET, dumps, field, loads, wire
from offramp.definition import fields_of
from offramp.js.values import Unset
from offramp.payload import compile_payload

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Item:
    product_id: str = field(key="productId")
    price: Decimal | None = field(required=False)


@attrs.frozen(kw_only=True)
class Order:
    order_id: str = field(key="order-id")
    placed_at: datetime = field(key="placedAt")
    items: list[Item] = field()
    shipped_at: list[datetime] | None = field(key="shippedAt", required=False)
    note: str | None = field(allow_null=True, required=False)
    coupon: str | None = field(required=False)
    first: Item | None = field(required=False)
    extra: dict[str, Any] = field()


@attrs.frozen(kw_only=True)
class Single:
    only: str | Unset | None = field(key="the-only", required=False)


@attrs.frozen(kw_only=True)
class Nothing:
    """An action may need nothing of an event."""


WRITTEN = {
    "order-id": "o1",
    "placedAt": "2026-11-23T12:00:00.000Z",
    "items": [{"productId": "p1", "price": Decimal("9.90")}, {"productId": "p2"}],
    "shippedAt": ["2026-11-23T12:00:00.000Z"],
    "note": None,
    "first": {"productId": "p3"},
    "extra": {"any": None, "deep": [{"a": 1}]},
}


def order() -> Order:
    return Order(
        order_id="o1",
        placed_at=NOON,
        items=[Item(product_id="p1", price=Decimal("9.90")), Item(product_id="p2")],
        shipped_at=[NOON],
        first=Item(product_id="p3"),
        extra={"any": None, "deep": [{"a": 1}]},
    )


def test_a_payload_is_written_by_its_wire_names() -> None:
    """Nested classes and times too; what has no value is left out, unless null is a value."""
    assert wire(order()) == WRITTEN


def test_what_is_written_is_a_payload_again() -> None:
    """The names and values are those that the class itself is read from."""
    assert compile_payload(Order)(loads(dumps(wire(order())))) == order()


@pytest.mark.parametrize(
    ("payload", "written"),
    [
        (Single(only="a"), {"the-only": "a"}),
        (Single(), {}),
        (Single(only=UNSET), {}),
        (Nothing(), {}),
        ({"a": None}, {"a": None}),
    ],
    ids=["one", "none", "unset", "no fields", "a dict"],
)
def test_small_payloads_are_written(payload: Any, written: dict[str, Any]) -> None:
    """A class of one field, one without a field, and a payload that is a dict already."""
    assert wire(payload) == written


@pytest.mark.parametrize(
    "value",
    [order(), [order()], {"events": [order()]}, {"event": order()}, [[{"a": order()}]]],
    ids=["alone", "list", "list in object", "object", "deeper"],
)
def test_a_payload_itself_is_not_written(value: Any) -> None:
    """Its names would be Python's and its absent values null; the error says what to write."""
    with pytest.raises(TypeError, match=r"Order is a payload.*write json=wire\(payload\)"):
        dumps(value)


def test_classes_that_are_no_payloads_are_written() -> None:
    """An attrs class of the author's own has the names that it wants to have."""

    @attrs.frozen
    class Own:
        a: int

    assert not fields_of(Nothing)
    assert dumps([Own(1)]) == b'[{"a":1}]'


def test_numbers_keep_every_digit() -> None:
    """Beyond a double's precision too, in both directions."""
    text = b'{"a":12345678901234567890,"b":0.1234567890123456789}'
    assert dumps(loads(text)) == text
