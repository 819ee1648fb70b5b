"""An action reads its fields from its payload class, and is checked when it is declared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import attrs
import pytest

from offramp import (
    Action,
    Batch,
    Destination,
    Field,
    Idempotency,
    Request,
    array_path,
    coalesce,
    field,
    liquid,
    literal,
    path,
    setting,
    template,
)
from offramp.definition import fields_of
from offramp.errors import DefinitionError

T = TypeVar("T")


@attrs.frozen
class Settings:
    """Settings of a small destination."""

    token: str = setting(type="password")


@attrs.frozen
class Payload:
    """A payload with an object in it."""

    id: str = field()
    place: dict[str, Any] | None = field()


class Send(Action[Settings, Payload]):
    """Sends one at a time."""

    slug = "send"
    title = "Send"

    async def perform(self, request: Request[Settings], payload: Payload) -> None:
        """Send one."""


def test_fields_and_types_come_from_the_type_arguments() -> None:
    """The classes stand once, in the brackets; the action knows them and their fields."""
    assert Send.settings_type is Settings
    assert Send.payload_type is Payload
    assert Send.fields == fields_of(Payload)


def test_a_plain_dict_payload_brings_its_fields() -> None:
    """Fields read from elsewhere need no class: the payload is a dict."""

    class Loose(Action[Settings, dict[str, Any]]):
        slug = "loose"
        title = "Loose"
        fields = {"a": Field(label="A", type="string")}  # noqa: RUF012 - never changed

    assert Loose.payload_type is dict
    assert list(Loose.fields) == ["a"]


def test_authors_may_share_a_base_class() -> None:
    """A generic base between the action and `Action` keeps what the last class says."""

    class Base(Action[Settings, T], Generic[T]):
        async def perform(self, request: Request[Settings], payload: T) -> None:
            """Send one."""

    class Concrete(Base[Payload]):
        slug = "concrete"
        title = "Concrete"

    assert not hasattr(Base, "slug")
    assert Concrete.fields == fields_of(Payload)
    assert Concrete().performs


def test_what_is_defined_tells_how_to_deliver() -> None:
    """The host asks an action whether it delivers one, or many in a request."""

    class Together(Send):
        slug = "together"

        async def perform_batch(
            self, request: Request[Settings], payloads: Sequence[Payload]
        ) -> None:
            """Send many."""

    assert (Send().performs, Send().batches) == (True, False)
    assert (Together().performs, Together().batches) == (True, True)


async def test_an_action_that_defines_nothing_says_so() -> None:
    """The defaults refuse to pretend, and refuse no payload."""

    class Nothing(Action[Settings, Payload]):
        slug = "nothing"
        title = "Nothing"

    action: Any = Nothing()
    with pytest.raises(NotImplementedError):
        await action.perform(None, None)
    with pytest.raises(NotImplementedError):
        await action.perform_batch(None, [])
    assert list(action.validate(None, now=datetime.now(UTC), settings=None, sync_mode=None)) == []


def test_keys_have_to_name_fields() -> None:
    """Idempotency, batch keys and dynamic fields name fields; every wrong one is told."""
    with pytest.raises(DefinitionError) as caught:

        class Wrong(Action[Settings, Payload]):
            slug = "not a slug"
            title = "Wrong"
            idempotency = Idempotency(key="ident", window=timedelta(days=1))
            batch = Batch(keys=("place.city", "plase"))
            dynamic_fields = {"kind": "perform", "place.__keys__": "kinds"}  # noqa: RUF012 - never changed

    messages = [str(fault) for fault in caught.value.faults]
    assert len(messages) == 5
    parts = ("slug", "'ident'", "'plase'", "'kind'", "no method 'kinds'")
    for part, text in zip(parts, messages, strict=True):
        assert part in text
    assert "id, place" in messages[1]


def test_statuses_that_blame_content_have_to_be_final_refusals() -> None:
    """Those that refuse the credentials or are tried again concern all events; each is told."""
    with pytest.raises(DefinitionError) as caught:

        class Wrong(Action[Settings, Payload]):
            slug = "wrong"
            title = "Wrong"
            content_statuses = (404, 403, 429, 500, "409")  # type: ignore[assignment]

    messages = [str(fault) for fault in caught.value.faults]
    parts = ("403 refuses the credentials", "429 is tried again", "500 is not", "'409' is not")
    for part, text in zip(parts, messages, strict=True):
        assert f"content_statuses: {part}" in text


def test_a_payload_class_with_a_fault_is_told_at_the_class() -> None:
    """The fault is raised where the action is written, not at the first event."""

    @attrs.frozen
    class Bad:
        raw: bytes = field()

    with pytest.raises(DefinitionError, match="bytes cannot be a field"):

        class Sends(Action[Settings, Bad]):
            slug = "sends"
            title = "Sends"


@pytest.mark.parametrize("wrong", [Send(), Payload, "send", Action])
def test_a_destination_lists_classes_of_actions(wrong: Any) -> None:
    """An instance, or a class of another kind, is refused with what to write instead."""
    with pytest.raises(DefinitionError, match="not a class that extends Action, with a slug"):
        Destination(slug="d", name="D", settings=Settings, actions=[wrong])


def test_lists_of_a_destination_are_frozen() -> None:
    """What a destination declares cannot change after it was declared."""
    actions = [Send]
    destination = Destination(slug="d", name="D", settings=Settings, actions=actions)
    actions.clear()
    assert destination.actions == (Send,)
    assert destination.presets == ()


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (path("$.event"), {"@path": "$.event"}),
        (template("{{ userId }}"), {"@template": "{{ userId }}"}),
        (literal(None), {"@literal": None}),
        (liquid("{{ a | upcase }}"), {"@liquid": "{{ a | upcase }}"}),
        (coalesce(path("$.a"), "b"), {
            "@if": {"exists": {"@path": "$.a"}, "then": {"@path": "$.a"}, "else": "b"},
        }),
        (array_path(path("$.items"), {"id": path("$.id")}), {
            "@arrayPath": [{"@path": "$.items"}, {"id": {"@path": "$.id"}}],
        }),
    ],
)  # fmt: skip
def test_directives_are_written_as_segment_writes_them(made: Any, expected: Any) -> None:
    """The small functions only spare an author the quotes."""
    assert made == expected
