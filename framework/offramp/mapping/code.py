"""Generates a mapping's code when it is compiled, which is the quick way to run it.

The common beginning of many fields' paths is read once, and a field is read without a call.
`inspect.getsource` shows the code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from offramp.codegen import INDENT, Source
from offramp.js.text import text_or_empty
from offramp.js.values import UNSET
from offramp.mapping.explain import running_trace
from offramp.mapping.path import member

if TYPE_CHECKING:
    from offramp.mapping.nodes import Node, Part
    from offramp.mapping.values import Resolver

#: Most levels of nested conditions; deeper ones get a separate function. Python allows 100 levels
#: of indentation.
MAX_LEVELS: Final = 20
#: Code of more characters takes too long to compile (0.1 s); about 1,500 fields have that much.
MAX_LENGTH: Final = 200_000
_NOT_A_KEY: Final[dict[str, Any]] = {}
_WRITTEN_PLAINLY: Final = (str, bool, type(None))


def quick(node: Node, place: str = "$") -> Resolver:
    """A faster function with the result of `node.run`.

    `place` is the node's place in the mapping; tracebacks name it.
    """
    return Code(place).function_of(node)


def quick_or_traced(part: Part) -> Resolver:
    """As `quick`, for a plugin's function, which may be called while an event is explained."""
    code = Code(part.place, running_trace=running_trace, traced=part.run)
    code.write(f"{INDENT}if running_trace() is not None:")
    code.write(f"{INDENT * 2}return traced(scope)")
    return code.function_of(part)


class _Members:
    """Wraps a value that is not an object, so that a path can read its members."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, key: str, _: Any) -> Any:
        return member(self._value, key)

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)


def _members_of(value: Any) -> Any:
    return _NOT_A_KEY if value is UNSET else _Members(value)


class Code(Source):
    """The code of one function, `resolve(scope)`; nodes write themselves into it.

    In an expression, `scope` is the scope, `absent` is `UNSET`, and `text_of` turns any value into
    the text that a template shows.
    """

    def __init__(self, place: str, **names: Any) -> None:
        super().__init__(
            f"mapping {place}",
            absent=UNSET,
            members_of=_members_of,
            text_of=text_or_empty,
            **names,
        )
        self.place = place
        #: The beginning of a path -> the name of the variable with its value.
        self._ways: dict[tuple[str, ...], str] = {}
        self._ways_lines: list[str] = []

    def function_of(self, node: Node) -> Resolver:
        """The function that returns a node's value, or `node.run` if its code is too long."""
        first = len(self.lines)
        self.level = 1
        self.write(f"return {self.value(node)}")
        self.insert_paths(first)
        self.lines.insert(0, "def resolve(scope):")
        return node.run if len(self.text) > MAX_LENGTH else self.function("resolve")

    def insert_paths(self, first: int) -> None:
        """Insert the reading of what paths have in common before a line of the function."""
        self.lines[first:first] = self._ways_lines

    def value(self, node: Node) -> str:
        """Write the code of a node; returns an expression for its value that cannot fail."""
        node = node.constant or node
        if self.level > MAX_LEVELS:
            return self.call(quick(node, self.place), "scope")
        return node.emit(self)

    def constant(self, value: Any) -> str:
        """An expression for a constant value."""
        if value is UNSET:
            return "absent"
        return repr(value) if type(value) in _WRITTEN_PLAINLY else self.name("it", value)

    def call(self, function: Callable[..., Any], *values: str) -> str:
        """Write a call of a function with some expressions; returns the name of its result."""
        # A call that can fail has its own line, so that faults come in the order of the mapping.
        name = self.name("value")
        self.write(f"{name} = {self.name('call', function)}({', '.join(values)})")
        return name

    def read(self, keys: tuple[str, ...], *, required: bool = False) -> str:
        """An expression for the value at a path of the scope; it raises `KeyError` if required."""
        if not keys:
            return "scope"
        way, key = self._way(keys[:-1]), keys[-1]
        return f"{way}[{key!r}]" if required else f"{way}.get({key!r}, absent)"

    def named(self, value: str) -> str:
        """Assign an expression to a name for the next lines, unless it is a name already."""
        if value.isidentifier():
            return value
        self.write(f"value = {value}")
        return "value"

    def _way(self, keys: tuple[str, ...]) -> str:
        """The name of the variable with the object at the beginning of a path."""
        name = self._ways.get(keys)
        if name is None:
            value = self.read(keys)
            name = self._ways[keys] = self.name("way")
            self._ways_lines += [
                f"{INDENT}{name} = {value}",
                f"{INDENT}if type({name}) is not dict:",
                f"{INDENT * 2}{name} = members_of({name})",
            ]
        return name
