"""Turns a checked payload into an instance of the author's class."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, overload

import attrs
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.gen import make_dict_structure_fn, override

from offramp.definition import UNSET, Fields, fields_of, wire_names
from offramp.errors import Fault, PayloadError
from offramp.mapping import CompiledMapping
from offramp.payload.attributes import ATTRIBUTE_TYPES, UnfitError, is_plain_mapping, to_mapping
from offramp.payload.compile import Check, compile_careful, compile_check
from offramp.payload.quick import compile_mapped, compile_quick

P = TypeVar("P")


@overload
def compile_payload(payload: type[P]) -> Callable[[dict[str, Any]], P]: ...
@overload
def compile_payload(payload: Fields) -> Check: ...
def compile_payload(payload: type[Any] | Fields) -> Callable[[dict[str, Any]], Any]:
    """Compile a payload class, or fields, into a function from raw payload to typed payload.

    With fields the result is a `dict`. The function raises `PayloadError` with every fault;
    compiling raises `DefinitionError`.
    """
    if isinstance(payload, Mapping):
        return compile_check(payload)
    if not attrs.has(payload):
        return structurer(payload)
    check = compile_check(fields_of(payload))
    structure = structurer(payload)
    return lambda raw: structure(check(raw))


def compile_pair(
    fields: Fields, payload_type: type[P]
) -> Callable[[dict[str, Any]], tuple[dict[str, Any], P]]:
    """Compile a function from raw payload to checked payload and typed payload.

    It raises `PayloadError` with every fault; compiling raises `DefinitionError`.
    """
    structure = structurer(payload_type)

    def after(check: Check) -> Callable[[dict[str, Any]], tuple[dict[str, Any], P]]:
        def both(raw: dict[str, Any]) -> tuple[dict[str, Any], P]:
            checked = check(raw)
            return checked, structure(checked)

        return both

    quick = (
        compile_quick(fields, after(compile_careful(fields)), payload_type)
        if attrs.has(payload_type)
        else None
    )
    return quick or after(compile_check(fields))


def compile_mapped_pair(
    mapping: CompiledMapping,
    make: Callable[[dict[str, Any]], tuple[dict[str, Any], P]],
    fields: Fields,
    payload_type: type[P],
) -> Callable[[dict[str, Any]], tuple[dict[str, Any], P]]:
    """Compile a function from event to checked payload and typed payload.

    It is `make`, which `compile_pair` made of the same fields and class, after the mapping; usual
    events take one generated function. It raises what these two raise.
    """

    def after(event: dict[str, Any]) -> tuple[dict[str, Any], P]:
        return make(mapping(event))

    if mapping.members is None or not attrs.has(payload_type):
        return after
    return compile_mapped(mapping.members, fields, after, payload_type) or after


def structurer(payload_type: type[P]) -> Callable[[dict[str, Any]], P]:
    """Compile a function from checked payload (by wire name) to an instance of an attrs class.

    Absent values are `None`; with `dict` the payload stays as it is. Raises `PayloadError` that
    names every field whose value the class cannot hold, such as a year beyond 9999.
    """
    if not attrs.has(payload_type):
        return _as_it_is
    fast = _converter(detailed=False).get_structure_hook(payload_type)
    careful = _converter(detailed=True).get_structure_hook(payload_type)

    def structure(data: dict[str, Any]) -> P:
        try:
            return typing.cast("P", fast(data, payload_type))
        except Exception as error:  # noqa: BLE001 - an author's validator may raise any error
            faults = _found(error, lambda: careful(data, payload_type))
        raise PayloadError(faults)

    return structure


def _as_it_is(data: Any) -> Any:
    return data


@cache
def _converter(*, detailed: bool) -> Converter:
    """The converter for all classes, which caches its work for each."""
    converter = Converter(detailed_validation=detailed)
    for kind, attribute_type in ATTRIBUTE_TYPES.items():
        converter.register_structure_hook(kind, attribute_type.run)
    converter.register_structure_hook_factory(is_plain_mapping, lambda _: to_mapping)
    converter.register_structure_hook_factory(_is_union, _union_hook)
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    return converter


def _class_hook(cls: type[Any], converter: Converter) -> Callable[[Any, Any], Any]:
    names = wire_names(cls)
    renames = {name: override(rename=key) for name, key in names.items()}
    structure = make_dict_structure_fn(cls, converter, **renames)  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    absent = {
        names[attribute.name]: None
        for attribute in attrs.fields(cls)
        if attribute.default is attrs.NOTHING and type(None) in get_args(hints[attribute.name])
    }
    if not absent:
        return structure
    return lambda data, kind: structure({**absent, **data}, kind)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _union_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    (member,) = (a for a in get_args(kind) if a is not type(None) and a is not type(UNSET))
    hook = converter.get_structure_hook(member)
    return lambda value, _: value if value is None or value is UNSET else hook(value, member)


def _found(error: Exception, again: Callable[[], Any]) -> list[Fault]:
    try:
        again()
    except Exception as group:  # noqa: BLE001 - the same errors again, now with their places
        return list(_faults(group, "$"))
    return [_authors_fault(error, "$", hides=True)]


def _faults(error: Exception, place: str, *, hides: bool = False) -> Iterator[Fault]:
    if isinstance(error, ClassValidationError):
        names = wire_names(error.cl)
        hides = any(field.is_secret for field in fields_of(error.cl).values())
        members, others = error.group_exceptions()
        for inner, member in members:
            yield from _faults(inner, f"{place}.{names[member.name]}", hides=hides)
        for inner in others:
            yield from _faults(inner, place, hides=hides)
    elif isinstance(error, IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            at = f"[{item.index}]" if isinstance(item.index, int) else f".{item.index}"
            yield from _faults(inner, place + at, hides=hides)
    elif isinstance(error, UnfitError):
        yield Fault(place, "does not fit the declared class" if hides else str(error))
    else:
        yield _authors_fault(error, place, hides=hides)


def _authors_fault(error: Exception, place: str, *, hides: bool) -> Fault:
    """A fault found by the author's own validator, whose message may hold a secret."""
    words = type(error).__name__ if hides else f"{type(error).__name__}: {error}"
    return Fault(place, f"refused by the declared class ({words})")
