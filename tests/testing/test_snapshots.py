"""The snapshot of the ready-made suite: written when asked for, and told where requests changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

TEST = "test_requests_match_the_snapshot"
MODULE = """
import attrs
from offramp import wire
from offramp.testing import DestinationSuite
from tests.testing.billing import SendUsage, billing

class Changed(SendUsage):
    async def perform(self, request, payload):
        headers = {{"X-Time": {time!r}}}
        body = {{**wire(payload), "source": {source!r}}}
        await request.post(f"{{request.settings.url}}/usage", json=body, headers=headers)

class TestIt(DestinationSuite):
    destination = attrs.evolve(billing, actions=[Changed])
    settings = {{"apiToken": "token-of-the-test"}}
    varying_headers = {varying!r}
"""
USUAL = {"time": "1", "source": "here", "varying": ["x-time"]}


@pytest.fixture(autouse=True)
def _project(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = -p no:hypothesispytest"
    )


def run(pytester: pytest.Pytester, *options: str, **changes: object) -> pytest.RunResult:
    """Run the test of snapshots on a destination that is changed like this."""
    module = pytester.path / "test_it.py"
    module.write_text(MODULE.format(**{**USUAL, **changes}))
    return pytester.runpytest_inprocess(f"{module}::TestIt::{TEST}", *options)


def snapshot(pytester: pytest.Pytester) -> Path:
    """The file beside the module."""
    return pytester.path / "snapshots" / "billing.json"


def test_without_a_snapshot_nothing_is_compared(pytester: pytest.Pytester) -> None:
    """A destination need not have one; the test says how to get one, and writes none unasked."""
    result = run(pytester, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*pytest --offramp-update*"])
    assert not snapshot(pytester).exists()


def test_a_snapshot_has_every_way_to_send_and_no_secret(pytester: pytest.Pytester) -> None:
    """It is written once, is the same at the next run, and can be read."""
    run(pytester, "--offramp-update").assert_outcomes(passed=1)
    run(pytester).assert_outcomes(passed=1)
    text = snapshot(pytester).read_text()
    assert "token-of-the-test" not in text
    taken = json.loads(text)
    alone, batch = (
        taken[f"sendUsage in the sync mode 'delete', {how}, all fields"][0]
        for how in ("alone", "in a batch")
    )
    assert alone["body"]["source"] == "here"
    assert (alone["method"], alone["headers"]["Authorization"]) == ("POST", "***")
    assert len(batch["body"]["events"]) == 2
    assert len(taken) == 8


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"source": "there"}, ['-*"source": "here"', '+*"source": "there"']),
        ({"varying": []}, ['-*"X-Time": "(varies)"*', '+*"X-Time": "1"*']),
    ],
    ids=["body", "header"],
)
def test_a_changed_request_is_told_line_by_line(
    pytester: pytest.Pytester, change: dict[str, object], shown: list[str]
) -> None:
    """With what to do if the change is meant, which then passes."""
    run(pytester, "--offramp-update").assert_outcomes(passed=1)
    result = run(pytester, **change)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*if the change is meant, `pytest --offramp-update`*",
            "--- snapshots/billing.json*",
            *shown,
        ]
    )
    run(pytester, "--offramp-update", **change).assert_outcomes(passed=1)
    run(pytester, **change).assert_outcomes(passed=1)


def test_a_header_that_varies_is_not_compared(pytester: pytest.Pytester) -> None:
    """Such as the time of an attempt."""
    run(pytester, "--offramp-update").assert_outcomes(passed=1)
    run(pytester, time="2").assert_outcomes(passed=1)
