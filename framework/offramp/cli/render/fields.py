"""Renders declared fields: types, conditions, choices, defaults, limits, properties."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from offramp import _json
from offramp.cli.render.columns import grid, indented
from offramp.definition import Choice, Conditions, Field, Fields
from offramp.payload import conditions_text

_FROM_PARTNER: Final = "from the partner (`offramp choices`)"
_TEXTS: Final = frozenset({"string", "text", "password"})


def render_fields(fields: Fields, dynamic: Collection[str] = (), within: str = "") -> Group:
    """Render each field with its properties; `dynamic` are places whose choices are fetched."""
    return Group(*(_field(f"{within}{key}", field, dynamic) for key, field in fields.items()))


def rows_of(rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Render rows of a label and what it says; rows that say nothing are left out."""
    table = grid("", "")
    table.columns[0].no_wrap = True
    for label, said in rows:
        if said:
            table.add_row(Text(label, "dim"), Text(said))
    return table if table.row_count else Group()


def mapping_text(mapping: Any) -> str:
    """A mapping as it is read: `$.userId, or else $.anonymousId`; other directives as JSON."""
    if not isinstance(mapping, dict) or not mapping:
        return _json.dumps(mapping).decode()
    if not any(key.startswith("@") for key in mapping):
        return mapping_lines(mapping)
    return _directive_text(mapping) if len(mapping) == 1 else _json.pretty(mapping)


def _directive_text(directive: dict[str, Any]) -> str:
    match directive:
        case {"@path": str(text)} | {"@template": str(text)}:
            return text
        case {"@literal": value}:
            return _json.dumps(value).decode()
        case {"@if": {"exists": found, "then": first, "else": second}} if found == first:
            return f"{mapping_text(first)}, or else {mapping_text(second)}"
        case {"@arrayPath": [where, item]}:
            return _member(f"each of {mapping_text(where)}", mapping_text(item), below=True)
    return _json.pretty(directive)


def mapping_lines(mapping: Mapping[str, Any]) -> str:
    """A line for each member of a mapping; one of several lines is indented below its key."""
    return "\n".join(_member(key, mapping_text(value)) for key, value in mapping.items())


def _member(key: str, said: str, *, below: bool = False) -> str:
    indented_lines = said.replace("\n", "\n  ")
    return f"{key}:\n  {indented_lines}" if below or "\n" in said else f"{key}: {said}"


def _field(place: str, field: Field, dynamic: Collection[str]) -> RenderableType:
    label = "" if field.label == place.rpartition(".")[2] else f"  {field.label}"
    head = Text.assemble((place, "bold"), f"  {_kind(field)}", (label, "dim"))
    parts: list[RenderableType] = [head]
    if field.description:
        parts.append(indented(Text(field.description)))
    parts.append(indented(rows_of(_rows(place, field, dynamic))))
    if field.properties is not None:
        parts.append(indented(render_fields(field.properties, dynamic, f"{place}.")))
    return Group(*parts)


def _kind(field: Field) -> str:
    """Its type, and in few words what limits it: `list of string (email), required, secret`."""
    kind = f"{field.type} ({field.format})" if field.format else field.type
    words = {
        f"list of {kind}" if field.multiple else kind: True,
        "required": field.required is True,
        "may be null": field.allow_null,
        "may be empty": field.allow_empty,
        "secret": field.is_secret and field.type != "password",
        "read only": field.read_only,
        "hidden": field.hidden,
    }
    return ", ".join(word for word, holds in words.items() if holds)


def _rows(place: str, field: Field, dynamic: Collection[str]) -> Iterator[tuple[str, str]]:
    if isinstance(field.required, Conditions):
        yield "required if", conditions_text(field.required)
    if field.depends_on is not None:
        yield "shown if", conditions_text(field.depends_on)
    if field.default is not None:
        yield "default", mapping_text(field.default)
    yield "choices", _choices(field.choices or ())
    if field.dynamic or place in dynamic:
        yield "choices", _FROM_PARTNER
    for member, label in (("__keys__", "keys"), ("__values__", "values")):
        if f"{place}.{member}" in dynamic:
            yield label, _FROM_PARTNER
    if field.additional_properties:
        yield "other keys", "allowed"
    yield "length" if field.type in _TEXTS else "value", _limits(field)
    yield "placeholder", field.placeholder or ""
    yield "category", field.category or ""
    yield "editor", field.default_object_ui or ""
    yield "shown as", field.display_mode or ""
    yield "no input by", ", ".join(field.disabled_input_methods or ())


def _choices(choices: Sequence[str | Choice]) -> str:
    """The values in one line if they say all, else each with its label in a line."""
    if all(isinstance(choice, str) for choice in choices):
        return ", ".join(map(str, choices))
    return "\n".join(_choice(choice) for choice in choices)


def _choice(choice: str | Choice) -> str:
    if isinstance(choice, str):
        return choice
    label = "" if choice.label == str(choice.value) else f"  {choice.label}"
    described = f": {choice.description}" if choice.description else ""
    return f"{choice.value}{label}{described}"


def _limits(field: Field) -> str:
    bounds = {"at least": field.minimum, "at most": field.maximum}
    words = (f"{which} {bound:g}" for which, bound in bounds.items() if bound is not None)
    return " and ".join(words)
