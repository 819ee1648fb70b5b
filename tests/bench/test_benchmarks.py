"""The benchmarks measure what they say: the parts of one process, on tiny counts."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.cases import Case, cases
from benchmarks.data import SIZES, make_bodies, now
from benchmarks.load import make_requests
from benchmarks.measurements import Measurement, in_turn
from benchmarks.ours import make_round
from benchmarks.worker import timed

from offramp import _json

CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.measurement}: {case.name}" for case in CASES])
def test_every_case_runs(case: Case) -> None:
    """Each case makes of its events what it should: a payload, a yes, a checked payload."""
    question: dict[str, Any] = case.as_question(now())
    question["events"] = question["events"][:2]
    run = make_round(question)
    made = run()
    assert (
        made is True if case.measurement == "trigger" else made.keys() == question["mapping"].keys()
    )
    assert timed(run, 2, 0.0)["count"] == 2


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_events_have_the_size_that_they_are_named_by(name: str, size: int) -> None:
    """An event of 1 KB has 1 KB, give or take one item."""
    bodies = make_bodies(size=name, now=now(), count=3)
    assert len(set(bodies)) == 3
    assert all(size <= len(body) < max(size, 1_000) * 1.1 for body in bodies)


@pytest.mark.parametrize("batch", [0, 5])
def test_requests_hold_events_as_an_sdk_sends_them(batch: int) -> None:
    """Every event is sent once, with an id of its own, and its length told rightly."""
    spec = {"count": 2, "batch": batch, "start": 0, "size": "seed", "now": now().isoformat()}
    requests = make_requests({**spec, "write_key": "key"})
    ids = set()
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        answer = _json.loads(body)
        ids |= {event["messageId"] for event in answer.get("batch", [answer])}
    assert len(ids) == 2 * max(1, batch)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    """A round that the machine disturbed as a whole does not change what is said of a peer."""
    values = in_turn({"ours": lambda n: [30.0, 3.0, 28.0][n], "peer": lambda n: [10, 1, 14][n]}, 3)
    measurement = Measurement(
        group="g",
        name="n",
        unit="events/s",
        ours=values["ours"],
        peers={"peer": values["peer"]},
        target=3.0,
        target_peer="peer",
    )
    assert measurement.ratio("peer") == 3.0
    assert measurement.reached is True
    assert measurement.as_data()["ratios"] == {"peer": 3.0}
