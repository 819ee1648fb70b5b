"""The page on delivery guarantees, held to the code that it describes."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from itertools import accumulate
from math import ceil, log2
from typing import Any

import pytest
from tests.docs.pages import CHECKOUT, blocks, read_page, rows, section

from offramp.config import HostSettings
from offramp.definition import Retry
from offramp.definition.action import DEFAULT_LINGER
from offramp.delivery import RetryPolicy, backoff, breaker, limits
from offramp.delivery.attempt import LONGEST_CALL_SECONDS
from offramp.delivery.bisection import CONTENT_STATUSES
from offramp.delivery.engine import FINISH_SECONDS
from offramp.delivery.retry import policy_of
from offramp.delivery.worker import PROBE_CANDIDATES
from offramp.errors import is_retryable_status
from offramp.host.listen import SHUTDOWN_SECONDS
from offramp.host.run import queue_limits, retention
from offramp.http import DEFAULT_TIMEOUT
from offramp.queue import Limits, Retention, Stage
from offramp.queue.limits import DAY_S, DEDUPE_WINDOW_S
from offramp_metronome.destination import SendEvent

PAGE = read_page("explanation/delivery-guarantees.md")
RETRY = section(PAGE, "When it is tried again")
FRAMEWORK = CHECKOUT / "framework" / "offramp"
#: Where reason codes of deliveries are given.
GIVERS = (
    FRAMEWORK / "errors.py",
    FRAMEWORK / "http" / "faults.py",
    FRAMEWORK / "queue" / "values.py",
    *sorted((FRAMEWORK / "delivery").glob("[!_]*.py")),  # not the names that `__init__` lists
)
CODE = re.compile(r"[A-Z][A-Z_]+")


def seconds(cell: str) -> float:
    return float(cell.removesuffix(" s"))


def policy() -> RetryPolicy:
    default = Retry()
    return RetryPolicy(
        wait_initial=default.wait_initial.total_seconds(),
        wait_max=default.wait_max.total_seconds(),
        window=default.window.total_seconds(),
    )


def test_the_formula_gives_the_waits_of_the_code() -> None:
    """Calculated with the numbers beside it, the page's formula is the code's backoff."""
    formula = blocks(RETRY, "text")[0].strip()
    assert formula == "random(0, 1) * min(wait_max, wait_initial * 2 ** (n - 1))"
    found = re.search(r"`wait_initial` = (\d+) second and `wait_max` = (\d+) minutes", RETRY)
    assert found is not None
    wait_initial, wait_max = float(found[1]), float(found[2]) * 60
    for n in range(1, 40):
        for jitter in (0.0, 0.3, 1.0):
            expected = jitter * min(wait_max, wait_initial * 2 ** (n - 1))
            assert backoff(n, policy(), jitter=jitter) == pytest.approx(expected)


def test_the_timeline_is_that_of_the_code() -> None:
    """Every wait of the table, and their sums, come out of the code's backoff."""
    table = rows(RETRY)
    attempts = range(1, len(table) + 1)
    longest = [backoff(n, policy(), jitter=1.0) for n in attempts]
    average = [backoff(n, policy(), jitter=0.5) for n in attempts]
    expected = zip(
        attempts, longest, average, accumulate(longest), accumulate(average), strict=True
    )
    assert [(int(n), *map(seconds, rest)) for n, *rest in table] == list(expected)
    assert longest[-1] == longest[-2] == policy().wait_max


def test_the_table_of_reasons_is_that_of_the_code() -> None:
    """Every code that the framework gives is explained once, and no other is."""
    given = {
        node.value
        for path in GIVERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and CODE.fullmatch(node.value)
    }
    table = rows(section(PAGE, "End states and their reasons"))
    explained = [match[1] for code, *_ in table if (match := re.fullmatch(r"`([A-Z_]+)`", code))]
    assert sorted(explained) == sorted(given)


def test_each_reason_stands_at_a_state_that_there_is() -> None:
    """The states of the table are the ledger's own words, and each of them has a reason."""
    states = {
        state
        for _, cell, _ in rows(section(PAGE, "End states and their reasons"))
        for state in cell.split(", ")
    }
    assert states == {stage.value for stage in Stage}


def test_statuses_are_sorted_as_the_page_says() -> None:
    """408, 423, 429 and 5xx except 501 are tried again, the rest is final."""
    table = dict(rows(section(PAGE, "Which failures are tried again")))
    assert table["408, 423, 429, and 500 to 599 except 501"] == "retry"
    found = {408, 423, 429, *range(500, 600)} - {501}
    assert {status for status in range(300, 600) if is_retryable_status(status)} == found


BOUND = 2 * 1 * ceil(log2(100)) + 1


@pytest.mark.parametrize(
    "sentence",
    [
        f"no answer in {DEFAULT_TIMEOUT.total_seconds():.0f} s",
        f"One commit takes up to {Limits().accepts_per_commit:,} events",
        f"starts at {limits.START_CONCURRENCY:.0f} requests at once",
        f"up to {limits.MAX_CONCURRENCY}, or to the instance's `max_concurrency`",
        f"opens after {breaker.FAILURES_TO_OPEN} failures in a row",
        f"rests for {breaker.FIRST_REST_SECONDS:.0f} second, doubled",
        f"up to {breaker.LONGEST_REST_SECONDS:.0f} seconds",
        f"Of the {PROBE_CANDIDATES} events that are due first",
        f"({', '.join(map(str, sorted(CONTENT_STATUSES)[:-1]))} or {max(CONTENT_STATUSES)})",
        f"waits {DEFAULT_LINGER / timedelta(milliseconds=1):.0f} ms for others",
        "`2 * k * ceil(log2(n)) + 1`",
        f"one bad event in a hundred, {BOUND}.",
        f"ended after {LONGEST_CALL_SECONDS:.0f} seconds",
        f"within the last {DEDUPE_WINDOW_S / 3600:.0f} hours",
        f"Below {Limits().min_free_bytes // 2**20} MiB",
        f"Above {Limits().max_in_flight:,} deliveries",
        f"requests under way get {SHUTDOWN_SECONDS:.0f} seconds",
        f"attempts under way another {FINISH_SECONDS:.0f} seconds",
        f"kept for {Retention().delivered / DAY_S:.0f} days, rejected",
        f"expired ones for {Retention().dead / DAY_S:.0f} days",
        f"**The window** is {Retry().window / timedelta(hours=1):.0f} hours",
    ],
)
def test_every_number_is_that_of_the_code(sentence: str) -> None:
    """A number on the page is the constant's, at its default."""
    assert sentence in PAGE


def test_the_defaults_are_the_hosts_too() -> None:
    """A host that is told nothing has the queue's own bounds, and Metronome the default retry."""
    host = HostSettings()
    assert queue_limits(host) == Limits()
    assert retention(host) == Retention()
    action: Any = SendEvent()
    metronome = policy_of(action)
    assert (metronome.wait_initial, metronome.wait_max, metronome.window) == (
        policy().wait_initial,
        policy().wait_max,
        policy().window,
    )
    assert metronome.idempotency_window == timedelta(days=34).total_seconds()


def test_a_partner_may_ask_for_five_minutes() -> None:
    """The page's word for the longest `Retry-After` is the code's number."""
    assert timedelta(minutes=5).total_seconds() == HostSettings().max_retry_after
    assert "up to a cap of five minutes" in PAGE


def test_every_proof_exists() -> None:
    """Each file of tests that the page names is there."""
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE)
    assert named
    assert [name for name in named if not (CHECKOUT / name).is_file()] == []
