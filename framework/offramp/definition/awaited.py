"""Checks whether a plugin's functions are async where the host awaits them, and only there."""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, get_origin, get_type_hints

import attrs

from offramp.errors import DefinitionError, Fault
from offramp.place import place_of

T = TypeVar("T")

_WRITE_ASYNC: Final = "write `async def {name}`, and `await` before each request in it"
_NO_YIELD: Final = "leave out `yield`: give its one answer with `return`"


def with_place(function: Callable[..., object], name: str) -> str:
    """The name of a function, and the file and line that define it, if they are known."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return name if code is None else f"{name} ({place_of(code, code.co_firstlineno)})"


def written_wrongly(function: object, name: str) -> str | None:
    """What is wrong with a function that certainly returns no awaitable, and what to write.

    A function that wraps another, or is annotated to return an awaitable, passes; its result is
    checked when it is called.
    """
    written = inspect.unwrap(function) if callable(function) else function
    if not isinstance(written, types.FunctionType):
        return None
    if inspect.isasyncgenfunction(written):
        return f"{with_place(written, name)} yields: {_NO_YIELD}"
    if inspect.iscoroutinefunction(written) or written.__name__ == "<lambda>":
        return None
    if written.__code__.co_freevars or _says_awaitable(written):
        return None
    return f"{with_place(written, name)} is not async: {_WRITE_ASYNC.format(name=name)}"


def async_wrongly(function: object, name: str) -> str | None:
    """What is wrong with an async function that the host calls without awaiting, or None."""
    written = inspect.unwrap(function) if callable(function) else function
    if not (inspect.iscoroutinefunction(written) or inspect.isasyncgenfunction(written)):
        return None
    return f"{with_place(written, name)} is async: write `def {name}`, as nothing awaits it"


def check_awaited(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """An attrs validator for a function that the host awaits, or None."""
    fault = written_wrongly(value, getattr(value, "__name__", attribute.name))
    if fault is not None:
        raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", fault)])


def check_called(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """An attrs validator for a function that the host calls without awaiting, or None."""
    fault = async_wrongly(value, getattr(value, "__name__", attribute.name))
    if fault is not None:
        raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", fault)])


async def awaited(function: Callable[..., Awaitable[T]], *given: Any, **named: Any) -> T:
    """What an async function returns; raises `TypeError`, with the remedy, if it is not async."""
    value: object = function(*given, **named)
    if inspect.isawaitable(value):
        answer: T = await value
        return answer
    name = getattr(function, "__name__", type(function).__name__)
    message = (
        f"{with_place(function, name)} returned {type(value).__name__}, which cannot be awaited"
    )
    remedy = _NO_YIELD if inspect.isasyncgen(value) else _WRITE_ASYNC.format(name=name)
    raise TypeError(f"{message}: {remedy}")


def _says_awaitable(function: Callable[..., Any]) -> bool:
    try:
        answer = get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 - an annotation may be any code
        return True
    kind = get_origin(answer) or answer
    return answer is Any or (isinstance(kind, type) and issubclass(kind, Awaitable))
