"""The list of deliberate differences: each row is needed, and the page says what the list says."""

from __future__ import annotations

import pytest
from tests.conformance.compare import alike, differences, their_answers
from tests.conformance.differences import Row, explain
from tests.conformance.kinds import KINDS
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


def test_keys_keep_their_order_here_and_nearly_so_at_segment(segment: Segment) -> None:
    """The one order that is not compared: JavaScript moves whole numbers to the front."""
    made = {"b": 1, "7": 2, "a": 3, "10": 4, "007": 5}
    case = {"kind": "transform", "mapping": {"o": {"@path": "$.o"}}, "events": [{"o": made}]}
    [[theirs]] = their_answers(segment, [case])
    [ours] = KINDS["transform"].ours(case)
    assert list(ours["value"]["o"]) == ["b", "7", "a", "10", "007"]
    assert list(theirs["value"]["o"]) == ["7", "10", "b", "a", "007"]
    assert alike(ours, theirs)
    assert not alike({"value": {"a": 1, "b": 2}}, {"value": {"b": 2, "a": 1}})


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
