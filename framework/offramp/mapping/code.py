"""A mapping as straight-line code, written once when it is compiled: the quick way to run it.

A path that many fields begin with is followed once, and a field is read without a call.
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

#: Conditions within conditions; what lies deeper gets a function of its own. Python takes 100
#: levels of indentation.
MAX_LEVELS: Final = 20
#: Longer code, in characters, takes more time to compile (0.1 s) than it is worth; some 1,500
#: fields have it.
MAX_LENGTH: Final = 200_000
_NOT_A_KEY: Final[dict[str, Any]] = {}
_WRITTEN_PLAINLY: Final = (str, bool, type(None))


def quick(node: Node, place: str = "$") -> Resolver:
    """The function that does what `node.run` does, only faster.

    `place` is where in the mapping the node stands; tracebacks name it.
    """
    return Code(place).function_of(node)


def quick_or_traced(part: Part) -> Resolver:
    """The same for a function of a plugin, which calls it whether the event is explained or not."""
    code = Code(part.place, running_trace=running_trace, traced=part.run)
    code.write(f"{INDENT}if running_trace() is not None:")
    code.write(f"{INDENT * 2}return traced(scope)")
    return code.function_of(part)


class _Members:
    """Stands for a value that is no object, where a path goes on: it knows the members of it."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def get(self, key: str, _: Any) -> Any:
        return member(self._value, key)


def _members_of(value: Any) -> Any:
    return _NOT_A_KEY if value is UNSET else _Members(value)


class Code(Source):
    """The code of one function, `resolve(scope)`; nodes write themselves into it.

    In an expression, `scope` is the scope, `absent` is `UNSET`, and `text_of` makes text of any
    value as a template shows it.
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
        #: The beginning of a path -> the name of what it leads to.
        self._ways: dict[tuple[str, ...], str] = {}
        self._ways_lines: list[str] = []

    def function_of(self, node: Node) -> Resolver:
        """The function that answers with a node's value, or `node.run` if its code is too long."""
        first = len(self.lines)
        self.level = 1
        self.write(f"return {self.value(node)}")
        self.lines[first:first] = self._ways_lines
        self.lines.insert(0, "def resolve(scope):")
        return node.run if len(self.text) > MAX_LENGTH else self.function("resolve")

    def value(self, node: Node) -> str:
        """Write what makes a node's value; an expression for it, which cannot fail."""
        node = node.constant or node
        if self.level > MAX_LEVELS:
            return self.call(quick(node, self.place), "scope")
        return node.emit(self)

    def constant(self, value: Any) -> str:
        """An expression for a value that is known."""
        if value is UNSET:
            return "absent"
        return repr(value) if type(value) in _WRITTEN_PLAINLY else self.name("it", value)

    def call(self, function: Callable[..., Any], *values: str) -> str:
        """Write a call of a function with some expressions; the name of what it returns."""
        # What can fail is a line of its own, so that all fails in the order of the mapping.
        name = self.name("value")
        self.write(f"{name} = {self.name('call', function)}({', '.join(values)})")
        return name

    def read(self, keys: tuple[str, ...]) -> str:
        """An expression for the value at a path of the scope."""
        return f"{self._way(keys[:-1])}.get({keys[-1]!r}, absent)" if keys else "scope"

    def named(self, value: str) -> str:
        """Give an expression a name for the next lines, if it is none."""
        if value.isidentifier():
            return value
        self.write(f"value = {value}")
        return "value"

    def _way(self, keys: tuple[str, ...]) -> str:
        """The name of the object that the beginning of a path leads to."""
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
