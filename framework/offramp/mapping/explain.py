"""Why a mapping gave what it gave: each value with its directive, its paths and its fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from offramp.errors import TransformError
from offramp.js.values import UNSET
from offramp.mapping.values import Resolver, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from offramp.mapping.compiler import Compiler


@attrs.frozen(kw_only=True)
class Origin:
    """Where one value of a result came from; plain data, so that it can be written as JSON."""

    #: Where in the mapping it is made, for example `$.customer_id`.
    place: str
    #: The directive that made it; None for an object, a list or a plain value.
    directive: str | None
    #: The paths that were read for it, its children's included, sorted.
    paths: tuple[str, ...]
    #: What came out; None also stands for nothing, which `found` tells apart.
    value: Any
    #: Whether there is a value at all.
    found: bool
    #: What went wrong and where, if it raised.
    fault: str | None
    #: The parts that were evaluated for it, in that order.
    children: tuple[Origin, ...]


class Tracer:
    """Watches the resolvers of one mapping while one event goes through them."""

    def __init__(self) -> None:
        self._open: list[list[Origin]] = [[]]

    @property
    def origin(self) -> Origin:
        """The origin of the whole, once it has been evaluated."""
        return self._open[0][-1]

    def watch(self, resolver: Resolver, compiler: Compiler, directive: str | None) -> Resolver:
        """The resolver, leaving an `Origin` whenever it is called."""

        def watched(scope: Any) -> Any:
            children: list[Origin] = []
            self._open.append(children)
            value: Any = UNSET
            fault = None
            try:
                value = resolver(scope)
            except TransformError as error:
                fault = f"@ {error.place}: {error.message}"
                raise
            finally:
                self._open.pop()
                origin = _origin(compiler, directive, value, fault, children)
                self._open[-1].append(origin)
            return value

        return watched

    def every(
        self, getters: list[Resolver], build: Callable[[list[Resolver]], Resolver]
    ) -> Resolver:
        """What `build` makes, except that one member's fault does not hide the other members."""
        errors: list[TransformError] = []

        def forgiving(get: Resolver) -> Resolver:
            def resolve(scope: Any) -> Any:
                try:
                    return get(scope)
                except TransformError as error:
                    errors.append(error)
                    return UNSET

            return resolve

        built = build([forgiving(get) for get in getters])

        def resolve(scope: Any) -> Any:
            errors.clear()
            value = built(scope)
            if errors:
                raise errors[0]
            return value

        return resolve


def _origin(
    compiler: Compiler,
    directive: str | None,
    value: Any,
    fault: str | None,
    children: list[Origin],
) -> Origin:
    paths = {path for child in children for path in child.paths}
    return Origin(
        place=compiler.place,
        directive=directive,
        paths=tuple(sorted(paths.union(compiler.own_paths))),
        value=settle(value),
        found=value is not UNSET,
        fault=fault,
        children=tuple(children),
    )
