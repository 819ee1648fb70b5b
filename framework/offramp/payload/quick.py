"""The quick check: generated code for payloads that need no coercion and break no rule.

Nearly all payloads are like that. The code tests each value once, for its usual type and its rules,
and converts it for the payload class. At the first value that fails a test it passes the whole
payload to the careful check. `inspect.getsource` shows the code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from offramp.definition import Conditions, Field, Fields
from offramp.mapping import Code, Node
from offramp.mapping.nodes import MAX_KEYS, Part, Read
from offramp.payload.attributes import (
    AS_IT_IS,
    Form,
    PlainAttribute,
    form_of,
    is_plain_mapping,
    plain_attributes,
    slots_of,
)
from offramp.payload.types import is_shaped, rules_of, type_of

#: Turns a raw payload into a checked one, or that and an instance; raises `PayloadError`.
Way: TypeAlias = Callable[[dict[str, Any]], Any]

#: Key of the root that is neither checked nor removed: credentials of dynamic authentication.
EXEMPT_KEY: Final = "dynamicAuthSettings"
#: Most levels of nested objects; payloads that are nested deeper get the careful check.
MAX_LEVELS: Final = 8
#: Code of more characters takes too long to compile.
MAX_LENGTH: Final = 100_000


class _UnusualError(Exception):
    """A field, or an attribute of the payload class, needs the careful check for every value."""


def compile_quick(
    fields: Fields, otherwise: Way, payload_type: type[Any] | None = None
) -> Way | None:
    """Compile the quick check of a payload; `None` if its fields need the careful one.

    With a payload class it returns the checked payload and its instance. If a value fails a test,
    it returns the result of `otherwise`.
    """
    return _compiled(fields, lambda: _Payload(fields, payload_type), otherwise)


def compile_mapped(
    members: Mapping[str, Node], fields: Fields, otherwise: Way, payload_type: type[Any]
) -> Way | None:
    """Compile the quick check of what a mapping makes, from the event on: see `compile_quick`.

    `members` are the fields of the mapping. No object is made of their values before all of them
    are checked. `otherwise` gets the event.
    """
    if EXEMPT_KEY in members:
        return None
    return _compiled(fields, lambda: _MappedPayload(members, fields, payload_type), otherwise)


def _compiled(fields: Fields, write: Callable[[], _Payload], otherwise: Way) -> Way | None:
    if not all(map(_is_plain, fields.values())) or _levels(fields) > MAX_LEVELS:
        return None
    try:
        source = write()
    except _UnusualError:
        return None
    if len(source.text) > MAX_LENGTH:
        return None
    return source.function("quick", otherwise=otherwise)


class _Payload(Code):
    """The code of a payload; the levels of its objects are numbered from 0."""

    #: What the function is given, and the line that passes it to the careful check.
    given = "data_0"
    give_up = "return otherwise(data_0)"

    def __init__(self, fields: Fields, payload_type: type[Any] | None) -> None:
        super().__init__("$", new=object.__new__)
        self.title = "payload" if payload_type is None else f"payload {payload_type.__name__}"
        with self.block(f"def quick({self.given}):"):
            first = len(self.lines)
            with self.block("try:"):
                instance = self._root(fields, payload_type)
                self.write(f"return made_0, {instance}" if instance else "return made_0")
            # A required field is absent, or a mapped value is nested too deeply.
            with self.block("except (KeyError, RecursionError):"):
                self.write(self.give_up)
        self.insert_paths(first)

    def _root(self, fields: Fields, payload_type: type[Any] | None) -> str | None:
        with self.block(f"if type(data_0) is not dict or {EXEMPT_KEY!r} in data_0:"):
            self.write(self.give_up)
        return self._object(fields, payload_type, level=0)

    def _object(
        self, fields: Fields, cls: type[Any] | None, *, level: int, keeps_unknown: bool = False
    ) -> str | None:
        """Write the code from `data_N` to `made_N` (N: the level); returns the instance's name."""
        # A copy keeps the order of the data, which is that of the mapping or of the event.
        self.write(f"made_{level} = data_{level}.copy()")
        self.write(f"missing_{level} = 0")
        held = self._members(fields, cls, level)
        if not keeps_unknown:
            self._drop_unknown(fields, level)
        return None if cls is None else self._instance(cls, held)

    def _members(
        self, fields: Fields, cls: type[Any] | None, level: int
    ) -> dict[PlainAttribute, str]:
        """Write the checks of an object's fields; returns the name of each attribute's value."""
        attributes = {} if cls is None else plain_attributes(cls)
        if attributes is None or attributes.keys() - fields.keys():
            raise _UnusualError
        held = {}
        for key, field in fields.items():
            attribute = attributes.get(key)
            write = self._inner if is_shaped(field) else self._member
            name = write(key, field, level, None if attribute is None else attribute.annotation)
            self._otherwise(level, field, attribute, name)
            if attribute is not None:
                held[attribute] = name
        return held

    def _read(self, key: str, level: int, field: Field) -> str:
        """An expression for the value at a key of `data_N`, which raises `KeyError` if required."""
        if field.required is True:
            return f"data_{level}[{key!r}]"
        return f"data_{level}.get({key!r}, absent)"

    def _replace(self, key: str, level: int, value: str) -> None:
        """Write the line that changes a value of `made_N`."""
        self.write(f"made_{level}[{key!r}] = {value}")

    def _drop_unknown(self, fields: Fields, level: int) -> None:
        """Write the code that deletes the keys from `made_N` that no field declares."""
        known = self.name("known", frozenset(fields))
        with (
            self.block(f"if len(data_{level}) + missing_{level} != {len(fields)}:"),
            self.block(f"for key in data_{level}:"),
            self.block(f"if key not in {known}:"),
        ):
            self.write(f"del made_{level}[key]")

    def _inner(self, key: str, field: Field, level: int, annotation: Any) -> str:
        """Write the check of an object with properties; returns the name of the result."""
        inner, name = level + 1, self.name("inner")
        cls = annotation if attrs.has(annotation) else None
        takes_any = annotation is None or annotation is Any or is_plain_mapping(annotation)
        if cls is None and not takes_any:
            raise _UnusualError
        self.write(f"{name} = data_{inner} = {self._read(key, level, field)}")
        with self.block(f"if type(data_{inner}) is dict:"):
            instance = self._object(
                field.properties or {}, cls, level=inner, keeps_unknown=field.additional_properties
            )
            self._replace(key, level, f"made_{inner}")
            self.write(f"{name} = {instance or f'made_{inner}'}")
        return name

    def _member(self, key: str, field: Field, level: int, annotation: Any) -> str:
        """Write the check of any other value; returns the name of the result."""
        value = self.name("value")
        form = AS_IT_IS if annotation is None else form_of(field, annotation)
        if form is None:
            raise _UnusualError
        conditions = self._conditions(field, value, form, at_root=level == 0)
        held = form.emit(self, value)
        if form.may_fail:
            conditions.append(f"(held := {held}) is not None")
            held = "held"
        self.write(f"{value} = {self._read(key, level, field)}")
        with self.block(f"if {' and '.join(conditions)}:"):
            if field.multiple:
                self._replace(key, level, f"{value}.copy()")
            if held != value:
                self.write(f"{value} = {held}")
            elif not field.multiple:
                self.write("pass")
        return value

    def _instance(self, cls: type[Any], held: Mapping[PlainAttribute, str]) -> str:
        """Write the code that makes an instance of a class; returns the instance's name."""
        name, made, slots = self.name("instance"), self.name("Class", cls), slots_of(cls)
        if slots is None:
            arguments = ", ".join(f"{each.alias}={value}" for each, value in held.items())
            self.write(f"{name} = {made}({arguments})")
            return name
        self.write(f"{name} = new({made})")
        for each, value in held.items():
            self.write(f"{self.name('set', slots[each.name])}({name}, {value})")
        return name

    def _conditions(self, field: Field, value: str, form: Form, *, at_root: bool) -> list[str]:
        """The tests of a value, as code."""
        json_type = type_of(field).accepts[0]
        if field.multiple:
            usual = json_type.usual.__name__
            odd = f"[each for each in {value} if type(each) is not {usual} or not each]"
            return [f"type({value}) is list", f"not {odd}"]
        conditions = [json_type.emit(self, value)]
        if at_root and json_type.usual is str and not field.allow_empty:
            conditions.append(value)
        # The conversion includes the test of some rules.
        rules = [rule for rule in rules_of(field) if rule.fits is None or rule.fits != form.proves]
        return conditions + [rule.emit(self, value) for rule in rules]

    def _otherwise(
        self, level: int, field: Field, attribute: PlainAttribute | None, name: str
    ) -> None:
        """Write the code for any other value: it gives up, unless an optional field is absent."""
        if field.required is True or not (attribute is None or attribute.may_miss):
            with self.block("else:"):
                self.write(self.give_up)
            return
        with self.block(f"elif {name} is not absent:"):
            self.write(self.give_up)
        with self.block("else:"):
            self.write(f"missing_{level} += 1")
            if attribute is not None:
                self.write(f"{name} = None")


class _MappedPayload(_Payload):
    """The same from the event on: the values of the root object are those of a mapping's fields."""

    given = "scope"
    give_up = "return otherwise(scope)"

    def __init__(self, members: Mapping[str, Node], fields: Fields, cls: type[Any]) -> None:
        self._mapping = members
        #: Key of the mapping or a field -> the name of its value.
        self._values: dict[str, str] = {}
        super().__init__(fields, cls)

    def _root(self, fields: Fields, payload_type: type[Any] | None) -> str | None:
        with self.block("if type(scope) is not dict:"):
            self.write(self.give_up)
        self._values = {key: self.name("mapped") for key in {**self._mapping, **fields}}
        # All are mapped before one is checked: a fault of the mapping comes first.
        for key, name in self._values.items():
            self.write(f"{name} = {self._mapped(key, fields.get(key))}")
        self.write("missing_0 = 0")
        held = self._members(fields, payload_type, 0)
        self._make(fields)
        return None if payload_type is None else self._instance(payload_type, held)

    def _mapped(self, key: str, field: Field | None) -> str:
        """An expression for the mapped value of a field."""
        part = self._mapping.get(key)
        if part is None:
            return "absent"
        node = part.node if isinstance(part, Part) else part
        is_required = field is not None and field.required is True
        if is_required and isinstance(node, Read) and len(node.keys) <= MAX_KEYS:
            return self.read(node.keys, required=True)
        return self.value(part)

    def _read(self, key: str, level: int, field: Field) -> str:
        return super()._read(key, level, field) if level else self._values[key]

    def _replace(self, key: str, level: int, value: str) -> None:
        if level:
            super()._replace(key, level, value)
        else:
            self.write(f"{self._values[key]} = {value}")

    def _make(self, fields: Fields) -> None:
        """Write the code of `made_0`: what is present of the fields, in the mapping's order."""
        known = [(key, self._values[key]) for key in self._mapping if key in fields]
        required = [fields[key].required is True for key, _ in known]
        first = len(known) if all(required) else required.index(False)
        present = ", ".join(f"{key!r}: {name}" for key, name in known[:first])
        self.write(f"made_0 = {{{present}}}")
        for key, name in known[first:]:
            with self.block(f"if {name} is not absent:"):
                self.write(f"made_0[{key!r}] = {name}")


def _is_plain(field: Field) -> bool:
    """Whether a field and its properties can be checked without looking at other values."""
    if isinstance(field.required, Conditions):
        return False
    if is_shaped(field):
        inside = (field.properties or {}).values()
        return not field.multiple and not rules_of(field) and all(map(_is_plain, inside))
    return not (field.multiple and rules_of(field))


def _levels(fields: Fields) -> int:
    inner = [_levels(f.properties or {}) for f in fields.values() if is_shaped(f)]
    return 1 + max(inner, default=0)
