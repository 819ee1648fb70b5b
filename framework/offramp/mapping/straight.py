"""A mapping as straight-line code, written once, instead of a tree of functions that call another.

A path that many fields begin with is followed once, and a field is read without a call. What has no
code here is called. `inspect.getsource` shows the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from offramp.codegen import INDENT, Source
from offramp.js.text import text_or_empty
from offramp.js.values import UNSET
from offramp.mapping.code import Apply, Choose, Code, Codes, Join, List, Object, Read
from offramp.mapping.path import member
from offramp.mapping.values import Constant, Resolver

#: Conditions within conditions; what lies deeper is called. Python takes 100 levels of indentation.
MAX_LEVELS: Final = 20
#: Keys of a path; a longer one is called, which follows it in a loop.
MAX_KEYS: Final = 20
#: Longer code, in characters, takes more time to compile (0.1 s) than it is worth; some 1,500
#: fields have it.
MAX_LENGTH: Final = 200_000
_NOT_A_KEY: Final[dict[str, Any]] = {}
_WRITTEN_PLAINLY: Final = (str, bool, type(None))


def straighten(resolver: Resolver, codes: Codes, place: str = "$") -> Resolver:
    """The resolver as one function, as far as the codes of its parts are known.

    `place` is where in the mapping it stands; tracebacks name it.
    """
    if codes.of(resolver) is None:
        return resolver
    source = _Mapping(resolver, codes, place)
    return resolver if len(source.text) > MAX_LENGTH else source.function("resolve")


class _Members:
    """Stands for a value that is no object, where a path goes on: it knows the members of it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, key: str, _: Any) -> Any:
        return member(self._value, key)


def _members_of(value: Any) -> Any:
    return _NOT_A_KEY if value is UNSET else _Members(value)


class _Mapping(Source):
    """The code of a mapping."""

    def __init__(self, resolver: Resolver, codes: Codes, place: str) -> None:
        super().__init__(
            f"mapping {place}", absent=UNSET, members_of=_members_of, text_of=text_or_empty
        )
        self._codes = codes
        #: The beginning of a path -> the name of what it leads to.
        self._ways: dict[tuple[str, ...], str] = {}
        self._ways_lines: list[str] = []
        with self.block("def resolve(scope):"):
            self.write(f"return {self._value(resolver)}")
        self.lines[1:1] = self._ways_lines

    def _value(self, resolver: Resolver) -> str:
        """Write what makes a value; an expression for it, which cannot fail."""
        if isinstance(resolver, Constant):
            return self._constant(resolver.value)
        code = self._codes.of(resolver)
        if code is None or self.level > MAX_LEVELS or _longest_path(code) > MAX_KEYS:
            return self._call(resolver, ("scope",))
        match code:
            case Read():
                made = self._read(code.keys)
            case Join():
                made = self._join(code)
            case Object():
                made = self._object(code)
            case List():
                made = self._list(code)
            case Choose():
                made = self._choose(code)
            case Apply():
                values = [self._value(get) for get in code.getters]
                made = self._call(code.function, values)
        return made

    def _constant(self, value: Any) -> str:
        if value is UNSET:
            return "absent"
        return repr(value) if type(value) in _WRITTEN_PLAINLY else self.name("it", value)

    def _call(self, function: Any, values: Sequence[str]) -> str:
        # What can fail is a line of its own, so that all fails in the order of the mapping.
        name = self.name("value")
        self.write(f"{name} = {self.name('call', function)}({', '.join(values)})")
        return name

    def _read(self, keys: tuple[str, ...]) -> str:
        return f"{self._way(keys[:-1])}.get({keys[-1]!r}, absent)" if keys else "scope"

    def _way(self, keys: tuple[str, ...]) -> str:
        """The name of the object that the beginning of a path leads to."""
        name = self._ways.get(keys)
        if name is None:
            value = self._read(keys)
            name = self._ways[keys] = self.name("way")
            self._ways_lines += [
                f"{INDENT}{name} = {value}",
                f"{INDENT}if type({name}) is not dict:",
                f"{INDENT * 2}{name} = members_of({name})",
            ]
        return name

    def _join(self, code: Join) -> str:
        parts = [repr(code.texts[0])]
        for keys, text in zip(code.paths, code.texts[1:], strict=True):
            parts.append(f"(held if type(held := {self._read(keys)}) is str else text_of(held))")
            parts.append(repr(text))
        return "(" + " + ".join(part for part in parts if part != "''") + ")"

    def _object(self, code: Object) -> str:
        name = self.name("made")
        self.write(f"{name} = {{}}")
        for key, get in zip(code.keys, code.getters, strict=True):
            value = self._value(get)
            if code.is_complete or self._is_something(get):
                self.write(f"{name}[{key!r}] = {value}")
                continue
            value = self._named(value)
            with self.block(f"if {value} is not absent:"):
                self.write(f"{name}[{key!r}] = {value}")
        return name

    def _list(self, code: List) -> str:
        values = []
        for get in code.getters:
            value = self._value(get)
            if code.is_settled and not self._is_something(get):
                value = f"(None if (held := {value}) is absent else held)"
            values.append(value)
        name = self.name("made")
        self.write(f"{name} = [{', '.join(values)}]")
        return name

    def _choose(self, code: Choose) -> str:
        asked, name = self._value(code.get), self.name("value")
        value = self._named(asked)
        question = code.condition or f"{self.name('holds', code.holds)}({{value}})"
        condition = question.format(value=value)
        for start, branch in ((f"if {condition}:", code.then), ("else:", code.otherwise)):
            with self.block(start):
                made = self._value(branch)
                self.write(f"{name} = {value if made == asked else made}")
        return name

    def _named(self, value: str) -> str:
        """Give a value a name, if it has none."""
        if value.isidentifier():
            return value
        self.write(f"value = {value}")
        return "value"

    def _is_something(self, resolver: Resolver) -> bool:
        """Whether what a resolver answers is never `UNSET`."""
        if isinstance(resolver, Constant):
            return resolver.value is not UNSET
        code = self._codes.of(resolver)
        if isinstance(code, Choose):
            return self._is_something(code.then) and self._is_something(code.otherwise)
        return isinstance(code, Object | List | Join)


def _longest_path(code: Code) -> int:
    match code:
        case Read():
            return len(code.keys)
        case Join():
            return max(map(len, code.paths))
        case _:
            return 0
