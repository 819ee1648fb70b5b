"""Fields as Python: the attributes of a class that declares them, or `Field(...)` in a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from offramp.cli.scaffold.expressions import (
    Expression,
    Text,
    call,
    data,
    lay_out,
    mapping,
    sequence,
)
from offramp.cli.scaffold.names import camel, snake
from offramp.definition import UNSET, Choice, Condition, Conditions, Field, Fields

#: The annotation of a field that is no class.
_ANNOTATIONS: Final = {
    "string": "str",
    "text": "str",
    "password": "str",
    "integer": "int",
    "number": "Decimal",
    "boolean": "bool",
    "datetime": "datetime",
    "object": "dict[str, Any]",
}
#: The type that an annotation stands for; another one is written out.
_INFERRED: Final = {annotation: kind for kind, annotation in reversed(list(_ANNOTATIONS.items()))}
#: Properties that are written as they are, in the order of `field()`.
_PLAIN: Final = (
    "placeholder",
    "category",
    "read_only",
    "hidden",
    "minimum",
    "maximum",
    "default_object_ui",
    "display_mode",
    "format",
    "secret",
)
_FLAGS: Final = ("allow_null", "allow_empty", "dynamic", "additional_properties")
#: Directives that have a function of their own: the function, and how its argument is written.
_FUNCTIONS: Final[Mapping[str, str]] = {
    "@path": "path",
    "@template": "template",
    "@literal": "literal",
    "@liquid": "liquid",
}


@attrs.define
class FieldWriter:
    """Writes classes of fields."""

    #: Names that no class can have.
    taken: set[str]
    #: The code of the classes, in an order in which each can be read.
    written: list[str] = attrs.field(factory=list)

    def write_class(self, name: str, fields: Fields, *, maker: str, describes: str) -> None:
        """Write an attrs class with a field a line, after the classes of its objects."""
        self.taken.add(name)
        names: set[str] = set()
        lines: list[str] = []
        for key, field in fields.items():
            attribute = snake(key, taken=names)
            names.add(attribute)
            lines.append(self._attribute(attribute, key, field, maker))
        body = "\n".join(["", *lines]) if lines else ""
        # Keyword-only for type checkers too, which do not know that `field()` says it.
        head = f'@attrs.frozen(kw_only=True)\nclass {name}:\n    """{describes}"""\n'
        self.written.append(f"{head}{body}\n")

    def _attribute(self, attribute: str, key: str, field: Field, maker: str) -> str:
        kind = _ANNOTATIONS[field.type]
        keywords: dict[str, Expression | None] = {}
        if attribute != key:
            keywords["key"] = Text(key)
        if field.properties is not None and not field.additional_properties:
            describes = f"What `{key}` consists of."
            kind = camel(key, taken=self.taken)
            self.write_class(kind, field.properties, maker="field", describes=describes)
        elif field.properties is not None:
            keywords["properties"] = self.field_dict(field.properties)
        if field.type != _INFERRED.get(kind, "object"):
            keywords["type"] = Text(field.type)
        annotation = f"list[{kind}]" if field.multiple else kind
        if field.required is not True:
            annotation += " | None"
        if isinstance(field.required, Conditions):
            keywords["required"] = self._conditions(field.required)
        if field.label != key:
            keywords["label"] = Text(field.label)
        declared = call(maker, **keywords, **self._shared(field))
        start = f"{attribute}: {annotation} = "
        return f"    {start}{lay_out(declared, indent=4, before=len(start))}"

    def field_dict(self, fields: Fields) -> Expression:
        """A dict of fields by wire name."""
        return mapping({key: self._field(field) for key, field in fields.items()})

    def _field(self, field: Field) -> Expression:
        required = field.required
        keywords: dict[str, Expression | None] = {
            "label": Text(field.label),
            "type": Text(field.type),
            "required": self._conditions(required)
            if isinstance(required, Conditions)
            else ("True" if required else None),
            "multiple": "True" if field.multiple else None,
            "properties": None if field.properties is None else self.field_dict(field.properties),
        }
        return call("Field", **keywords, **self._shared(field))

    def _shared(self, field: Field) -> dict[str, Expression | None]:
        keywords: dict[str, Expression | None] = {
            "description": Text(field.description) if field.description else None,
            "default": None if field.default is None else self.directive(field.default),
            "choices": self._choices(field),
            "depends_on": None if field.depends_on is None else self._conditions(field.depends_on),
        }
        for name in _FLAGS:
            keywords[name] = "True" if getattr(field, name) else None
        for name in _PLAIN:
            value = getattr(field, name)
            keywords[name] = None if value is None else number_or_data(value)
        if field.disabled_input_methods is not None:
            keywords["disabled_input_methods"] = data(list(field.disabled_input_methods))
        return keywords

    def _choices(self, field: Field) -> Expression | None:
        if field.choices is None:
            return None
        return sequence([self._choice(each) for each in field.choices])

    def _choice(self, choice: str | Choice) -> Expression:
        if isinstance(choice, str):
            return Text(choice)
        values = [data(choice.value), Text(choice.label)]
        if choice.description is not None:
            values.append(Text(choice.description))
        return call("Choice", *values)

    def _conditions(self, conditions: Conditions) -> Expression:
        if len(conditions.conditions) == 1 and conditions.match is None:
            short = self._short(conditions.conditions[0])
            if short is not None:
                return short
        each = sequence([self._condition(one) for one in conditions.conditions], "()")
        match = None if conditions.match is None else Text(conditions.match)
        return call("Conditions", match=match, conditions=each)

    def _short(self, condition: Condition) -> Expression | None:
        """A condition in the words of `when`, where these say it."""
        if condition.type is not None:
            return None
        is_not = condition.operator == "is_not"
        if condition.value is UNSET and not is_not:
            return None
        value = None if condition.value is UNSET else data(condition.value)
        return call("when", Text(condition.field_key), **{"is_not" if is_not else "is_": value})

    def _condition(self, condition: Condition) -> Expression:
        return call(
            "Condition",
            type=None if condition.type is None else Text(condition.type),
            field_key=Text(condition.field_key) if condition.field_key else None,
            operator=Text(condition.operator) if condition.operator != "is" else None,
            value=None if condition.value is UNSET else data(condition.value),
        )

    def directive(self, value: Any) -> Expression:
        """A default mapping, in the functions of `offramp` where there are some."""
        if not isinstance(value, Mapping):
            return data(value) if not isinstance(value, list) else sequence(self._all(value))
        if len(value) == 1:
            [(name, argument)] = value.items()
            written = self._function(name, argument)
            if written is not None:
                return written
        return mapping({key: self.directive(each) for key, each in value.items()})

    def _all(self, values: Iterable[Any]) -> list[Expression]:
        return [self.directive(each) for each in values]

    def _function(self, name: str, argument: Any) -> Expression | None:
        function = _FUNCTIONS.get(name)
        if function is not None and (isinstance(argument, str) or name == "@literal"):
            return call(function, data(argument))
        if name == "@arrayPath" and isinstance(argument, list) and len(argument) == 2:  # noqa: PLR2004 - a path, and what is made of an item
            return call("array_path", *self._all(argument))
        if name == "@if" and _is_coalesce(argument):
            return call("coalesce", *self._all([argument["then"], argument["else"]]))
        return None


def number_or_data(value: Any) -> Expression:
    """The literal of a bound or another property; a number with a fraction is a `float`."""
    if isinstance(value, int | float | str):
        return data(value)
    number = float(value)
    return repr(int(number) if number.is_integer() else number)


def _is_coalesce(argument: Any) -> bool:
    return (
        isinstance(argument, Mapping)
        and set(argument) == {"exists", "then", "else"}
        and argument["exists"] == argument["then"]
    )
