"""Options declared on an attrs class: the keys of a table of the configuration."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin

import attrs

from offramp.errors import DefinitionError, Fault

OptionType: TypeAlias = Literal[
    "text",
    "boolean",
    "switch",
    "integer",
    "number",
    "size",
    "duration",
    "path",
    "choice",
    "texts",
    "table",
    "tables",
    "labelled",
]
#: Seconds in each unit of a duration, as declared or at the end of a text such as `24h`.
DURATION_UNITS: Final[Mapping[str, float]] = {
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3_600.0,
    "days": 86_400.0,
}
#: The unit of an integer that makes it a size.
BYTES: Final = "bytes"
_METADATA_KEY: Final = "offramp.option"
_TYPES: Final[Mapping[Any, OptionType]] = {
    str: "text",
    bool: "boolean",
    int: "integer",
    float: "number",
    timedelta: "duration",
    Path: "path",
    tuple: "texts",
    Mapping: "table",
}
_WANTED: Final = (
    "an option is a str, bool, bool | str, int, float, timedelta, Path, Literal, tuple[str, ...], "
    "Mapping, Mapping[str, str] (texts by label) or tuple[Mapping, ...], or one of these or None"
)


@attrs.frozen(kw_only=True)
class Option:
    """One key of a table: its type and checks, its default, and what it is for."""

    key: str
    #: The name of the attribute, where Python spells it otherwise.
    attribute: str
    type: OptionType
    #: The annotation, without `None`.
    annotation: Any
    description: str
    #: `attrs.NOTHING` if there is none, so that a value has to be given.
    default: Any
    #: The reference's text for a default that cannot be written as a value.
    default_text: str
    #: What to write if the key is missing; empty if it may be missing.
    required: str
    #: What a number counts: `bytes`, `seconds`, `days`, `events`; what a labelled text is: `key`.
    unit: str
    #: Bounds of a number: `minimum` and `maximum` are inclusive, `above` is exclusive.
    minimum: int | None
    maximum: int | None
    above: float | None
    choices: tuple[str, ...]
    #: Whether it is masked where it is shown; it may be a reference such as `env:NAME`.
    secret: bool
    #: Returns what is wrong with a value, or None; called for each item of a list.
    check: Callable[[Any], str | None] | None


def option(  # noqa: PLR0913 - one parameter for each property of an option
    *,
    description: str,
    default: Any = attrs.NOTHING,
    default_text: str = "",
    key: str | None = None,
    required: str = "",
    unit: str = "",
    minimum: int | None = None,
    maximum: int | None = None,
    above: float | None = None,
    secret: bool = False,
    hidden: bool = False,
    check: Callable[[Any], str | None] | None = None,
) -> Any:
    """Declare an option on an attrs class; see `Option` for what each property means.

    The type is read from the annotation. An `int` with the unit `bytes` is a size, which may be
    written `"512 MiB"`; a `timedelta` is a duration: a number of its unit, seconds by default, or
    a text such as `"24h"`. `default` is a value of the attribute itself. A `hidden` option is
    left out of the `repr`, as a secret is.
    """
    declared = {**locals()}
    del declared["default"], declared["hidden"]
    return attrs.field(
        default=default,
        kw_only=True,
        repr=not (secret or hidden),
        metadata={_METADATA_KEY: declared},
    )


def options_of(cls: type[Any]) -> tuple[Option, ...]:
    """The options that an attrs class declares, in order, without its other attributes.

    Raises `DefinitionError` with every annotation that cannot be an option's.
    """
    hashable: Any = cls  # mypy does not know that a class is hashable
    return _options_of(hashable)


@functools.cache
def _options_of(cls: type[Any]) -> tuple[Option, ...]:
    hints = typing.get_type_hints(cls)
    found: list[Option] = []
    faults: list[Fault] = []
    for attribute in attrs.fields(cls):
        declared = attribute.metadata.get(_METADATA_KEY)
        if declared is None:
            continue
        try:
            found.append(_option(attribute, dict(declared), hints[attribute.name]))
        except TypeError as error:
            faults.append(Fault(f"{cls.__qualname__}.{attribute.name}", str(error)))
    if faults:
        raise DefinitionError(faults)
    return tuple(found)


def _option(attribute: attrs.Attribute[Any], declared: dict[str, Any], hint: Any) -> Option:
    annotation = _without_none(hint)
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    kind: OptionType | None = "choice" if choices else _type(annotation)
    if kind is None or not all(isinstance(choice, str) for choice in choices):
        raise TypeError(f"{annotation!r} cannot be read from a configuration: {_WANTED}")
    unit = declared.pop("unit") or ("seconds" if kind == "duration" else "")
    if kind == "duration" and unit not in DURATION_UNITS:
        raise TypeError(f"the unit {unit!r} is not one of {', '.join(DURATION_UNITS)}")
    if kind == "integer" and unit == BYTES:
        kind = "size"
    default: Any = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a function to mypy alone
        default = default.factory()
    return Option(
        **{**declared, "key": declared["key"] or attribute.name},
        attribute=attribute.name,
        type=kind,
        annotation=annotation,
        default=default,
        unit=unit,
        choices=choices,
    )


def _type(annotation: Any) -> OptionType | None:
    if annotation == bool | str:
        return "switch"
    origin = get_origin(annotation) or annotation
    if origin is tuple and (get_args(annotation) or (str,))[0] is not str:
        return "tables"
    if origin is Mapping and get_args(annotation) == (str, str):
        return "labelled"
    return _TYPES.get(origin)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        rest = [each for each in get_args(hint) if each is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return hint
