"""The state of one run of a Liquid template: scope, variables, output and budget."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from offramp.js.values import UNSET
from offramp.mapping.liquid.values import is_number, own_property, text_of

if TYPE_CHECKING:
    from offramp.errors import TransformError
    from offramp.mapping.budget import Meter
    from offramp.mapping.compiler import Clock


class Stop(Exception):  # noqa: N818 - not an error: `break` and `continue` end the output
    """Ends a run early, with the output so far."""


class Run:
    """One run of a template, charged to the budget of the event."""

    __slots__ = (
        "budget",
        "clock",
        "counters",
        "cycles",
        "error",
        "meter",
        "out",
        "scope",
        "variables",
    )

    def __init__(
        self,
        scope: Any,
        error: Callable[[str], TransformError],
        clock: Clock | None,
        meter: Meter,
    ) -> None:
        self.scope = scope
        self.error = error
        self.clock = clock
        self.meter = meter
        self.budget = meter.budget
        self.out: list[str] = []
        self.variables: dict[str, Any] = {}
        self.counters: dict[str, Any] = {}
        self.cycles: dict[Any, int] = {}

    def text(self, value: Any) -> str:
        """The text of a value as it is written into the output, charged."""
        if type(value) is list:
            self.meter.weigh(value)
        text = text_of(value)
        # Inlined: nearly every charge is for a text, and a call would double its time.
        self.budget.characters -= len(text)
        if self.budget.characters < 0:
            self.meter.characters(0)
        return text

    def weighed(self, value: Any) -> Any:
        """The value, charged for reading every part of it."""
        if type(value) is list:
            self.meter.weigh(value)
        return value

    def root(self, name: str) -> Any:
        """A variable of the template, or else a member of the scope."""
        if name in self.variables:
            return self.variables[name]
        if name in self.counters:
            return self.counters[name]
        scope = self.scope
        if type(scope) is dict:
            if name in scope:
                return scope[name]
        elif isinstance(scope, (list, str)):
            found = own_property(scope, name)
            if found is not UNSET:
                return found
        # A name that is found nowhere is looked up in an empty object, whose size is 0.
        return 0 if name == "size" else UNSET

    def count(self, name: str, step: int) -> tuple[Any, Any]:
        """Advance a counter, which starts at the scope's number of that name; (before, after)."""
        before: Any = self.counters.get(name)
        if before is None and type(self.scope) is dict:
            before = self.scope.get(name)
        if isinstance(before, Decimal):
            before = float(before)
        elif not is_number(before):
            before = 0
        self.counters[name] = before + step
        return before, self.counters[name]
