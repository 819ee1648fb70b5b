"""Segment's actions in the worker do what they do in Segment's engine: a sample of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.segment import engine, worker
from tests.segment.compare import PARTNERS, compare, environment, same_end, trials
from tests.segment.long import install
from tests.segment.whole import compare_whole, running

#: Every so many actions one is compared.
STEP = 7
WHOLE_STEP = 31

DELIVERED: dict[str, Any] = {"each": [None]}
THROWN = {"error": {"kind": "HTTPError", "message": "Bad Request", "status": 400}}
LATER = {"status": 429, "code": "TOO_MANY_REQUESTS", "message": "later"}


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, with Segment's packages installed and the worker built."""
    return install()


@pytest.fixture(scope="module")
def both(node: str) -> Iterator[tuple[engine.Engine, worker.Worker]]:
    """Segment's engine and the worker."""
    values = environment()
    with engine.running(node, values) as theirs, worker.running(node, values) as ours:
        yield theirs, ours


@pytest.mark.slow
def test_a_sample_of_all_actions(both: tuple[engine.Engine, worker.Worker]) -> None:
    """Requests are the same byte for byte, and so is the end of the first attempt."""
    theirs, ours = both
    actions = theirs.ask("list")
    assert len(actions) == 601
    found = compare(theirs, ours, actions[::STEP], PARTNERS)
    assert found.counts["requests"] > 1000
    assert [str(each) for each in found.differences] == []


@pytest.mark.slow
async def test_a_sample_on_the_whole_path(node: str) -> None:
    """From the event on, with the host's mapping, checks, batches and client, it is the same."""
    values = environment()
    with engine.running(node, values) as theirs:
        cases = trials(theirs, theirs.ask("list")[::WHOLE_STEP], PARTNERS)
        async with running(node, values) as host:
            found = await compare_whole(host, cases)
    assert found.counts["cases with a request"] > 100
    assert [str(each) for each in found.differences] == []


def test_a_request_and_an_end_that_differ_are_found(
    both: tuple[engine.Engine, worker.Worker],
) -> None:
    """The comparison can fail: a worker with other answers and settings is told from the engine."""
    theirs, ours = both

    class Deaf:
        """A worker that sends nothing, and says that all is well."""

        def call(self, message: Any, partner: Any) -> tuple[list[Any], dict[str, Any]]:
            return [], {"id": 1, "value": None}

    actions = [each for each in theirs.ask("list") if each["directory"] == "customerio"][:1]
    deaf: Any = Deaf()
    found = compare(theirs, deaf, actions, PARTNERS[1:2])
    assert {each.what for each in found.differences} == {"requests", "end"}
    assert compare(theirs, ours, actions, PARTNERS[1:2]).differences == []


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (DELIVERED, DELIVERED, True),
        (DELIVERED, THROWN, False),
        (THROWN, {"error": {**THROWN["error"], "status": 500}}, False),
        ({"each": [LATER]}, {"each": [{"status": 429, "message": "later"}]}, True),
        ({"each": [LATER]}, {"each": [{"status": 429, "message": None}]}, True),
        ({"each": [LATER]}, {"each": [{"status": 429, "message": "no"}]}, False),
        ({"each": [LATER]}, DELIVERED, False),
        ({"each": [LATER, None]}, {"each": [None, LATER]}, False),
    ],
)
def test_ends_are_compared_event_by_event(
    ours: dict[str, Any], theirs: dict[str, Any], same: bool
) -> None:
    """A status, a message or a place that differs is a difference."""
    assert same_end(ours, theirs) is same
