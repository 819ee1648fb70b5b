"""When to try again: the policy as a table, and its bounds by random trial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offramp.delivery import RetryPolicy, backoff, decide
from offramp.errors import (
    ConnectionFailedError,
    DeliveryError,
    HTTPError,
    PayloadError,
    RejectedError,
    RequestTimeoutError,
)
from offramp.queue import Stage

HOUR = 3_600.0
POLICY = RetryPolicy(
    wait_initial=1.0, wait_max=600.0, window=24 * HOUR, idempotency_window=34 * 24 * HOUR
)


def answered(status: int, retry_after: float | None = None) -> HTTPError:
    return HTTPError(status, url="https://partner.example", retry_after=retry_after)


def verdict(
    error: DeliveryError, *, attempt: int = 1, age: float = 0.0, jitter: float = 1.0
) -> tuple[Stage, float | None]:
    decision = decide(
        POLICY,
        retryable=error.retryable,
        asked=error.retry_after or 0.0,
        attempt=attempt,
        accepted_at=0,
        opened_at=0,
        now=age,
        jitter=jitter,
    )
    wait = None if decision.retry_at is None else decision.retry_at - age
    return decision.stage, wait


@pytest.mark.parametrize("status", [408, 423, 429, 500, 502, 503, 504, 529, 599])
def test_statuses_that_heal_are_tried_again(status: int) -> None:
    """408, 423, 429 and 5xx except 501 lead to another attempt."""
    assert verdict(answered(status)) == (Stage.RETRYING, 1.0)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 410, 413, 422, 451, 501])
def test_other_statuses_are_final(status: int) -> None:
    """Everything else is rejected at once."""
    assert verdict(answered(status)) == (Stage.REJECTED, None)


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (RequestTimeoutError("late"), Stage.RETRYING),
        (ConnectionFailedError("gone"), Stage.RETRYING),
        (RejectedError("never", status=503), Stage.REJECTED),
        (PayloadError([]), Stage.REJECTED),
    ],
)
def test_the_class_of_an_error_decides_before_its_status(
    error: DeliveryError, stage: Stage
) -> None:
    """A rejection stays one whatever status it carries; time-outs are always tried again."""
    assert verdict(error)[0] is stage


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [(1, 1.0, 1), (2, 1.0, 2), (5, 1.0, 16), (5, 0.25, 4), (11, 1.0, 600), (10_000, 1.0, 600)],
)
def test_backoff_doubles_up_to_its_cap(attempt: int, jitter: float, seconds: float) -> None:
    """Luck * min(wait_max, wait_initial * 2^(attempt-1)), for any attempt number."""
    assert backoff(attempt, POLICY, jitter=jitter) == seconds


def test_a_pause_that_the_partner_asks_for_is_kept() -> None:
    """`Retry-After` is a lower bound of the wait."""
    assert verdict(answered(429, retry_after=90)) == (Stage.RETRYING, 90)


def test_a_pause_beyond_the_window_ends_with_it() -> None:
    """Where the partner wants a longer pause than the window has left, one last try is made."""
    last = (Stage.RETRYING, HOUR)
    assert verdict(answered(429, retry_after=2 * HOUR), age=23 * HOUR) == last


def test_the_last_attempt_falls_on_the_deadline() -> None:
    """The last wait is shortened rather than given up."""
    stage, wait = verdict(answered(500), attempt=20, age=24 * HOUR - 10)
    assert (stage, wait) == (Stage.RETRYING, 10)


def test_after_the_window_it_is_expired() -> None:
    """No attempt is made after the window."""
    assert verdict(answered(500), age=24 * HOUR) == (Stage.EXPIRED, None)


def test_no_attempt_leaves_the_idempotency_window() -> None:
    """Where a replay opened a new window, the partner's memory still bounds it."""
    late = 34 * 24 * HOUR - 30
    decision = decide(
        POLICY,
        retryable=True,
        attempt=20,
        accepted_at=0,
        opened_at=late - 60,
        now=late,
        jitter=1,
    )
    assert decision.stage is Stage.RETRYING
    assert decision.retry_at == late + 30


@given(
    attempt=st.integers(1, 10_000),
    age=st.floats(0, 40 * 24 * HOUR),
    replayed=st.floats(0, 40 * 24 * HOUR),
    jitter=st.floats(0, 1),
    asked=st.just(0.0) | st.floats(0, 48 * HOUR),
)
def test_every_retry_lies_between_now_and_the_deadline(
    attempt: int, age: float, replayed: float, jitter: float, asked: float
) -> None:
    """Whatever the numbers, a retry is never in the past and never after the deadline."""
    opened = min(age, replayed)
    decision = decide(
        POLICY,
        retryable=True,
        asked=asked,
        attempt=attempt,
        accepted_at=0,
        opened_at=opened,
        now=age,
        jitter=jitter,
    )
    deadline = POLICY.deadline(accepted_at=0, opened_at=opened)
    if decision.stage is Stage.EXPIRED:
        assert age >= deadline
    else:
        assert decision.retry_at is not None
        assert min(age + asked, deadline) <= decision.retry_at <= deadline
