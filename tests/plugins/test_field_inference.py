"""A class says once what its fields are: types, lists, keys and requirements are read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Optional

import attrs
import pytest

from offramp import Choice, field, path, setting, when
from offramp.definition import UNSET, Field, fields_of, wire_names
from offramp.errors import DefinitionError
from offramp.js.values import Unset


@attrs.frozen
class Address:
    """Where somebody lives."""

    city: str = field(description="Town")
    zip_code: str | None = field(key="zip")


@attrs.frozen
class Everything:
    """One field of each kind that an annotation can say."""

    text: str = field()
    whole: int = field()
    real: float = field()
    exact: Decimal = field()
    flag: bool = field()
    instant: datetime = field()
    loose: dict[str, Any] = field()
    view: Mapping[str, str] = field()
    anything: Any = field()
    address: Address = field()
    word: Literal["a", "b"] = field()
    number: Literal[1, 2] = field()
    texts: list[str] = field()
    numbers: Sequence[int] = field()
    words: tuple[Literal["x", "y"], ...] = field()
    addresses: list[Address] = field()
    maybe: str | None = field()
    perhaps: Optional[int] = field()  # noqa: UP045 - the older spelling counts as well
    absent: str | Unset = field()


@pytest.mark.parametrize(
    ("key", "kind", "multiple"),
    [
        ("text", "string", False),
        ("whole", "integer", False),
        ("real", "number", False),
        ("exact", "number", False),
        ("flag", "boolean", False),
        ("instant", "datetime", False),
        ("loose", "object", False),
        ("view", "object", False),
        ("anything", "string", False),
        ("address", "object", False),
        ("word", "string", False),
        ("number", "integer", False),
        ("texts", "string", True),
        ("numbers", "integer", True),
        ("words", "string", True),
        ("addresses", "object", True),
        ("maybe", "string", False),
        ("perhaps", "integer", False),
        ("absent", "string", False),
    ],
)
def test_annotations_give_type_and_multiple(key: str, kind: str, multiple: bool) -> None:
    """The annotation is the one place where a field's type and its being a list are written."""
    found = fields_of(Everything)[key]
    assert (found.type, found.multiple) == (kind, multiple)


def test_only_what_may_be_missing_is_not_required() -> None:
    """`| None` makes a field optional; nothing else does."""
    optional = {key for key, found in fields_of(Everything).items() if not found.required}
    assert optional == {"maybe", "perhaps", "absent"}


def test_a_literal_lists_its_choices() -> None:
    """Strings stand for themselves; other values get their text as a label."""
    fields = fields_of(Everything)
    assert fields["word"].choices == ["a", "b"]
    assert fields["number"].choices == [Choice(1, "1"), Choice(2, "2")]
    assert fields["words"].choices == ["x", "y"]


def test_a_class_within_gives_properties() -> None:
    """An object's fields come from its class, by their wire names."""
    for key in ("address", "addresses"):
        properties = fields_of(Everything)[key].properties
        assert properties is not None
        assert {name: found.required for name, found in properties.items()} == {
            "city": True,
            "zip": False,
        }


def test_the_label_defaults_to_the_key() -> None:
    """A form always has something to show; without a label, the wire name."""

    @attrs.frozen
    class Labels:
        plain: str = field()
        renamed: str = field(key="onTheWire")
        labelled: str = field(label="For people")

    assert [found.label for found in fields_of(Labels).values()] == [
        "plain",
        "onTheWire",
        "For people",
    ]
    assert wire_names(Labels) == {"plain": "plain", "renamed": "onTheWire", "labelled": "labelled"}


def test_every_property_arrives() -> None:
    """What is declared stands in the field, none of it lost or renamed."""

    @attrs.frozen
    class Full:
        one: list[str] | None = field(
            key="theOne",
            label="The one",
            description="All of it",
            type="text",
            required=when("other", is_="x"),
            allow_null=True,
            dynamic=True,
            default=path("$.event"),
            choices=["a", Choice("b", "B")],
            placeholder="such as a",
            properties={"in": Field(label="in", type="string")},
            category="data",
            depends_on=when("other"),
            read_only=True,
            hidden=True,
            minimum=1,
            maximum=9,
            default_object_ui="keyvalue",
            disabled_input_methods=["literal"],
            display_mode="collapsed",
            format="uri",
            additional_properties=True,
        )

    assert fields_of(Full)["theOne"] == Field(
        label="The one",
        description="All of it",
        type="text",
        required=when("other", is_="x"),
        multiple=True,
        allow_null=True,
        dynamic=True,
        default={"@path": "$.event"},
        choices=["a", Choice("b", "B")],
        placeholder="such as a",
        properties={"in": Field(label="in", type="string")},
        category="data",
        depends_on=when("other"),
        read_only=True,
        hidden=True,
        minimum=1,
        maximum=9,
        default_object_ui="keyvalue",
        disabled_input_methods=["literal"],
        display_mode="collapsed",
        format="uri",
        additional_properties=True,
    )


def test_when_says_is_is_not_and_has_a_value() -> None:
    """The three questions that a condition can ask of another field."""
    conditions = [when("a", is_="x"), when("a", is_not="x"), when("a")]
    found = [each.conditions[0] for each in conditions]
    assert [(each.operator, each.value) for each in found] == [
        ("is", "x"),
        ("is_not", "x"),
        ("is_not", UNSET),
    ]
    assert [each.match for each in conditions] == [None] * 3


def test_only_a_text_may_be_empty() -> None:
    """For a number or a list, an empty text is no value: the declaration is refused."""

    @attrs.frozen
    class Texts:
        note: str | None = setting(allow_empty=True)
        key: str = setting(type="password", allow_empty=True)

    assert all(each.allow_empty for each in fields_of(Texts).values())

    @attrs.frozen
    class Others:
        size: int = setting(allow_empty=True)
        tags: list[str] = setting(allow_empty=True)

    with pytest.raises(DefinitionError) as caught:
        fields_of(Others)
    assert [fault.place.rpartition(".")[2] for fault in caught.value.faults] == ["size", "tags"]
    assert "is no text: leave allow_empty out" in str(caught.value)


def test_a_password_is_never_shown() -> None:
    """The repr of settings goes into logs and tracebacks: a secret is not in it."""

    @attrs.frozen
    class Secrets:
        token: str = setting(type="password")
        region: str = setting()

    shown = repr(Secrets(token="made-up-token", region="eu"))
    assert "made-up-token" not in shown
    assert "'eu'" in shown
    assert "''" in repr(Secrets(token="", region="eu"))


@attrs.frozen
class Torn:
    """A class with a fault of its own, for another to contain."""

    many: dict[str, Any] | str = field()


def faults_of(cls: type[Any]) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        fields_of(cls)
    return [str(fault) for fault in caught.value.faults]


def test_a_class_without_attrs_is_refused() -> None:
    """A plain class has no declared fields; the message says how to make it one."""

    class Plain:
        a: str

    [fault] = faults_of(Plain)
    assert "Plain" in fault
    assert "@attrs.frozen" in fault


def test_every_fault_is_told_at_once() -> None:
    """One faulty field does not hide the next, nor those of a class within."""

    @attrs.frozen
    class Faulty:
        either: str | int = field()
        raw: bytes = field()
        mixed: Literal["a", 1] = field()
        of_bytes: Literal[b"a"] = field()
        bare: list = field()  # type: ignore[type-arg] # what the test is about
        pair: tuple[str, int] = field()
        needless: str = field(required=False)
        sometimes: str = field(required=when("raw"))
        one: str = field(key="same")
        two: str = field(key="same")
        inner: Torn = field()
        good: str = field()

    faults = faults_of(Faulty)
    places = [text.partition(": ")[0].rpartition(".")[2] for text in faults]
    assert places == [
        "either", "raw", "mixed", "of_bytes", "bare", "pair", "needless", "sometimes", "two",
        "many",
    ]  # fmt: skip
    by_place = dict(zip(places, faults, strict=True))
    assert "one type" in by_place["either"]
    assert "bytes cannot be a field" in by_place["raw"]
    assert "mixes types" in by_place["mixed"]
    assert "fixed length" in by_place["pair"]
    assert "str | None" in by_place["needless"]
    assert "str | None" in by_place["sometimes"]
    assert "'same'" in by_place["two"]


@attrs.frozen
class Endless:
    """A class that a field cannot have, because it goes on for ever."""

    children: list[Endless] = field()


@attrs.frozen
class Unknown:
    """A class with an annotation that names nothing."""

    what: NoSuchName = field()  # type: ignore[name-defined] # noqa: F821 - what a test is about


def test_a_class_within_itself_is_refused() -> None:
    """A field's shape is written out in full, so it has to end."""
    [fault] = faults_of(Endless)
    assert "contains itself" in fault


def test_an_annotation_that_names_nothing_is_refused() -> None:
    """A misspelt or late type is told as a fault of the definition."""
    [fault] = faults_of(Unknown)
    assert "NoSuchName" in fault
