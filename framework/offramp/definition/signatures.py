"""Checks whether a plugin's functions take the arguments that the host calls them with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from offramp.definition.awaited import with_place
from offramp.errors import DefinitionError, Fault


def taken_wrongly(
    function: object, name: str, given: Sequence[str], named: Sequence[str] = ()
) -> str | None:
    """What is wrong with a function's parameters, and what to write; None if it can be called.

    It is called with arguments by position (`given`) and by name (`named`). Of a method, the first
    one is `self`.
    """
    if not callable(function):
        return None
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # such as a function of a C extension
        return None
    try:
        signature.bind(*given, **dict.fromkeys(named))
    except TypeError as error:
        write = f"def {name}({', '.join([*given, *(['*', *named] if named else [])])})"
        if getattr(function, "__name__", name) == "<lambda>":
            write = f"lambda {', '.join(given)}: ..."
        return (
            f"{with_place(function, name)} takes other arguments than it gets ({error}): "
            f"write `{write}`"
        )
    return None


def check_takes(*given: str) -> Callable[[Any, Any, Any], None]:
    """An attrs validator for a function that the host calls with arguments by position, or None."""

    def check(owner: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        fault = taken_wrongly(value, getattr(value, "__name__", attribute.name), given)
        if fault is not None:
            raise DefinitionError([Fault(f"{type(owner).__name__}.{attribute.name}", fault)])

    return check
