"""Turns a mapping into resolvers; a directive's compile function works with the `Compiler`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from offramp.errors import Fault, TransformError
from offramp.js.values import UNSET
from offramp.mapping.budget import Meter, budgeted
from offramp.mapping.code import Apply, Code, Codes, List, Object, Read
from offramp.mapping.path import compile_path, path_text
from offramp.mapping.straight import straighten
from offramp.mapping.values import NOTHING, Constant, Keep, Resolver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from offramp.mapping.explain import Tracer

#: Seconds since the epoch, now.
Clock = Callable[[], float]
#: What compiles one directive: `(spec, compiler) -> Resolver`, where `spec` is the value beside
#: the directive's name. See `Compiler`.
CompileDirective = Callable[[Any, "Compiler"], Resolver]

#: The one key that may stand beside a directive; editors keep notes of theirs in it.
METADATA_KEY = "_metadata"

#: How the paths of the event itself begin.
EVENT_SCOPE = "$"

#: Placeholders of a mapping's templates that are filled from the event itself and charged to no
#: budget: they make a payload of at most fifty events. They are written into one expression each.
FREE_PLACEHOLDERS = 50
#: Characters that such a template may put around its placeholders for each item of a list.
FREE_CHARACTERS = 100

_PLAIN_KEY = re.compile(r"[@$\w-]+")


@attrs.define(kw_only=True)
class Shared:
    """What all compilers of one mapping write to."""

    directives: Mapping[str, CompileDirective]
    clock: Clock | None = None
    tracer: Tracer | None = None
    faults: list[Fault] = attrs.field(factory=list)
    #: The paths of the event that the mapping reads.
    paths: set[str] = attrs.field(factory=set)
    #: Whether a resolver may leave `UNSET` behind inside its value.
    untidy: bool = False
    #: Whether running it is charged to a budget.
    is_metered: bool = False
    #: Placeholders that may still be filled without a charge.
    free_placeholders: int = FREE_PLACEHOLDERS
    #: What resolvers do, where code can be written from it.
    codes: Codes = attrs.field(factory=Codes)


@attrs.frozen(kw_only=True)
class Compiler:
    """Compiles what stands at one place of a mapping; directives get the one of their place.

    A compile function calls `compile` for every part of its spec that may hold directives, and
    `fault` for what is wrong with the rest. What it returns is called once per event, with the
    scope, and must neither change it nor raise anything but `error(...)`.
    """

    #: Where this is, for example `$.customer_id.@if`.
    place: str
    #: How paths of this scope begin: `$`, `$.products[*]`, or a place if it is none of the event.
    scope: str
    #: Which absent members the value must show.
    keep: Keep = Keep.NONE
    shared: Shared
    #: The paths that were read at this place itself.
    own_paths: list[str] = attrs.field(factory=list)

    def compile(
        self,
        child: Any,
        place: str = "",
        *,
        scope: str | None = None,
        keep: Keep = Keep.NONE,
    ) -> Resolver:
        """A resolver for any part of the spec: a directive, a list, an object or a plain value.

        `place` says where in the spec it stands, for example `value` or `objects[0]`; `scope`
        how its paths begin, where they do not lead into this compiler's scope.
        """
        inner = self.at(place, scope=scope, keep=keep)
        name = directive_name(child)
        if name is not None:
            resolver = _directive(inner, name, child[name])
        elif type(child) is dict:
            resolver = _members(inner, child)
        elif type(child) is list:
            resolver = _items(inner, child)
        else:
            resolver = Constant(child)
        tracer = self.shared.tracer
        return resolver if tracer is None else tracer.watch(resolver, inner, name)

    def fault(self, place: str, message: str) -> Resolver:
        """Report what is wrong with the spec at a place below this one; "" is this one."""
        self.shared.faults.append(Fault(join(self.place, place), message))
        return NOTHING

    def error(self, message: str) -> TransformError:
        """What to raise when the event, rather than the spec, is at fault."""
        return TransformError(self.place, message)

    def reads(self, path: str) -> None:
        """Note that the resolver reads this path, written as `path_text` does."""
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

    def read(self, keys: tuple[str, ...]) -> Resolver:
        """The resolver of a path into this scope, noted as read."""
        self.reads(path_text(self.scope, keys))
        return self.written(compile_path(keys), Read(keys))

    def apply(self, function: Callable[..., Any], *children: Resolver) -> Resolver:
        """The resolver that applies a function to what its children answer, in their order."""
        resolver = self.written(
            lambda scope: function(*[get(scope) for get in children]), Apply(function, children)
        )
        return self.fold(resolver, *children)

    def written(self, resolver: Resolver, code: Code) -> Resolver:
        """The resolver, noted to do what the code tells."""
        self.shared.codes.note(resolver, code)
        return resolver

    def straight(self, resolver: Resolver) -> Resolver:
        """The resolver of a whole scope in its fastest form."""
        if self.shared.tracer:
            return resolver
        return straighten(resolver, self.shared.codes, self.place)

    def made_at(self, place: str) -> str:
        """How paths begin that lead into what the spec at a place below this one makes."""
        return join(self.place, place).removeprefix(f"{EVENT_SCOPE}.")

    def fold(self, resolver: Resolver, *children: Resolver) -> Resolver:
        """The resolver, or its answer if it only depends on children that are constant."""
        if not all(isinstance(child, Constant) for child in children):
            return resolver
        try:
            return Constant(budgeted(resolver)(UNSET))
        except TransformError as error:
            self.shared.faults.append(Fault(error.place, error.message))
            return NOTHING

    def leaves_undefined(self) -> None:
        """Note that the resolver may leave `UNSET` inside its value."""
        self.shared.untidy = True

    def at(self, place: str, *, scope: str | None = None, keep: Keep = Keep.NONE) -> Compiler:
        """The compiler for a place below this one."""
        return attrs.evolve(
            self, place=join(self.place, place), scope=scope or self.scope, keep=keep, own_paths=[]
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


def key_place(key: str) -> str:
    """A key as part of a place; unusual ones in brackets."""
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{key!r}]"


def join(place: str, below: str) -> str:
    """A place and what lies below it."""
    if not below:
        return place
    return place + below if below[0] in ".[" else f"{place}.{below}"


def _directive(compiler: Compiler, name: str, spec: Any) -> Resolver:
    table = compiler.shared.directives
    if name not in table:
        return compiler.fault(key_place(name), unknown_directive(name, table))
    # The paths that a directive reads belong to the place that it fills.
    inner = attrs.evolve(compiler, place=join(compiler.place, key_place(name)))
    return table[name](spec, inner)


def _members(compiler: Compiler, spec: dict[str, Any]) -> Resolver:
    keep = compiler.keep.inside
    getters = [compiler.compile(item, key_place(key), keep=keep) for key, item in spec.items()]
    values = [get.value for get in getters if isinstance(get, Constant)]
    if len(values) == len(getters) and not (compiler.keep and UNSET in values):
        return Constant(
            {key: item for key, item in zip(spec, values, strict=True) if item is not UNSET}
        )
    keys, is_complete = tuple(spec), bool(compiler.keep)
    build = _complete_object if is_complete else _object
    made = _every(compiler, getters, partial(build, keys))
    return compiler.written(made, Object(keys, tuple(getters), is_complete))


def _items(compiler: Compiler, spec: list[Any]) -> Resolver:
    keep = compiler.keep.inside
    getters = [compiler.compile(item, f"[{at}]", keep=keep) for at, item in enumerate(spec)]
    values = [get.value for get in getters if isinstance(get, Constant)]
    if _in_directive(compiler.place):
        if len(values) < len(getters) or UNSET in values:
            compiler.leaves_undefined()
        if len(values) == len(getters):
            return Constant(values)
        made = _every(compiler, getters, _list)
        return compiler.written(made, List(tuple(getters), is_settled=False))
    if len(values) == len(getters):
        return Constant([_or_null(value) for value in values])
    made = _every(compiler, getters, _settled_list)
    return compiler.written(made, List(tuple(getters), is_settled=True))


def _every(
    compiler: Compiler, getters: list[Resolver], build: Callable[[list[Resolver]], Resolver]
) -> Resolver:
    tracer = compiler.shared.tracer
    return build(getters) if tracer is None else tracer.every(getters, build)


def _object(keys: tuple[str, ...], getters: list[Resolver]) -> Resolver:
    pairs = tuple(zip(keys, getters, strict=True))

    def resolve(scope: Any) -> dict[str, Any]:
        result = {}
        for key, get in pairs:
            value = get(scope)
            if value is not UNSET:
                result[key] = value
        return result

    return resolve


def _complete_object(keys: tuple[str, ...], getters: list[Resolver]) -> Resolver:
    pairs = tuple(zip(keys, getters, strict=True))
    return lambda scope: {key: get(scope) for key, get in pairs}


def _list(getters: list[Resolver]) -> Resolver:
    items = tuple(getters)
    return lambda scope: [get(scope) for get in items]


def _settled_list(getters: list[Resolver]) -> Resolver:
    """A list that no directive sees any more, so that the result need not be settled for it."""
    items = tuple(getters)
    return lambda scope: [_or_null(get(scope)) for get in items]


def _or_null(value: Any) -> Any:
    return None if value is UNSET else value


def _in_directive(place: str) -> bool:
    return ".@" in place
