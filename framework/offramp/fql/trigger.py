"""A compiled trigger: decides whether an event is selected, and explains why."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from offramp.fql.compile import compile_matches, compile_node
from offramp.fql.generate import generate
from offramp.fql.hints import hints
from offramp.fql.needs import Needs, needed_texts
from offramp.fql.parser import parse_exact
from offramp.fql.tree import as_json, join_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from offramp._json import Path
    from offramp.fql.compile import Compiled, Explanation
    from offramp.fql.tree import Group


@attrs.frozen(kw_only=True, eq=False)
class Trigger:
    """A compiled trigger; call `trigger(event)` or, faster, `trigger.matches(event)`.

    Neither raises for any JSON event: a test of a value with a wrong type is false.
    """

    #: The trigger as it was written.
    text: str
    tree: Group
    #: The paths that it reads, such as `properties.plan`, each once and in order of appearance.
    paths: tuple[str, ...]
    #: Warnings for a person about what is valid but is probably a mistake.
    warnings: tuple[str, ...]
    _root: Compiled = attrs.field(repr=False)

    # Generated at the first use: a trigger that is only shown needs no code.
    @cached_property
    def matches(self) -> Callable[[dict[str, Any]], bool]:
        """Whether an event is selected, as a function."""
        return compile_matches(self._root)

    @cached_property
    def matches_struct(self) -> Callable[[Any], bool]:
        """As `matches`, for what a `StructReader` read of an event, at least what `reads` names."""
        return compile_matches(self._root, of_struct=True)

    def __call__(self, event: dict[str, Any]) -> bool:
        """Whether an event is selected."""
        return self.matches(event)

    def explain(self, event: dict[str, Any]) -> Explanation:
        """Why an event is selected or not: each condition's result and the value it found."""
        return self._root.explain(event)

    @cached_property
    def reads(self) -> frozenset[Path]:
        """All that it reads of an event, as paths."""
        return frozenset(self._root.paths())

    @cached_property
    def needs(self) -> Needs:
        """By path, the texts of which every selected event has one there."""
        return needed_texts(self.tree)


def compile_trigger(source: str | Mapping[str, Any]) -> Trigger:
    """Compile a trigger from its text or its tree; `TriggerError` lists every fault.

    A tree means what its text means: it is written out and parsed first.
    """
    text = source if isinstance(source, str) else generate(source)
    tree = parse_exact(text)
    root = compile_node(tree)
    return Trigger(
        text=text,
        tree=as_json(tree),
        paths=tuple(dict.fromkeys(map(join_keys, root.paths()))),
        warnings=tuple(hints(tree)),
        root=root,
    )
