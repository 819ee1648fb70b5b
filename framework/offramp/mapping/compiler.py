"""Turns a mapping into nodes; a directive's compile function works with the `Compiler`."""

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

#: Seconds since the epoch, now.
Clock = Callable[[], float]
#: What compiles one directive: `(spec, compiler) -> Resolver`, where `spec` is the value beside
#: the directive's name. What it returns is a function of the scope, or a `Node`, which can also
#: be written as code. See `Compiler`.
CompileDirective = Callable[[Any, "Compiler"], Resolver]

#: The one key that may stand beside a directive; editors keep notes of theirs in it.
METADATA_KEY = "_metadata"

#: How the paths of the event itself begin.
EVENT_SCOPE = "$"

#: Placeholders of a mapping's templates that are filled from the event itself and charged to no
#: budget: they make a payload of at most fifty events.
FREE_PLACEHOLDERS = 50
#: Characters that such a template may put around its placeholders for each item of a list.
FREE_CHARACTERS = 100


@attrs.frozen(kw_only=True)
class Directive:
    """One directive: how its spec is compiled, and how it is checked if it is."""

    compile: CompileDirective
    #: Reports what is wrong with the shape of a spec; see `offramp.mapping.check`.
    check: Check | None = None


@attrs.define(kw_only=True)
class Shared:
    """What all compilers of one mapping write to."""

    directives: Mapping[str, Directive]
    clock: Clock | None = None
    faults: list[Fault] = attrs.field(factory=list)
    #: The paths of the event that the mapping reads.
    paths: set[str] = attrs.field(factory=set)
    #: Whether a node may leave `UNSET` behind inside its value.
    untidy: bool = False
    #: Whether running it is charged to a budget.
    is_metered: bool = False
    #: Placeholders that may still be filled without a charge.
    free_placeholders: int = FREE_PLACEHOLDERS


@attrs.frozen(kw_only=True)
class Compiler:
    """Compiles what stands at one place of a mapping; directives get the one of their place.

    A compile function calls `compile` for every part of its spec that may hold directives, and
    `fault` for what is wrong with the rest. What it returns is called once per event, with the
    scope, and must neither change it nor raise anything but `error(...)`. One that returns a
    `Node` calls `node` in the place of `compile`.
    """

    #: Where this is, for example `$.customer_id.@if`.
    place: str
    #: How paths of this scope begin: `$`, `$.products[*]`, or a place if it is none of the event.
    scope: str
    #: Which absent members the value must show.
    keep: Keep = Keep.NONE
    shared: Shared
    #: Whether it stands inside of a directive.
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

        `place` says where in the spec it stands, for example `value` or `objects[0]`; `scope`
        how its paths begin, where they do not lead into this compiler's scope.
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
        for path in node.reads:
            inner.reads(path)
        return Part(node=node, place=inner.place, directive=name, paths=tuple(inner.own_paths))

    def fault(self, place: str, message: str) -> Node:
        """Report what is wrong with the spec at a place below this one; "" is this one."""
        self.shared.faults.append(Fault(below(self.place, place), message))
        return NOTHING

    def error(self, message: str) -> TransformError:
        """What to raise when the event, rather than the spec, is at fault."""
        return TransformError(self.place, message)

    def reads(self, path: str) -> None:
        """Note that a function reads this path by itself, written as `path_text` does."""
        self.own_paths.append(path)
        if path[0] == EVENT_SCOPE and path[1:2] in {"", ".", "["}:
            self.shared.paths.add(path)

    def meter(self) -> Meter:
        """What a directive charges that loops, or makes more of an event than it found in it."""
        self.shared.is_metered = True
        return Meter(self.place)

    def reads_free(self, placeholders: int, characters: int) -> bool:
        """Whether a template of so many needs no meter: a few, of the event and of its lists.

        Of what a mapping made, the same few may add up to anything.
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
        """The node of a path into this scope."""
        return Read(self.scope, keys)

    def apply(self, function: Callable[..., Any], *parts: Node) -> Node:
        """The node that applies a function to the values of some parts, in their order."""
        return self.fold(Apply(function, parts), *parts)

    def made_at(self, place: str) -> str:
        """How paths begin that lead into what the spec at a place below this one makes."""
        return below(self.place, place).removeprefix(f"{EVENT_SCOPE}.")

    def fold(self, node: Node, *parts: Node) -> Node:
        """The node, or its value if it only depends on parts that are constant."""
        if not all(part.constant for part in parts):
            return node
        try:
            return Folded(budgeted(node.run)(UNSET), node)
        except TransformError as error:
            self.shared.faults.append(Fault(error.place, error.message))
            return NOTHING

    def leaves_undefined(self) -> None:
        """Note that the value may hold `UNSET`."""
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
    """What to say about a directive that does not exist: the closest one, then all."""
    known = sorted(directives)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{name!r} is no directive; {hint}There are {', '.join(known)}"


def below(place: str, inner: str) -> str:
    """A place and one that is told from there: `$.a` and `objects[0]`, `.b`, or "" for itself."""
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
    # A list that no directive sees is settled at once, so that the result need not be.
    node = List(parts, is_settled=not compiler.is_in_directive)
    values = _constants(parts)
    if compiler.is_in_directive and (len(values) < len(parts) or UNSET in values):
        compiler.leaves_undefined()
    return node if len(values) < len(parts) else Folded(node.run(UNSET), node)


def _constants(parts: Iterable[Node]) -> list[Any]:
    return [part.constant.value for part in parts if part.constant]
