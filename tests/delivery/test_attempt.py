"""Sending together: bisection finds the bad payloads, and every good one is delivered."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.parts import Partner, attempt, make_plan, make_small_runtime, prepare

from offramp.delivery import Verdict

PLAN = make_plan()
NOW = 1_700_000_000.0


def bad_among(bad: set[str], status: int = 400) -> Partner:
    return Partner(judge=lambda ids: status if bad & set(ids) else 200)


async def send_all(partner: Partner, ids: Sequence[str]) -> list[Verdict]:
    return await attempt(make_small_runtime(partner), PLAN, prepare(PLAN, ids))


@given(data=st.data(), total=st.integers(1, 100))
async def test_exactly_the_good_ones_arrive_once_within_the_bound(
    data: st.DataObject, total: int
) -> None:
    """For any subset of bad payloads, the good ones arrive once each, in few requests."""
    ids = [f"m{number}" for number in range(total)]
    bad = set(data.draw(st.lists(st.sampled_from(ids), unique=True)))
    partner = bad_among(bad)
    results = await send_all(partner, ids)
    assert sorted(partner.taken) == sorted(set(ids) - bad)
    assert {i for i, sent in zip(ids, results, strict=True) if sent.error} == bad
    bound = 1 + 2 * len(bad) * math.ceil(math.log2(max(total, 2)))
    assert len(partner.requests) <= bound


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_statuses_that_blame_content_are_bisected(status: int) -> None:
    """400, 409, 413 and 422 say that a part of the batch may well pass."""
    partner = bad_among({"m3"}, status)
    results = await send_all(partner, ["m1", "m2", "m3", "m4"])
    assert partner.taken == ["m1", "m2", "m4"]
    assert [sent.error.status if sent.error else None for sent in results] == [
        None,
        None,
        status,
        None,
    ]


@pytest.mark.parametrize("status", [404, 422, 451])
async def test_an_action_may_declare_more_statuses_that_blame_content(status: int) -> None:
    """Only the event that is at fault is rejected, whichever of its statuses the partner gives."""
    partner, plan = bad_among({"m3"}, status), make_plan("takeNew")
    ids = ["m1", "m2", "m3", "m4"]
    results = await attempt(make_small_runtime(partner), plan, prepare(plan, ids))
    assert partner.taken == ["m1", "m2", "m4"]
    [bad] = [sent.error for sent in results if sent.error]
    assert (bad.status, bad.retryable) == (status, False)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
async def test_other_statuses_speak_of_the_whole(status: int) -> None:
    """A batch that fails for another reason is not taken apart."""
    partner = Partner(judge=lambda ids: status)
    results = await send_all(partner, ["m1", "m2", "m3", "m4"])
    assert len(partner.requests) == 1
    assert all(sent.error is not None and sent.error.status == status for sent in results)


async def test_what_an_outage_left_unclear_is_marked() -> None:
    """Where the search is cut short, those not cleared go on as the part that they were in."""
    answers = iter([400, 200, 503])
    partner = Partner(judge=lambda ids: next(answers))
    results = await send_all(partner, ["m1", "m2", "m3", "m4"])
    assert partner.taken == ["m1", "m2"]
    assert [sent.past and sent.past.together for sent in results] == [None, None, 2, 2]


async def test_an_exchange_is_kept_without_its_secret() -> None:
    """What was sent and answered is recorded, and the token is in none of it."""
    [sent] = await send_all(Partner(), ["m1"])
    assert sent.exchange is not None
    assert sent.exchange.status == 200
    assert "s3cr3t" not in repr(sent.exchange.as_data())
