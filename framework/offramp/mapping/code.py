"""What a resolver does, told in a form from which code can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from offramp.mapping.values import Resolver


@attrs.frozen(eq=False)
class Read:
    """The value at a path of the scope."""

    keys: tuple[str, ...]


@attrs.frozen(eq=False)
class Join:
    """Texts with the values at some paths between them; there is a path less than texts."""

    texts: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]


@attrs.frozen(eq=False)
class Object:
    """An object of members; a complete one shows even those that are absent."""

    keys: tuple[str, ...]
    getters: tuple[Resolver, ...]
    is_complete: bool


@attrs.frozen(eq=False)
class List:
    """A list of items; in a settled one those that are absent are null."""

    getters: tuple[Resolver, ...]
    is_settled: bool


@attrs.frozen(eq=False)
class Choose:
    """One of two values, by whether something holds of a third."""

    get: Resolver
    holds: Callable[[Any], bool]
    then: Resolver
    otherwise: Resolver
    #: What `holds` asks, as an expression of `{value}`, in which `absent` is `UNSET`.
    condition: str | None = None


@attrs.frozen(eq=False)
class Apply:
    """What a function makes of some values."""

    function: Callable[..., Any]
    getters: tuple[Resolver, ...]


Code: TypeAlias = Read | Join | Object | List | Choose | Apply


class Codes:
    """What resolvers do, by their identity: one of a plugin's may have no hash."""

    def __init__(self) -> None:
        # They are held, so that none of them leaves its id to another.
        self._noted: dict[int, tuple[Resolver, Code]] = {}

    def note(self, resolver: Resolver, code: Code) -> None:
        """Note what a resolver does."""
        self._noted[id(resolver)] = resolver, code

    def of(self, resolver: Resolver) -> Code | None:
        """What a resolver does, if that is known."""
        noted = self._noted.get(id(resolver))
        return None if noted is None else noted[1]
