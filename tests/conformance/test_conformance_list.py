"""The list of deliberate differences: each row is needed, and the page says what the list says."""

from __future__ import annotations

import pytest
from tests.conformance.compare import differences
from tests.conformance.differences import Row, explain
from tests.conformance.page import PAGE, rows_of_page
from tests.conformance.rows import ROWS
from tests.conformance.segment import Segment


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_is_needed(row: Row, segment: Segment) -> None:
    """The example of a row differs still, and it is this row that explains it."""
    found = differences(segment, [row.example])
    assert found, "both engines answer alike by now: take the row off the list"
    assert [explain(difference, segment, ROWS) for difference in found] == [row] * len(found)


def test_a_difference_that_is_not_on_the_list_is_found(segment: Segment) -> None:
    """Without the row that explains it, an example counts as unexplained."""
    [row, *_] = [row for row in ROWS if row.id == "exact-numbers"]
    others = tuple(other for other in ROWS if other is not row)
    found = differences(segment, [row.example])
    assert [explain(difference, segment, others) for difference in found] == [None]


def test_no_id_is_given_twice() -> None:
    """An id names one row."""
    ids = [row.id for row in ROWS]
    assert len(set(ids)) == len(ids)


def test_the_page_says_what_the_list_says() -> None:
    """Each row stands on the page word for word; `python -m tests.conformance.page` writes it."""
    page = PAGE.read_text()
    for table in rows_of_page(ROWS):
        assert table in page
    assert page.count("\n| `") == len(ROWS)
