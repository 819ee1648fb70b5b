"""Compiles a mapping into a function from event to value."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from offramp.errors import DefinitionError, Fault, MappingError, TransformError
from offramp.js.values import UNSET
from offramp.mapping.budget import budgeted
from offramp.mapping.check import check_mapping, check_shape
from offramp.mapping.code import quick
from offramp.mapping.compiler import (
    Clock,
    CompileDirective,
    Compiler,
    Directive,
    Shared,
    directive_name,
)
from offramp.mapping.directives import BUILTIN_DIRECTIVES
from offramp.mapping.explain import Origin, Trace, untraced
from offramp.mapping.nodes import Node, Object, Part
from offramp.mapping.root import root_spec
from offramp.mapping.values import Resolver, settle
from offramp.mapping.wording import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offramp._json import Reads

_DIRECTIVE_NAME = re.compile(r"@[a-z][a-zA-Z0-9]+")
_TOO_DEEP = "the event is nested too deeply for this mapping; send it flatter"


@attrs.frozen(kw_only=True)
class CompiledMapping:
    """A mapping, ready to run: call it with an event to get the value, or None without one.

    An event is a JSON object as plain data; it is never changed, and the value may share parts
    with it. An event that the mapping cannot be applied to raises `TransformError`, and nothing
    else is raised.
    """

    #: The paths of the event that it reads, sorted, for example `$.context.groupId`.
    paths: tuple[str, ...]
    #: All that it reads of an event, as paths; `None` for the whole event. With an event that was
    #: read by them (`_json.Projection`) the value is the same.
    reads: Reads
    #: Its fields, if its value is always an object of those that are present: code may be generated
    #: that does more with their values than make that object.
    members: Mapping[str, Node] | None
    _resolve: Resolver
    _part: Part

    def __call__(self, event: dict[str, Any]) -> Any:
        """Map one event."""
        if type(event) is not dict:
            raise _not_an_event(event)
        try:
            return self._resolve(event)
        except RecursionError:
            raise TransformError("$", _TOO_DEEP) from None

    def explain(self, event: dict[str, Any]) -> Origin:
        """The origin of each part of the value; it holds faults instead of raising them."""
        if type(event) is not dict:
            raise _not_an_event(event)
        trace = Trace()
        try:
            budgeted(partial(trace.run, self._part))(event)
        except RecursionError:
            raise TransformError("$", _TOO_DEEP) from None
        return trace.origin


def compile_mapping(
    mapping: Any,
    *,
    directives: Mapping[str, CompileDirective | Directive] | None = None,
    clock: Clock | None = None,
) -> CompiledMapping:
    """Compile a mapping; raises `MappingError` with all its faults.

    `directives` are additional directives by name (`@upper`), each a compile function `(spec,
    compiler) -> Resolver`, or a `Directive` with one. `clock` returns Liquid's "now" in seconds
    since the epoch; without it, "now" fails.
    """
    table = _with_builtin(directives or {})
    faults = check_shape(mapping)
    if faults:
        raise MappingError(faults)
    spec = root_spec(mapping)
    shared = Shared(directives=table, clock=clock)
    with untraced():
        part = Compiler(place="$", scope="$", shared=shared).node(spec)
    faults = _distinct([*check_mapping(spec, table), *shared.faults])
    if faults:
        raise MappingError(faults)
    resolve = quick(part)
    if shared.is_metered:
        resolve = budgeted(resolve)
    return CompiledMapping(
        paths=tuple(sorted(shared.paths)),
        reads=part.reads,
        members=_members(part, shared),
        resolve=_finish(resolve, spec, untidy=shared.untidy),
        part=part,
    )


def transform(
    mapping: Any,
    event: dict[str, Any],
    *,
    directives: Mapping[str, CompileDirective | Directive] | None = None,
    clock: Clock | None = None,
) -> Any:
    """The result of a mapping for one event; use `compile_mapping` for more than one."""
    return compile_mapping(mapping, directives=directives, clock=clock)(event)


def _finish(resolve: Resolver, spec: Any, *, untidy: bool) -> Resolver:
    if untidy:
        return lambda event: settle(resolve(event))
    if directive_name(spec) is None:
        return resolve

    def finished(event: Any) -> Any:
        value = resolve(event)
        return None if value is UNSET else value

    return finished


def _members(part: Part, shared: Shared) -> dict[str, Node] | None:
    node = part.node
    if not isinstance(node, Object) or node.is_complete or shared.untidy or shared.is_metered:
        return None
    return dict(zip(node.keys, node.parts, strict=True))


def _with_builtin(more: Mapping[str, CompileDirective | Directive]) -> dict[str, Directive]:
    faults = [
        Fault(name, "a directive is named @ and a lower-case letter, then letters or digits")
        for name in more
        if not _DIRECTIVE_NAME.fullmatch(name)
    ]
    faults += [
        Fault(name, "this directive is built in; choose another name")
        for name in more
        if name in BUILTIN_DIRECTIVES
    ]
    if faults:
        raise DefinitionError(faults)
    own = {
        name: one if isinstance(one, Directive) else Directive(compile=one)
        for name, one in more.items()
    }
    return {**BUILTIN_DIRECTIVES, **own}


def _distinct(faults: list[Fault]) -> list[Fault]:
    # A fault inside a faulty place is only a consequence of the same fault.
    distinct: list[Fault] = []
    for fault in faults:
        if not any(_covers(one.place, fault.place) for one in distinct):
            distinct.append(fault)
    return distinct


def _covers(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith((outer + ".", outer + "["))


def _not_an_event(event: Any) -> TransformError:
    return TransformError("$", f"an event is an object, got {kind_of(event)}")
