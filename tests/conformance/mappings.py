"""Generates mappings: every directive, nested, mostly as they should be, sometimes not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.events import FIELDS, TEXTS, key, scalar, value
from tests.conformance.liquid import template as liquid_template
from tests.conformance.source import Source

#: How deep directives are nested.
DEPTH = 4
ROOT_KEY = "__segment_internal_directive"

PATHS = (
    "$.properties.a",
    "$.type",
    "$.event",
    "$.userId",
    "$.properties",
    "$.properties.items",
    "$.traits.email",
    "$.context",
    "$.properties.b.a",
    "$.properties.items[0]",
    "$.properties.items.0.a",
    "$.properties['a']",
    '$.properties["c d"]',
    "$.properties.e.f",
    "$.properties['e.f']",
    "$.properties.c d",
    "$.properties.length",
    "$.event.length",
    "$.properties.items.length",
    "$.",
    "",
    ".",
    "$",
    "$..properties",
    "properties.a",
    "$.$.type",
    "$.properties.user.name",
    "$.properties['user.name']",
    "$.properties.k[0]",
    "$.properties.k",
    "$.properties[0]",
    "$.properties.0",
    "$.properties.10",
    "$.event[0]",
    "$.event.0",
    "$.missing.a.b",
    "$.properties.a.b.c.d",
    "$.properties.@j",
    "$.properties.Ä",
    "$.timestamp",
    "$.properties.items[*]",
    "$.properties.items[10]",
    "$.properties.items['0']",
    "$.a",
    "$.b",
    "$.properties.a.",
    "$.properties..a",
    "$[0]",
    "$['type']",
    "['type']",
    "$.properties.$g",
    "$.properties.h-i",
    "$.messageId",
    "$.name",
    "$.traits",
    "$.properties.items[-1]",
    '$.properties.q"r',
    "$.properties.a]",
    "$.properties.[a]",
    " $.type",
    "$.type ",
)
#: What JavaScript's own objects, texts and lists inherit.
INHERITED = (
    "$.properties.constructor",
    "$.properties.toString.name",
    "$.event.at",
    "$.properties.items.map",
    "$.properties.__proto__",
    "$.event.constructor.name",
)
TEMPLATES = (
    "{{properties.a}}",
    "{{type}} {{event}}",
    "Hello {{traits.email}}!",
    "{{{properties.a}}}",
    "{{ properties.b }}",
    "{{$.type}}",
    "{{missing}}",
    "{{}}",
    "{{ }}",
    "{{properties}}",
    "{{properties.items}}",
    "{{{type}}} {{event}}",
    "{{type}",
    "{type}}",
    "{{type}}}",
    "{{{type}}",
    "{{{{type}}}}",
    "{{a}}{{b}}",
    "{{properties['c d']}}",
    "{{properties.items.0}}",
    "{{.}}",
    "plain",
    "",
    "{{event.length}}",
    "{{properties.items[0].a}}",
    "a {{b} c}} d",
    "{{{a}}}{{{b}}}",
    "{{\ttype\n}}",
    "{{userId}}-{{name}}-{{properties.plan}}",
    "{{properties.e.f}}",
    "{{#type}}",
    "{{&type}}",
    "{{event.constructor.name}}",
)
PIECES = (
    "a",
    "",
    "A",
    "-",
    "track",
    ".",
    "+",
    "$",
    "aa",
    " ",
    "é",
    "ß",
    "\\",
    "[",
    "Order",
    "1",
    "ä",
    "İ",
    "😀",
)
REPLACEMENTS = ("", "x", "$&", "$$", "$1", "$`", "$'", "aa", "\\1", "é", "$<a>", "0123456789", "$0")
LONG = "01234567890"


def mapping(source: Source) -> Any:
    """A mapping: fields and what fills them."""
    if source.chance(4):
        return _odd_root(source)
    made = {key(source): node(source, DEPTH) for _ in range(1 + source.below(3))}
    if source.chance(4):
        made[ROOT_KEY] = _root_directive(source)
    return made


def _odd_root(source: Source) -> Any:
    if source.chance(60):
        return directive(source, DEPTH)
    return value(source, 2) if source.chance(30) else {}


def _root_directive(source: Source) -> Any:
    if source.chance(30):
        return node(source, 2)
    return {"@transform": {"apply": _object(source, 2)}}


def node(source: Source, depth: int) -> Any:
    """What may stand at any place of a mapping."""
    if depth <= 0 or source.chance(12):
        return scalar(source) if source.chance(60) else _path(source)
    if source.chance(12):
        return _object(source, depth)
    if source.chance(6):
        return [node(source, depth - 1) for _ in range(source.below(3))]
    return directive(source, depth)


def directive(source: Source, depth: int) -> dict[str, Any]:
    """A directive; one in twelve or so is not as it should be."""
    made = source.pick(_DIRECTIVES)(source, depth)
    if source.chance(3):
        made = _spoiled(source, made)
    if source.chance(3):
        made["_metadata"] = {"label": "a"}
    return made


def _spoiled(source: Source, made: dict[str, Any]) -> dict[str, Any]:
    [(name, spec)] = list(made.items())
    match source.below(6):
        case 0:
            return {name: value(source, 2)}
        case 1:
            return {source.pick(("@", "@nope", "@Path", "@if ", "path")): spec}
        case 2:
            return {**made, source.pick(("@path", "@literal", "other")): "$.type"}
        case 3 if isinstance(spec, dict) and spec:
            return {name: {**spec, source.pick(list(spec)): scalar(source)}}
        case 4 if isinstance(spec, dict) and spec:
            lost = source.pick(list(spec))
            return {name: {key: item for key, item in spec.items() if key != lost}}
        case _:
            return {name: node(source, 1)}


def _object(source: Source, depth: int) -> dict[str, Any]:
    return {key(source): node(source, depth - 1) for _ in range(source.below(4))}


def _inner(source: Source, depth: int) -> Any:
    return _path(source) if source.chance(55) else node(source, depth - 1)


def _path(source: Source, depth: int = 0) -> dict[str, Any]:
    if depth > 1 and source.chance(5):
        return {"@path": node(source, depth - 1)}
    if source.chance(50):
        return {"@path": source.pick(PATHS[:8])}
    if source.chance(15):
        return {"@path": f"$.{source.pick(FIELDS)}.{key(source)}"}
    return {"@path": source.pick(PATHS if source.chance(98) else INHERITED)}


def _template(source: Source, depth: int) -> dict[str, Any]:
    if source.chance(5):
        return {"@template": node(source, depth - 1)}
    return {"@template": source.pick(TEMPLATES)}


def _literal(source: Source, depth: int) -> dict[str, Any]:
    return {"@literal": value(source, 2) if source.chance(60) else node(source, depth - 1)}


def _if(source: Source, depth: int) -> dict[str, Any]:
    test = source.pick(("exists", "exists", "blank"))
    spec = {test: _inner(source, depth)}
    if source.chance(90):
        spec["then"] = _inner(source, depth)
    if source.chance(80):
        spec["else"] = _inner(source, depth)
    if source.chance(4):
        spec["blank"] = _inner(source, depth)
    return {"@if": spec}


def _case(source: Source, depth: int) -> dict[str, Any]:
    operator = source.pick(("lower", "upper", "lower", "upper", "title", "Lower", ""))
    inner = source.pick(TEXTS) if source.chance(20) else _inner(source, depth)
    return {"@case": {"operator": operator, "value": inner}}


def _replace(source: Source, depth: int) -> dict[str, Any]:
    spec: dict[str, Any] = {"pattern": source.pick(PIECES)}
    if source.chance(85):
        spec["replacement"] = source.pick(REPLACEMENTS)
    if source.chance(30):
        spec["pattern2"] = source.pick(PIECES)
        spec["replacement2"] = source.pick(REPLACEMENTS)
    for name in ("global", "ignorecase"):
        if source.chance(35):
            spec[name] = source.chance(50)
    if source.chance(4):
        spec[source.pick(("pattern", "replacement", "pattern2", "replacement2"))] = LONG
    spec["value"] = source.pick(TEXTS) if source.chance(35) else _inner(source, depth)
    return {"@replace": spec}


def _array_path(source: Source, depth: int) -> dict[str, Any]:
    path = source.pick(PATHS) if source.chance(40) else "$.properties.items"
    first: Any = {"@path": path} if source.chance(50) else path
    if source.chance(8):
        first = node(source, depth - 1)
    if source.chance(10):
        return {"@arrayPath": [first]}
    return {"@arrayPath": [first, _object(source, depth)]}


def _flatten(source: Source, depth: int) -> dict[str, Any]:
    spec = {"separator": source.pick((".", "_", "", "--", "0")), "value": _inner(source, depth)}
    if source.chance(30):
        spec["omitArrays"] = source.pick((True, False, 1, 0, "", "no"))
    return {"@flatten": spec}


def _json(source: Source, depth: int) -> dict[str, Any]:
    mode = source.pick(("encode", "decode", "encode", "decode", "Encode"))
    inner = source.pick(TEXTS) if source.chance(20) else _inner(source, depth)
    return {"@json": {"mode": mode, "value": inner}}


def _merge(source: Source, depth: int) -> dict[str, Any]:
    objects = [
        _object(source, depth - 1) if source.chance(50) else _inner(source, depth)
        for _ in range(source.below(4))
    ]
    spec: dict[str, Any] = {"objects": objects}
    if source.chance(95):
        spec["direction"] = source.pick(("left", "right", "left", "right", "Left"))
    return {"@merge": spec}


def _transform(source: Source, depth: int) -> dict[str, Any]:
    apply = _object(source, depth)
    return {"@transform": {"apply": apply, "mapping": _object(source, depth)}}


def _exclude_when_null(source: Source, depth: int) -> dict[str, Any]:
    return {"@excludeWhenNull": _inner(source, depth)}


def _liquid(source: Source, depth: int) -> dict[str, Any]:
    return {"@liquid": liquid_template(source)}


_DIRECTIVES: tuple[Callable[[Source, int], dict[str, Any]], ...] = (
    _path,
    _template,
    _literal,
    _if,
    _case,
    _replace,
    _array_path,
    _flatten,
    _json,
    _merge,
    _transform,
    _exclude_when_null,
    _liquid,
)
