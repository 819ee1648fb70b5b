"""Why a mapping gave what it gave: each value with its directive, its paths and its fault."""

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


class Trace:
    """Takes down what each part of a mapping gives while one event goes through it."""

    def __init__(self) -> None:
        self._open: list[list[Origin]] = [[]]

    @property
    def origin(self) -> Origin:
        """The origin of the whole, once it has been run."""
        return self._open[0][-1]

    def run(self, part: Part, event: Any) -> None:
        """Run the whole mapping, `part`, with an event; its fault is taken down, not raised."""
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
        """The values of all parts; raises the first fault, but only when all of them have run."""
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


#: It is no argument, because the function of a plugin's directive may stand between a node and its
#: parts.
_RUNNING: Final[ContextVar[Trace | None]] = ContextVar("_RUNNING", default=None)

#: The explanation that is being made, if one is.
running_trace: Final = _RUNNING.get


@contextmanager
def untraced() -> Iterator[None]:
    """Take down nothing meanwhile: a directive that is explained may compile a mapping itself."""
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
