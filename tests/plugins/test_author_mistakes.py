"""What an author gets wrong at first is told where it is declared, with what to write instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from tests.delivery.parts import event
from tests.delivery.wild import config, deliveries_of, outcomes, running, wild
from tests.plugins.small import PRESET, Payload, Send, Settings, make_destination

from offramp import (
    Action,
    Destination,
    DynamicChoices,
    Preset,
    RequestOptions,
    SaveHook,
    array_path,
    coalesce,
    field,
    path,
    setting,
)
from offramp.definition import fields_of
from offramp.errors import DefinitionError


def unannotated() -> Any:
    @attrs.frozen
    class Note:
        text = field()

    return fields_of(Note)


def undeclared() -> Any:
    @attrs.frozen
    class Pinboard:
        key: str = setting(type="password")
        board: str  # type: ignore[misc]

    return fields_of(Pinboard)


def undeclared_first() -> Any:
    @attrs.frozen
    class Pinboard:
        board: int
        key: str = setting(type="password")

    return fields_of(Pinboard)


def by_position() -> Any:
    @attrs.frozen
    class Pinboard:
        key: str = setting(type="password")
        board: str = attrs.field(validator=attrs.validators.min_len(1))  # type: ignore[misc]

    return fields_of(Pinboard)


def plain_payload() -> Any:
    class Note:
        text: str = field()

    class Post(Action[Settings, Note]):
        slug, title = "post", "Post"

    return Post


def plain_settings() -> Any:
    class Login:
        key: str = setting()

    class Post(Action[Login, Payload]):
        slug, title = "post", "Post"

    return Post


def not_async() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"

        def perform(self, request: Any, payload: Payload) -> None:  # type: ignore[override]
            request.post("https://wild.example")

    return Post


def not_async_batch() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"

        def perform_batch(self, request: Any, payloads: Any):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as it is often written
            request.post("https://wild.example")

    return Post


def yielding() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"

        async def perform(self, request: Any, payload: Payload) -> Any:
            yield await request.post("https://wild.example")

    return Post


def dynamic_at_once() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"
        dynamic_fields: ClassVar = {"id": "ids"}

        def ids(self, request: Any, query: Any) -> DynamicChoices:
            return DynamicChoices()

    return Post


def validating_later() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"

        async def validate(self, payload: Payload, **_: Any) -> Any:  # type: ignore[override]
            return ()

    return Post


@attrs.frozen
class Item:
    name: str = field()
    size: float | None = field()


@attrs.frozen
class Row:
    item: Item | None = field()


def nested_default() -> Any:
    @attrs.frozen
    class Order:
        item: Item = field(default={"nmae": path("$.properties.name")})

    return fields_of(Order)


def nested_default_of_a_list() -> Any:
    item = {"name": path("$.name"), "sizes": path("$.size")}

    @attrs.frozen
    class Order:
        items: list[Item] = field(default=array_path(path("$.properties.products"), item))

    return fields_of(Order)


def nested_default_of_a_branch() -> Any:
    wrong = {"item": {"name": "a", "colour": "red"}}

    @attrs.frozen
    class Order:
        row: Row = field(default=coalesce(path("$.properties.row"), wrong))

    return fields_of(Order)


def dynamic_by_function() -> Any:
    async def ids(*_: Any) -> DynamicChoices:
        return DynamicChoices()

    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"
        dynamic_fields: ClassVar[Any] = {"id": ids}

    return Post


def dynamic_without_method() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"
        dynamic_fields: ClassVar = {"id": "ids"}

    return Post


async def save(request: Any, inputs: Any) -> Any:
    return {}


def save_hook(**changes: Any) -> SaveHook:
    given: dict[str, Any] = {"label": "L", "description": "D", "inputs": {}, "outputs": {}}
    return SaveHook(**{**given, "perform": save, **changes})


def hook_of_a_field() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"
        save_hooks: ClassVar = {"id": save_hook()}

    return Post


def hook_as_a_function() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"
        save_hooks: ClassVar[Any] = {"onMappingSave": save}

    return Post


def validating_alone() -> Any:
    class Post(Action[Settings, Payload]):
        slug, title = "post", "Post"

        def validate(self, payload: Payload) -> Any:  # type: ignore[override]
            return ()

    return Post


def check_at_once(request: Any) -> None:
    request.get("https://wild.example")


FILE = r"test_author_mistakes.py:"

MISTAKES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "an attribute without annotation": (
        unannotated,
        "Note.text",
        "has no annotation: write text: str = field(...)",
    ),
    "an attribute without field()": (
        undeclared,
        "Pinboard.board",
        "is not declared: write board: str = field(...), or setting(...) for a setting",
    ),
    "an attribute without field() before all": (
        undeclared_first,
        "Pinboard.board",
        "is not declared: write board: int = field(...)",
    ),
    "an attribute of its own by position": (
        by_position,
        "Pinboard.board",
        "comes after fields, which are keyword-only: write board: str = field(...)",
    ),
    "a payload class without attrs": (
        plain_payload,
        "plain_payload.<locals>.Post",
        "class plain_payload.<locals>.Note has no fields: decorate it with @attrs.frozen",
    ),
    "a settings class of an action without attrs": (
        plain_settings,
        "plain_settings.<locals>.Post",
        "its settings class plain_settings.<locals>.Login has no fields",
    ),
    "perform without async": (
        not_async,
        "not_async.<locals>.Post.perform",
        ", in perform) is not async: write `async def perform`, and `await` before each request",
    ),
    "perform_batch without async": (
        not_async_batch,
        "not_async_batch.<locals>.Post.perform_batch",
        f"perform_batch ({FILE}",
    ),
    "perform that yields": (
        yielding,
        "yielding.<locals>.Post.perform",
        ", in perform) yields: leave out `yield`",
    ),
    "test_authentication without async": (
        lambda: make_destination(test_authentication=check_at_once),
        "Destination.test_authentication",
        ", in check_at_once) is not async: write `async def check_at_once`",
    ),
    "refresh_access_token without async": (
        lambda: make_destination(refresh_access_token=check_at_once),
        "Destination.refresh_access_token",
        "is not async",
    ),
    "on_delete without async": (
        lambda: make_destination(on_delete=check_at_once),
        "Destination.on_delete",
        "is not async",
    ),
    "a dynamic field's method without async": (
        dynamic_at_once,
        "dynamic_at_once.<locals>.Post.ids",
        ", in ids) is not async: write `async def ids`",
    ),
    "a default for a property that the object does not have": (
        nested_default,
        "Order.item.default.nmae",
        "so that nothing would be sent for it: there are name, size; additional_properties=True",
    ),
    "a default for such a property of each item of a list": (
        nested_default_of_a_list,
        "Order.items.default.@arrayPath[1].sizes",
        "'sizes' is no property of the object",
    ),
    "a default for such a property inside another object, in a branch": (
        nested_default_of_a_branch,
        "Order.row.default.@if.else.item.colour",
        "'colour' is no property of the object",
    ),
    "a dynamic field's method that is not there": (
        dynamic_without_method,
        "dynamic_without_method.<locals>.Post.dynamic_fields.id",
        "there is no method 'ids', which is to fetch its choices: write it",
    ),
    "a dynamic field's function for the name of a method": (
        dynamic_by_function,
        "dynamic_by_function.<locals>.Post.dynamic_fields.id",
        "is the name of the method that fetches choices, not <function",
    ),
    "an input of a save hook that is no field": (
        lambda: save_hook(inputs={"name": "string"}),
        "SaveHook.inputs",
        "is an object: key -> Field(...), not {'name': 'string'}",
    ),
    "an output of a save hook that is no field": (
        lambda: save_hook(outputs=["id"]),
        "SaveHook.outputs",
        "is an object: key -> Field(...), not ['id']",
    ),
    "a save hook without a label": (
        lambda: save_hook(label=None),
        "SaveHook.label",
        "is a text, not None",
    ),
    "a save hook with the name of a field": (
        hook_of_a_field,
        "hook_of_a_field.<locals>.Post.save_hooks.id",
        "'id' is a field of the action too: give the hook another name",
    ),
    "a function for a save hook": (
        hook_as_a_function,
        "hook_as_a_function.<locals>.Post.save_hooks.onMappingSave",
        "is a SaveHook(label=..., ...), not <function save",
    ),
    "a save hook without async": (
        lambda: save_hook(perform=check_at_once),
        "SaveHook.perform",
        ", in check_at_once) is not async",
    ),
    "validate with async": (
        validating_later,
        "validating_later.<locals>.Post.validate",
        ", in validate) is async: write `def validate`, as nothing awaits it",
    ),
    "validate of other arguments": (
        validating_alone,
        "validating_alone.<locals>.Post.validate",
        "write `def validate(self, payload, *, now, settings, sync_mode)`",
    ),
    "extend_request with async": (
        lambda: make_destination(extend_request=later),
        "Destination.extend_request",
        ", in later) is async: write `def later`, as nothing awaits it",
    ),
    "extend_request of other arguments": (
        lambda: make_destination(extend_request=lambda settings, auth: RequestOptions()),
        "Destination.extend_request",
        "(missing a required argument: 'auth'): write `lambda outgoing: ...`",
    ),
    "a settings instance": (
        lambda: make_destination(settings=Settings(token="t")),
        "Destination.settings",
        "is the class itself, not an instance of it: write settings=Settings, without ()",
    ),
    "an instance where fields are asked for": (
        lambda: fields_of(Settings(token="t")),  # type: ignore[arg-type]
        "Settings",
        "is wanted as a class",
    ),
    "an action's instance": (
        lambda: make_destination(actions=[Send()]),
        "Destination.actions",
        "is not a class that extends Action",
    ),
    "a preset as a dict": (
        lambda: make_destination(presets=[{"name": "Everything"}]),
        "Destination.presets",
        "write Preset(name=..., ...)",
    ),
    "a preset of an action class": (
        lambda: attrs.evolve(PRESET, action=Send),  # type: ignore[arg-type]
        "Preset.action",
        "is a text, not <class",
    ),
    "a preset with a list for a mapping": (
        lambda: Preset(name="P", action="send", mapping=["id"]),  # type: ignore[arg-type]
        "Preset.mapping",
        "is an object: field -> mapping, not ['id']",
    ),
    "a slug that is no text": (
        lambda: Destination(slug=None, name="N", settings=Settings, actions=[Send]),  # type: ignore[arg-type]
        "Destination.slug",
        "is a text, not None",
    ),
    "request options for the function that makes them": (
        lambda: make_destination(extend_request=RequestOptions()),
        "Destination.extend_request",
        "is a function, not RequestOptions(",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_where_it_is_declared(name: str) -> None:
    """Class and attribute are named, and what to write stands in the message."""
    declare, place, saying = MISTAKES[name]
    with pytest.raises(DefinitionError) as caught:
        declare()
    [fault] = caught.value.faults
    assert fault.place.endswith(place)
    assert saying in fault.message


def test_what_is_made_per_event_is_no_mistake() -> None:
    """What a directive makes, and an object that allows any keys, can have other ones."""

    @attrs.frozen
    class Order:
        item: Item = field(default=path("$.properties.item"))
        more: Item = field(default={"name": "a", "any": 1}, additional_properties=True)
        free: dict[str, Any] = field(default={"any": 1})

    assert list(fields_of(Order)) == ["item", "more", "free"]


def test_payloads_without_a_class_stay_possible() -> None:
    """An action may take dicts: what it declares itself are its fields."""

    class Free(Action[Any, dict[str, Any]]):
        slug, title = "free", "Free"

    assert Free.payload_type is dict


def test_functions_that_return_an_awaitable_stay_possible() -> None:
    """One that says so, one that wraps another, a lambda: it is seen once they are called."""

    def noted(function: Callable[..., Any]) -> Any:
        def wrapper(*given: Any) -> Any:
            return function(*given)

        return wrapper

    class Says(Action[Settings, Payload]):
        slug, title = "says", "Says"

        def perform(self, request: Any, payload: Payload) -> Coroutine[Any, Any, Any]:
            return request.post("https://wild.example")  # type: ignore[no-any-return]

    class Wraps(Action[Settings, Payload]):
        slug, title = "wraps", "Wraps"

        @noted
        async def perform(self, request: Any, payload: Payload) -> None:
            await request.post("https://wild.example")

    assert Says().performs
    assert Wraps().performs
    make_destination(test_authentication=lambda request: request.get("https://wild.example"))


def no_answer(*_: Any) -> None:
    """What a wrapper makes of a function whose answer it forgets to return."""


async def yields(*_: Any) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ({"perform": no_answer}, "returned NoneType, which cannot be awaited: write `async def"),
        ({"perform": yields}, "returned async_generator, which cannot be awaited: leave out `y"),
        (
            {"perform_batch": no_answer},
            "returned NoneType, which cannot be awaited: write `async def",
        ),
    ],
)
async def test_a_function_that_cannot_be_awaited_is_told_when_it_is_called(
    tmp_path: Path, parts: Any, detail: str
) -> None:
    """Where the declaration does not show it; function, file and line are named."""
    [(stage, reason, message)] = await outcomes(tmp_path, wild(**parts), "m1")
    assert (stage, reason) == ("retrying", "INTERNAL")
    assert message.startswith("the plugin raised TypeError: ")
    assert "(wild.py:" in message
    assert detail in message


async def test_middleware_that_is_not_async_is_told(tmp_path: Path) -> None:
    """It holds its instance, and says what to write."""

    def sign(outgoing: Any, handler: Any) -> Any:
        return outgoing

    async def perform(request: Any, payload: Any) -> None:
        await request.post("https://wild.example")

    [(_, reason, message)] = await outcomes(
        tmp_path,
        wild(perform=perform),
        "m1",
        middleware=[sign],
    )
    assert reason == "MIDDLEWARE_FAILED"
    assert f"sign ({FILE}" in message
    assert "write `async def sign`" in message


async def later(*_: Any) -> RequestOptions:
    await asyncio.sleep(0)
    return RequestOptions()


@pytest.mark.parametrize(
    ("extend", "kind"),
    [
        (lambda *_: {"headers": {}}, "dict"),
        (lambda *_: None, "NoneType"),
        (lambda *_: later(), "coroutine"),
    ],
)
async def test_extend_request_that_returns_something_else_is_told(
    tmp_path: Path, extend: Any, kind: str
) -> None:
    """The outcome says what was returned, and what to return."""

    async def perform(request: Any, payload: Any) -> None:
        await request.post("https://wild.example")

    catalog = wild(perform=perform, extend_request=extend)
    async with running(tmp_path, catalog) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("m1")])
        [answer] = await deliveries_of(ledger, "m1")
    assert answer.reason == "INTERNAL"
    assert f"extend_request returned {kind}, and not RequestOptions: return" in answer.message
