"""The nodes of a compiled mapping: each can run, be written as code, and be explained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp._json import Path, Reads
from offramp.js.values import UNSET
from offramp.mapping.explain import running_trace
from offramp.mapping.path import look_up, path_text

if TYPE_CHECKING:
    from offramp.mapping.code import Code
    from offramp.mapping.explain import Trace

#: Keys of a path that are written one by one; a longer path is followed in a loop.
MAX_KEYS: Final = 20


class Node(ABC):
    """One part of a mapping, which is run with a scope: the event, or an item of one of its lists.

    Only `run` has to be defined. It must not change the scope, and must raise only
    `TransformError`.
    """

    __slots__ = ()

    @abstractmethod
    def run(self, scope: Any) -> Any:
        """The value for a scope, or `UNSET` if there is none."""

    def emit(self, code: Code) -> str:
        """Write the lines that make the value; returns an expression for it that cannot fail."""
        return code.call(self.run, "scope")

    def trace(self, scope: Any, trace: Trace) -> Any:  # noqa: ARG002 - some nodes need it
        """The value of `run`, while the trace records the value of each part."""
        return self.run(scope)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to show for the node itself, without its parts, as `path_text` writes them."""
        return ()

    @property
    def reads(self) -> Reads:
        """All that the node and its parts read of the scope, as paths; `None` for the whole scope.

        A node that does not say otherwise reads the whole scope.
        """
        return None

    @property
    def constant(self) -> Constant | None:
        """The node as a constant, if its value is the same for every scope; else None."""
        return None

    @property
    def is_present(self) -> bool:
        """Whether the value is never `UNSET`."""
        return False

    def __call__(self, scope: Any) -> Any:
        """Run the node, so that it can be used as a function."""
        return self.run(scope)


@attrs.frozen(eq=False, kw_only=True)
class Part(Node):
    """The node at one place of a mapping, which an explanation shows separately."""

    node: Node
    #: Its place in the mapping, for example `$.customer_id.@if.then`.
    place: str
    #: The directive there; None for an object, a list or a plain value.
    directive: str | None
    #: The paths that are read at this place, without those of the parts inside.
    paths: tuple[str, ...]

    @property
    def reads(self) -> Reads:
        """What the node reads."""
        return self.node.reads

    def run(self, scope: Any) -> Any:
        """The node's value, recorded if an explanation is being made."""
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
    """A value that does not depend on the event."""

    value: Any

    @property
    def reads(self) -> Reads:
        """Nothing."""
        return frozenset()

    def run(self, scope: Any) -> Any:  # noqa: ARG002 - the signature of every node
        """The value."""
        return self.value

    def emit(self, code: Code) -> str:
        """The value, as a literal or a name."""
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
    """The value of a node whose parts are all constant, computed when the mapping is compiled."""

    node: Node

    def trace(self, scope: Any, trace: Trace) -> Any:
        """The value, computed again, so that the explanation shows its parts."""
        return self.node.trace(scope, trace)


@attrs.frozen(eq=False)
class Call(Node):
    """A function of the scope, such as a plugin's directive returns; it may read all of it."""

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

    #: The beginning of the scope's paths: `$`, `$.products[*]`.
    scope: str
    keys: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The path."""
        return (path_text(self.scope, self.keys),)

    @property
    def reads(self) -> Reads:
        """The path."""
        return frozenset((self.keys,))

    def run(self, scope: Any) -> Any:
        """The value that the keys lead to."""
        return look_up(scope, self.keys)

    def emit(self, code: Code) -> str:
        """A look-up in the object before the last key, which paths with the same keys share."""
        return super().emit(code) if len(self.keys) > MAX_KEYS else code.read(self.keys)


@attrs.frozen(eq=False)
class Apply(Node):
    """A function that is called with the values of some parts, in their order."""

    function: Callable[..., Any]
    parts: tuple[Node, ...]

    @property
    def reads(self) -> Reads:
        """What its parts read, since the function gets only their values."""
        return joined_reads(self.parts)

    def run(self, scope: Any) -> Any:
        """What the function returns for the parts' values."""
        return self.function(*[part.run(scope) for part in self.parts])

    def emit(self, code: Code) -> str:
        """The parts' code, and a call of the function with their values."""
        return code.call(self.function, *[code.value(part) for part in self.parts])


@attrs.frozen(eq=False)
class Object(Node):
    """An object with members; a complete one includes absent members as `UNSET`."""

    keys: tuple[str, ...]
    parts: tuple[Node, ...]
    is_complete: bool

    @property
    def reads(self) -> Reads:
        """What its members read."""
        return joined_reads(self.parts)

    def run(self, scope: Any) -> Any:
        """The members that are present; the first that fails raises."""
        return self._made([part.run(scope) for part in self.parts])

    def trace(self, scope: Any, trace: Trace) -> Any:
        """As `run`, but the members after a failed one are traced too."""
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
    """A list of items; in a settled list absent items are null."""

    parts: tuple[Node, ...]
    is_settled: bool

    @property
    def reads(self) -> Reads:
        """What its items read."""
        return joined_reads(self.parts)

    def run(self, scope: Any) -> Any:
        """The items; the first that fails raises."""
        return self._made([part.run(scope) for part in self.parts])

    def trace(self, scope: Any, trace: Trace) -> Any:
        """As `run`, but the items after a failed one are traced too."""
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


def joined_reads(nodes: Iterable[Node]) -> Reads:
    """All that some nodes read of one scope; `None` if one of them reads the whole scope."""
    found: set[Path] = set()
    for node in nodes:
        reads = node.reads
        if reads is None:
            return None
        found |= reads
    return frozenset(found)


#: The node whose value is always absent.
NOTHING: Final = Constant(UNSET)
