"""Compiles a mapping into nodes; a directive's compile function works with the `Compiler`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from offramp.errors import Fault, TransformError, join_place
from offramp.js.values import UNSET
from offramp.mapping.budget import Meter, budgeted
from offramp.mapping.code import quick_or_traced
from offramp.mapping.nodes import (
    NOTHING,
    Apply,
    Call,
    Constant,
    Folded,
    List,
    Node,
    Object,
    Part,
    Read,
)
from offramp.mapping.values import Keep, Resolver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from offramp.mapping.check import Check

#: Returns the present time in seconds since the epoch.
Clock = Callable[[], float]
#: Compiles one directive: `(spec, compiler) -> Resolver`, where `spec` is the value of the
#: directive's key. It returns a function of the scope, or a `Node`, which can also be written as
#: code. See `Compiler`.
CompileDirective = Callable[[Any, "Compiler"], Resolver]

#: The one key that is allowed beside a directive; editors store their own data in it.
METADATA_KEY = "_metadata"

#: The beginning of the event's own paths.
EVENT_SCOPE = "$"

#: Placeholders of a mapping's templates that are filled from the event without a charge: they make
#: a payload at most fifty times the event's size.
FREE_PLACEHOLDERS = 50
#: Characters around its placeholders that such a template may write for each item of a list.
FREE_CHARACTERS = 100


@attrs.frozen(kw_only=True)
class Directive:
    """One directive: how its spec is compiled, and optionally how it is checked."""

    compile: CompileDirective
    #: Reports what is wrong with the shape of a spec; see `offramp.mapping.check`.
    check: Check | None = None


@attrs.define(kw_only=True)
class Shared:
    """What all compilers of one mapping share."""

    directives: Mapping[str, Directive]
    clock: Clock | None = None
    faults: list[Fault] = attrs.field(factory=list)
    #: The paths of the event that the mapping reads.
    paths: set[str] = attrs.field(factory=set)
    #: Whether a node's value may contain `UNSET`.
    untidy: bool = False
    #: Whether running it is charged to a budget.
    is_metered: bool = False
    #: Placeholders that may still be filled without a charge.
    free_placeholders: int = FREE_PLACEHOLDERS


@attrs.frozen(kw_only=True)
class Compiler:
    """Compiles one place of a mapping; a directive gets the compiler of its place.

    A compile function calls `compile` for every part of its spec that may hold directives, and
    `fault` for what is wrong with the rest. It returns a function that is called once per event
    with the scope, must not change the scope, and must raise only `error(...)`. A compile function
    that returns a `Node` calls `node` instead of `compile`.
    """

    #: This place, for example `$.customer_id.@if`.
    place: str
    #: The beginning of this scope's paths: `$`, `$.products[*]`, or a place if it is not the event.
    scope: str
    #: Which absent members the value must keep.
    keep: Keep = Keep.NONE
    shared: Shared
    #: Whether it is inside a directive.
    is_in_directive: bool = False
    #: The paths that were read at this place itself.
    own_paths: list[str] = attrs.field(factory=list)

    def compile(
        self, child: Any, place: str = "", *, scope: str | None = None, keep: Keep = Keep.NONE
    ) -> Resolver:
        """A function of the scope for any part of the spec; the arguments are those of `node`."""
        return quick_or_traced(self.node(child, place, scope=scope, keep=keep))

    def node(
        self, child: Any, place: str = "", *, scope: str | None = None, keep: Keep = Keep.NONE
    ) -> Part:
        """A node for any part of the spec: a directive, a list, an object or a plain value.

        `place` is the part's place in the spec, for example `value` or `objects[0]`; `scope` is
        the beginning of its paths, if they do not lead into this compiler's scope.
        """
        inner = self.at(place, scope=scope, keep=keep)
        name = directive_name(child)
        node: Node
        if name is not None:
            node = _directive(inner, name, child[name])
        elif type(child) is dict:
            node = _members(inner, child)
        elif type(child) is list:
            node = _items(inner, child)
        else:
            node = Constant(child)
        for path in node.paths:
            inner.reads(path)
        return Part(node=node, place=inner.place, directive=name, paths=tuple(inner.own_paths))

    def fault(self, place: str, message: str) -> Node:
        """Report a fault of the spec at a place below this one; "" is this place itself."""
        self.shared.faults.append(Fault(below(self.place, place), message))
        return NOTHING

    def error(self, message: str) -> TransformError:
        """The error to raise if the event is at fault, not the spec."""
        return TransformError(self.place, message)

    def reads(self, path: str) -> None:
        """Note that a function reads this path, which is written as `path_text` does."""
        self.own_paths.append(path)
        if path[0] == EVENT_SCOPE and path[1:2] in {"", ".", "["}:
            self.shared.paths.add(path)

    def meter(self) -> Meter:
        """The meter for a directive that loops, or whose output can be larger than its input."""
        self.shared.is_metered = True
        return Meter(self.place)

    def reads_free(self, placeholders: int, characters: int) -> bool:
        """Whether a template needs no meter: it has few placeholders, all of the event's own data.

        Data that a mapping made can be of any size, so its placeholders are always charged.
        """
        in_items = self.scope.startswith(f"{EVENT_SCOPE}.")
        if not (in_items or self.scope == EVENT_SCOPE):
            return False
        if placeholders > self.shared.free_placeholders:
            return False
        if in_items and characters > FREE_CHARACTERS:
            return False
        self.shared.free_placeholders -= placeholders
        return True

    def read(self, keys: tuple[str, ...]) -> Read:
        """The node that reads a path of this scope."""
        return Read(self.scope, keys)

    def apply(self, function: Callable[..., Any], *parts: Node) -> Node:
        """The node that applies a function to the values of some parts, in their order."""
        return self.fold(Apply(function, parts), *parts)

    def made_at(self, place: str) -> str:
        """The beginning of paths into the result of the spec at a place below this one."""
        return below(self.place, place).removeprefix(f"{EVENT_SCOPE}.")

    def fold(self, node: Node, *parts: Node) -> Node:
        """The node, or its value as a constant if all its parts are constant."""
        if not all(part.constant for part in parts):
            return node
        try:
            return Folded(budgeted(node.run)(UNSET), node)
        except TransformError as error:
            self.shared.faults.append(Fault(error.place, error.message))
            return NOTHING

    def leaves_undefined(self) -> None:
        """Note that the value may contain `UNSET`."""
        self.shared.untidy = True

    def at(self, place: str, *, scope: str | None = None, keep: Keep = Keep.NONE) -> Compiler:
        """The compiler for a place below this one."""
        return attrs.evolve(
            self, place=below(self.place, place), scope=scope or self.scope, keep=keep, own_paths=[]
        )


def directive_name(value: Any) -> str | None:
    """The directive of a mapping value, or None if it is data."""
    if type(value) is not dict:
        return None
    first = None
    for key in value:
        if key.startswith("@"):
            first = key if first is None else first
        elif key != METADATA_KEY:
            return None
    return first


def unknown_directive(name: str, directives: Iterable[str]) -> str:
    """The message for a directive that does not exist: the closest name, then all names."""
    known = sorted(directives)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{name!r} is not a directive; {hint}There are {', '.join(known)}"


def below(place: str, inner: str) -> str:
    """A place below another: `$.a` with `objects[0]` or `.b`, or with "" for itself."""
    if not inner:
        return place
    return place + inner if inner[0] in ".[" else f"{place}.{inner}"


def _directive(compiler: Compiler, name: str, spec: Any) -> Node:
    table = compiler.shared.directives
    place = join_place(compiler.place, name)
    if name not in table:
        message = unknown_directive(name, table)
        compiler.shared.faults.append(Fault(place, message))
        return NOTHING
    # The paths that a directive reads belong to the place that it fills.
    inner = attrs.evolve(compiler, place=place, is_in_directive=True)
    made = table[name].compile(spec, inner)
    return made if isinstance(made, Node) else Call(made)


def _members(compiler: Compiler, spec: dict[str, Any]) -> Node:
    keep = compiler.keep.inside
    parts = tuple(compiler.node(item, join_place("", key), keep=keep) for key, item in spec.items())
    node = Object(tuple(spec), parts, is_complete=bool(compiler.keep))
    values = _constants(parts)
    if len(values) < len(parts) or (compiler.keep and UNSET in values):
        return node
    return Folded(node.run(UNSET), node)


def _items(compiler: Compiler, spec: list[Any]) -> Node:
    keep = compiler.keep.inside
    parts = tuple(compiler.node(item, f"[{at}]", keep=keep) for at, item in enumerate(spec))
    # A list that no directive reads is settled at once, so that the result need not be.
    node = List(parts, is_settled=not compiler.is_in_directive)
    values = _constants(parts)
    if compiler.is_in_directive and (len(values) < len(parts) or UNSET in values):
        compiler.leaves_undefined()
    return node if len(values) < len(parts) else Folded(node.run(UNSET), node)


def _constants(parts: Iterable[Node]) -> list[Any]:
    return [part.constant.value for part in parts if part.constant]
