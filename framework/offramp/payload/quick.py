"""The way of a payload in which all is right already: straight-line code, written once.

Nearly every payload needs no coercion, loses nothing and breaks no rule. The code for it asks each
field the one question that its step would ask first, some 0.06 µs each; at the first answer that is
not the usual one it gives up, and the steps do the whole work. `quick_source` shows the code.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from offramp.definition import Conditions, Field, Fields
from offramp.payload.coerce import USUAL
from offramp.payload.kinds import is_shaped, item_types
from offramp.payload.rules import rules_of
from offramp.payload.values import ABSENT

#: Answers with the payload, or with `None` where something is not as usual.
Quick: TypeAlias = Callable[[dict[str, Any]], "dict[str, Any] | None"]

#: Objects within objects; what lies deeper is left to the steps.
MAX_LEVELS: Final = 8
_INDENT: Final = "    "


def compile_quick(fields: Fields) -> Quick | None:
    """Compile the quick way of a whole payload; `None` where its fields know no usual case."""
    if not all(map(_is_plain, fields.values())) or _levels(fields) > MAX_LEVELS:
        return None
    source = _Source(fields)
    exec(source.text, source.names)  # noqa: S102 - written here; keys and names only as literals
    quick: Quick = source.names["quick"]
    return quick


def quick_source(fields: Fields) -> str:
    """The code of the quick way, to be read."""
    return _Source(fields).text


class _Source:
    """Writes the code; `names` are what it speaks of: the tests of rules are `test_0`, ..."""

    def __init__(self, fields: Fields) -> None:
        self.names: dict[str, Any] = {"absent": ABSENT, "Decimal": Decimal}
        self._lines = ["def quick(data_0):"]
        self._tests = 0
        self._object(fields, level=0)
        self._write(1, "return made_0")
        self.text = "\n".join(self._lines) + "\n"

    def _write(self, indent: int, line: str) -> None:
        self._lines.append(_INDENT * indent + line)

    def _object(self, fields: Fields, *, level: int) -> None:
        """Write what makes `made_N` of `data_N`, N being the level."""
        indent = level + 1
        self._write(indent, f"get_{level} = data_{level}.get")
        self._write(indent, f"made_{level} = {{}}")
        for key, field in fields.items():
            if is_shaped(field):
                self._inner(key, field, level)
            else:
                value = "value"
                self._write(indent, f"{value} = get_{level}({key!r}, absent)")
                self._write(indent, f"if {self._condition(field, at_root=level == 0)}:")
                copied = "value.copy()" if field.multiple else "value"
                self._write(indent + 1, f"made_{level}[{key!r}] = {copied}")
                self._otherwise(indent, field, value)

    def _inner(self, key: str, field: Field, level: int) -> None:
        indent, inner = level + 1, level + 1
        self._write(indent, f"data_{inner} = get_{level}({key!r}, absent)")
        self._write(indent, f"if type(data_{inner}) is dict:")
        self._object(field.properties or {}, level=inner)
        if field.additional_properties:
            self._write(indent + 1, f"if len(made_{inner}) < len(data_{inner}):")
            self._write(indent + 2, "return None")
        self._write(indent + 1, f"made_{level}[{key!r}] = made_{inner}")
        self._otherwise(indent, field, f"data_{inner}")

    def _condition(self, field: Field, *, at_root: bool) -> str:
        usual = USUAL[item_types(field)[0]].__name__
        if field.multiple:
            odd = f"[each for each in value if type(each) is not {usual} or not each]"
            return f"type(value) is list and not {odd}"
        condition = f"type(value) is {usual}"
        if field.type == "number":
            condition = f"({condition} or type(value) is Decimal and value.is_finite())"
        if at_root and usual == "str":
            condition += " and value"
        for test, _ in rules_of(field):
            name = f"test_{self._tests}"
            self._tests += 1
            self.names[name] = test
            condition += f" and {name}(value)"
        return condition

    def _otherwise(self, indent: int, field: Field, value: str) -> None:
        """Write what becomes of any other value: only its absence is usual, where it may be."""
        if field.required is True:
            self._write(indent, "else:")
        else:
            self._write(indent, f"elif {value} is not absent:")
        self._write(indent + 1, "return None")


def _is_plain(field: Field) -> bool:
    """Whether a field, and all inside it, is judged by its own value alone."""
    if isinstance(field.required, Conditions):
        return False
    if is_shaped(field):
        inside = (field.properties or {}).values()
        return not field.multiple and not rules_of(field) and all(map(_is_plain, inside))
    return not (field.multiple and rules_of(field))


def _levels(fields: Fields) -> int:
    inner = [_levels(f.properties or {}) for f in fields.values() if is_shaped(f)]
    return 1 + max(inner, default=0)
