"""The limit on the work of a mapping for one event, counted in steps and characters.

It is not a limit of time, since a busy host would then reject events that an idle one delivers.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final

import attrs

from offramp.errors import BudgetError
from offramp.mapping.values import Resolver

#: Steps: list items, statements and filters of Liquid, occurrences that `@replace` finds, and the
#: like. All of them together block the event loop only briefly. A list has 16,000 items at most in
#: an event of 32 KB, the default maximum of Segment and Offramp.
MAX_STEPS: Final = 100_000
#: Characters of the texts that are read and made, about sixty times those of the largest event.
MAX_CHARACTERS: Final = 2_000_000
#: Characters that take as long as one step if a text is read character by character.
CHARACTERS_PER_STEP: Final = 4


@attrs.define(kw_only=True)
class Budget:
    """The steps and characters that are left for the event that is being mapped."""

    steps: float = MAX_STEPS
    characters: float = MAX_CHARACTERS


_RUNNING: Final[ContextVar[Budget]] = ContextVar("_RUNNING")


def budgeted(resolve: Resolver) -> Resolver:
    """The resolver of a whole mapping, with a new budget for each event."""

    def run(event: Any) -> Any:
        token = _RUNNING.set(Budget())
        try:
            return resolve(event)
        finally:
            _RUNNING.reset(token)

    return run


@attrs.frozen
class Meter:
    """Charges the event's budget for the work of the directive at one place."""

    place: str

    @property
    def budget(self) -> Budget:
        """The budget of the event that is being mapped."""
        return _RUNNING.get()

    def steps(self, count: float) -> None:
        """Charge steps; raises `BudgetError` when none are left."""
        budget = _RUNNING.get()
        budget.steps -= count
        if budget.steps < 0:
            raise BudgetError(self.place, _spent(f"takes more than {MAX_STEPS:,} steps"))

    def characters(self, count: float) -> None:
        """Charge characters; raises `BudgetError` when none are left."""
        budget = _RUNNING.get()
        budget.characters -= count
        if budget.characters < 0:
            raise BudgetError(
                self.place, _spent(f"handles more than {MAX_CHARACTERS:,} characters")
            )

    def slowly(self, count: float) -> None:
        """Charge the steps of reading this number of characters one by one."""
        self.steps(count / CHARACTERS_PER_STEP)

    def weigh(self, value: Any) -> None:
        """Charge a step for each part of a value, and its characters, as if it were written out.

        A part that occurs several times counts each time; the walk ends when the budget is spent.
        """
        pending: list[Iterable[Any]] = [(value,)]
        while pending:
            steps = characters = 0
            for part in pending.pop():
                steps += 1
                kind = type(part)
                if kind is str:
                    characters += len(part)
                elif kind is dict and part:
                    characters += sum(map(len, part))
                    pending.append(part.values())
                elif kind is list and part:
                    pending.append(part)
            self.steps(steps)
            self.characters(characters)


def _spent(what: str) -> str:
    return (
        f"what the mapping makes of this event {what}, the budget of one event; "
        "make the mapping simpler or the event smaller"
    )
