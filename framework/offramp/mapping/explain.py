"""Explains a mapping's result: each value with its directive, its paths and its fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.errors import TransformError
from offramp.js.values import UNSET
from offramp.mapping.values import settle

if TYPE_CHECKING:
    from offramp.mapping.nodes import Node, Part


@attrs.frozen(kw_only=True)
class Origin:
    """Where one value of a result came from; plain data, so that it can be written as JSON."""

    #: The place in the mapping that made it, for example `$.customer_id`.
    place: str
    #: The directive that made it; None for an object, a list or a plain value.
    directive: str | None
    #: The paths that were read for it, including its children's, sorted.
    paths: tuple[str, ...]
    #: The value; None both for null and for no value, which `found` distinguishes.
    value: Any
    #: Whether there is a value.
    found: bool
    #: The fault and its place, if it raised.
    fault: str | None
    #: The parts that were evaluated for it, in that order.
    children: tuple[Origin, ...]


class Trace:
    """Records the value of each part of a mapping while it runs with one event."""

    def __init__(self) -> None:
        self._open: list[list[Origin]] = [[]]

    @property
    def origin(self) -> Origin:
        """The origin of the whole result, once the mapping has run."""
        return self._open[0][-1]

    def run(self, part: Part, event: Any) -> None:
        """Run the whole mapping, `part`, with an event; a fault is recorded, not raised."""
        token = _RUNNING.set(self)
        try:
            part.run(event)
        except TransformError:
            pass
        finally:
            _RUNNING.reset(token)

    def watch(self, part: Part, scope: Any) -> Any:
        """The value of a part; its `Origin` is added to those of the part that is being run."""
        children: list[Origin] = []
        self._open.append(children)
        value: Any = UNSET
        fault = None
        try:
            value = part.node.trace(scope, self)
        except TransformError as error:
            fault = f"@ {error.place}: {error.message}"
            raise
        finally:
            self._open.pop()
            self._open[-1].append(_origin(part, value, fault, children))
        return value

    def every(self, parts: Iterable[Node], scope: Any) -> list[Any]:
        """The values of all parts; raises the first fault, but only after all have run."""
        values: list[Any] = []
        errors: list[TransformError] = []
        for part in parts:
            try:
                values.append(part.run(scope))
            except TransformError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return values


#: It is not an argument, because the function of a plugin's directive may be called between a node
#: and its parts.
_RUNNING: Final[ContextVar[Trace | None]] = ContextVar("_RUNNING", default=None)

#: The explanation that is being made, if one is.
running_trace: Final = _RUNNING.get


@contextmanager
def untraced() -> Iterator[None]:
    """Record nothing in this block, since a traced directive may compile a mapping itself."""
    token = _RUNNING.set(None)
    try:
        yield
    finally:
        _RUNNING.reset(token)


def _origin(part: Part, value: Any, fault: str | None, children: list[Origin]) -> Origin:
    paths = {path for child in children for path in child.paths}
    return Origin(
        place=part.place,
        directive=part.directive,
        paths=tuple(sorted(paths.union(part.paths))),
        value=settle(value),
        found=value is not UNSET,
        fault=fault,
        children=tuple(children),
    )
