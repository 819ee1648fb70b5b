"""The functions of a plugin: which the host awaits, where each is written, how it has to be."""

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
_NO_YIELD: Final = "leave out `yield`: it answers once, with `return`"


def with_place(function: Callable[..., object], name: str) -> str:
    """The name of a function, and where it is written, if that is known."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return name if code is None else f"{name} ({place_of(code, code.co_firstlineno)})"


def written_wrongly(function: object, name: str) -> str | None:
    """What is wrong with a function that is surely not awaitable, and what to write.

    A function that wraps another, or says that it returns an awaitable, may well be one; what it
    returns is looked at once it is called.
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
    """What is wrong with a function that is called and not awaited, and is async all the same."""
    written = inspect.unwrap(function) if callable(function) else function
    if not (inspect.iscoroutinefunction(written) or inspect.isasyncgenfunction(written)):
        return None
    return f"{with_place(written, name)} is async: write `def {name}`, as nothing awaits it"


def check_awaited(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A validator of attrs for a function that the host awaits, or nothing."""
    fault = written_wrongly(value, getattr(value, "__name__", attribute.name))
    if fault is not None:
        raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", fault)])


def check_called(owner: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A validator of attrs for a function that the host calls and does not await, or nothing."""
    fault = async_wrongly(value, getattr(value, "__name__", attribute.name))
    if fault is not None:
        raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", fault)])


async def awaited(function: Callable[..., Awaitable[T]], *given: Any, **named: Any) -> T:
    """What a function returns; raises `TypeError` where it is not async, and says what to write."""
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
    except Exception:  # noqa: BLE001 - an annotation may be any code at all
        return True
    kind = get_origin(answer) or answer
    return answer is Any or (isinstance(kind, type) and issubclass(kind, Awaitable))
