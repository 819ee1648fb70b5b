"""Every deliberate difference from Segment's engine, and what recognises it.

`docs/explanation/segment-differences.md` lists the same rows for people.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from tests.conformance.compare import Difference, differences
from tests.conformance.kinds import Case
from tests.conformance.segment import Segment

#: How many rows one case may need: more would mean that they hide something.
MAX_ROWS = 5

Applies = Callable[[Difference, Segment], bool]
Change = Callable[[Case], Case]


def _always(difference: Difference, segment: Segment) -> bool:
    return True


@attrs.frozen(kw_only=True)
class Row:
    """One difference.

    A difference of a case is this one if `applies` says so and, where there is a `without`, the
    engines agree on the case as soon as what this row is about is taken out of it.
    """

    id: str
    kinds: tuple[str, ...]
    #: What Segment does, what Offramp does, and why; one sentence each.
    segment: str
    offramp: str
    why: str
    #: A case with one input that differs; a row whose example does not is no longer needed.
    example: Case
    applies: Applies = _always
    without: Change | None = None


def explain(
    difference: Difference, segment: Segment, rows: tuple[Row, ...], *, depth: int = MAX_ROWS
) -> Row | None:
    """The row that a difference belongs to; None if it is not on the list."""
    for row in rows:
        if difference.case["kind"] not in row.kinds or not row.applies(difference, segment):
            continue
        if row.without is None:
            return row
        changed = row.without(difference.case)
        if changed != difference.case and depth:
            left = differences(segment, [changed])
            if all(explain(rest, segment, rows, depth=depth - 1) for rest in left):
                return row
    return None


def unexplained(segment: Segment, cases: list[Case], rows: tuple[Row, ...]) -> list[Difference]:
    """The differences in some cases that are on no list."""
    found = differences(segment, cases)
    return [difference for difference in found if explain(difference, segment, rows) is None]
