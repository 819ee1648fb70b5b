"""The nodes of a compiled mapping: how each runs, is written as code, and is explained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.js.values import UNSET
from offramp.mapping.explain import running_trace
from offramp.mapping.path import look_up, path_text

if TYPE_CHECKING:
    from offramp.mapping.code import Code
    from offramp.mapping.explain import Trace

#: Keys of a path that are written one by one; a longer path is followed in a loop.
MAX_KEYS: Final = 20


class Node(ABC):
    """What one part of a mapping does with a scope: the event, or an item of one of its lists.

    Only `run` has to be defined. It must not change the scope, and raises nothing but
    `TransformError`.
    """

    __slots__ = ()

    @abstractmethod
    def run(self, scope: Any) -> Any:
        """The value for a scope, or `UNSET` if there is none."""

    def emit(self, code: Code) -> str:
        """Write the lines that make the value; answers with an expression that cannot fail."""
        return code.call(self.run, "scope")

    def trace(self, scope: Any, trace: Trace) -> Any:  # noqa: ARG002 - some nodes need it
        """The value as `run` makes it, while the trace takes down what each part gave."""
        return self.run(scope)

    @property
    def reads(self) -> tuple[str, ...]:
        """The paths that the node itself reads, as `path_text` writes them; not those of parts."""
        return ()

    @property
    def constant(self) -> Constant | None:
        """The node that answers the same for every scope, if this one does."""
        return None

    @property
    def is_present(self) -> bool:
        """Whether the value is never `UNSET`."""
        return False

    def __call__(self, scope: Any) -> Any:
        """Run, so that a node can stand in the place of a function."""
        return self.run(scope)


@attrs.frozen(eq=False, kw_only=True)
class Part(Node):
    """The node at one place of a mapping, which an explanation shows by itself."""

    node: Node
    #: Where in the mapping it stands, for example `$.customer_id.@if.then`.
    place: str
    #: The directive that stands there; None for an object, a list or a plain value.
    directive: str | None
    #: The paths that are read at this place, those of the parts inside left out.
    paths: tuple[str, ...]

    def run(self, scope: Any) -> Any:
        """The node's value, taken down if an explanation is being made."""
        trace = running_trace()
        return self.node.run(scope) if trace is None else trace.watch(self, scope)

    def emit(self, code: Code) -> str:
        """The node's code."""
        return code.value(self.node)

    @property
    def constant(self) -> Constant | None:
        """The node's constant."""
        return self.node.constant

    @property
    def is_present(self) -> bool:
        """Whether the node's value is never `UNSET`."""
        return self.node.is_present


@attrs.frozen(eq=False)
class Constant(Node):
    """A value that depends on no event."""

    value: Any

    def run(self, scope: Any) -> Any:  # noqa: ARG002 - the signature of every node
        """The value."""
        return self.value

    def emit(self, code: Code) -> str:
        """The value, as a literal or by a name."""
        return code.constant(self.value)

    @property
    def constant(self) -> Constant:
        """The node itself."""
        return self

    @property
    def is_present(self) -> bool:
        """Whether there is a value."""
        return self.value is not UNSET


@attrs.frozen(eq=False)
class Folded(Constant):
    """The value of a node whose parts are all constant, made once when the mapping is compiled."""

    node: Node

    def trace(self, scope: Any, trace: Trace) -> Any:
        """The value made anew, so that the explanation shows its parts."""
        return self.node.trace(scope, trace)


@attrs.frozen(eq=False)
class Call(Node):
    """A function of the scope, such as a plugin's directive gives."""

    function: Callable[[Any], Any]

    def run(self, scope: Any) -> Any:
        """What the function returns."""
        return self.function(scope)

    def emit(self, code: Code) -> str:
        """A call of the function."""
        return code.call(self.function, "scope")


@attrs.frozen(eq=False)
class Read(Node):
    """The value at a path of the scope; the whole scope if there are no keys."""

    #: How paths of the scope begin: `$`, `$.products[*]`.
    scope: str
    keys: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The path."""
        return (path_text(self.scope, self.keys),)

    def run(self, scope: Any) -> Any:
        """The value that the keys lead to."""
        return look_up(scope, self.keys)

    def emit(self, code: Code) -> str:
        """A look-up in the object that the path goes through, which other paths share."""
        return super().emit(code) if len(self.keys) > MAX_KEYS else code.read(self.keys)


@attrs.frozen(eq=False)
class Apply(Node):
    """What a function makes of the values of some parts, in their order."""

    function: Callable[..., Any]
    parts: tuple[Node, ...]

    def run(self, scope: Any) -> Any:
        """What the function returns for the parts' values."""
        return self.function(*[part.run(scope) for part in self.parts])

    def emit(self, code: Code) -> str:
        """The parts' code, and a call of the function with their values."""
        return code.call(self.function, *[code.value(part) for part in self.parts])


@attrs.frozen(eq=False)
class Object(Node):
    """An object of members; a complete one shows even those that are absent."""

    keys: tuple[str, ...]
    parts: tuple[Node, ...]
    is_complete: bool

    def run(self, scope: Any) -> Any:
        """The members that there are; up to the first that fails."""
        return self._made([part.run(scope) for part in self.parts])

    def trace(self, scope: Any, trace: Trace) -> Any:
        """The same; one member's fault does not hide the members after it."""
        return self._made(trace.every(self.parts, scope))

    def _made(self, values: Iterable[Any]) -> dict[str, Any]:
        members = zip(self.keys, values, strict=True)
        if self.is_complete:
            return dict(members)
        return {key: value for key, value in members if value is not UNSET}

    def emit(self, code: Code) -> str:
        """An object that is filled member by member."""
        name = code.name("made")
        code.write(f"{name} = {{}}")
        for key, part in zip(self.keys, self.parts, strict=True):
            value = code.value(part)
            if self.is_complete or part.is_present:
                code.write(f"{name}[{key!r}] = {value}")
                continue
            value = code.named(value)
            with code.block(f"if {value} is not absent:"):
                code.write(f"{name}[{key!r}] = {value}")
        return name

    @property
    def is_present(self) -> bool:
        """Always."""
        return True


@attrs.frozen(eq=False)
class List(Node):
    """A list of items; in a settled one those that are absent are null."""

    parts: tuple[Node, ...]
    is_settled: bool

    def run(self, scope: Any) -> Any:
        """The items; up to the first that fails."""
        return self._made([part.run(scope) for part in self.parts])

    def trace(self, scope: Any, trace: Trace) -> Any:
        """The same; one item's fault does not hide the items after it."""
        return self._made(trace.every(self.parts, scope))

    def _made(self, values: list[Any]) -> list[Any]:
        if not self.is_settled:
            return values
        return [None if value is UNSET else value for value in values]

    def emit(self, code: Code) -> str:
        """A list display."""
        values = []
        for part in self.parts:
            value = code.value(part)
            if self.is_settled and not part.is_present:
                value = f"(None if (held := {value}) is absent else held)"
            values.append(value)
        name = code.name("made")
        code.write(f"{name} = [{', '.join(values)}]")
        return name

    @property
    def is_present(self) -> bool:
        """Always."""
        return True


#: The node that finds nothing.
NOTHING: Final = Constant(UNSET)
