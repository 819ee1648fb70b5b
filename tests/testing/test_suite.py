"""The ready-made suite: silent on a destination that is right, and outspoken on each wrong one."""

from __future__ import annotations

import inspect

import pytest
from tests.testing import right
from tests.testing.broken import BROKEN

from offramp.testing import DestinationSuite

pytest_plugins = ("pytester",)

TESTS = [name for name, _ in inspect.getmembers(DestinationSuite) if name.startswith("test_")]
GOOD = """
from offramp.testing import DestinationSuite
from tests.testing.billing import billing

class TestBilling(DestinationSuite):
    destination = billing
"""
WHOLE_EVENT = """
from offramp import path
from offramp.testing import DestinationSuite
from tests.testing.broken import note

class TestWhole(DestinationSuite):
    destination = note(type="object", default=path("$."))
"""
WRONG = """
from offramp.testing import DestinationSuite
from tests.testing.broken import BROKEN

class TestBroken(DestinationSuite):
    destination = BROKEN[{name!r}].destination
"""


@pytest.fixture(autouse=True)
def _project(pytester: pytest.Pytester) -> None:
    # Hypothesis is no part of it, and takes a second to load.
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = -p no:hypothesispytest"
    )


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_a_good_destination_passes_every_test(pytester: pytest.Pytester, mode: str) -> None:
    """One line is all that it takes, whatever the project's asyncio mode."""
    pytester.makepyfile(GOOD)
    result = pytester.runpytest_inprocess("-W", "error", "-o", f"asyncio_mode={mode}")
    result.assert_outcomes(passed=len(TESTS) - 1, skipped=1)  # there is no snapshot


@pytest.mark.parametrize("name", BROKEN)
def test_each_fault_fails_its_test(pytester: pytest.Pytester, name: str) -> None:
    """A destination with one fault fails the test that is there for it, which says what it is."""
    broken = BROKEN[name]
    module = pytester.makepyfile(WRONG.format(name=name))
    result = pytester.runpytest_inprocess(f"{module}::TestBroken::{broken.test}")
    result.assert_outcomes(failed=1)
    assert broken.saying in result.stdout.str()


def test_a_default_mapping_may_read_the_whole_event(pytester: pytest.Pytester) -> None:
    """The path `$.` looks nowhere in particular, and is right all the same."""
    module = pytester.makepyfile(WHOLE_EVENT)
    result = pytester.runpytest_inprocess(f"{module}::TestWhole::test_mappings_are_valid")
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("name", [name for name in vars(right) if name.startswith("Test")])
def test_what_is_declared_rightly_passes(pytester: pytest.Pytester, name: str) -> None:
    """Nested batch keys, lists of the event, batches of another shape, secrets that only sign."""
    module = pytester.makepyfile(f"from tests.testing.right import {name}")
    outcomes = pytester.runpytest_inprocess("-W", "error", module).parseoutcomes()
    assert outcomes.keys() <= {"passed", "skipped"}
    assert outcomes["passed"] > len(TESTS) / 2


@pytest.mark.parametrize(
    ("name", "changed", "test", "saying"),
    [
        (
            "TestShapes",
            "items = lambda _, __: None",
            "test_batch_equals_single",
            "override `items`",
        ),
        (
            "TestShapes",
            "items = lambda _, __: None",
            "test_one_bad_event_harms_no_other",
            "override `items`",
        ),
        (
            "TestSigning",
            "untestable_credentials = ''",
            "test_bad_credentials_are_told",
            "say why in `untestable_credentials`",
        ),
    ],
)
def test_the_suite_names_what_it_has_to_be_told(
    pytester: pytest.Pytester, name: str, changed: str, test: str, saying: str
) -> None:
    """Without that, it cannot tell the destination from one that is broken."""
    code = f"from tests.testing import right\n\nclass TestIt(right.{name}):\n    {changed}\n"
    module = pytester.makepyfile(code)
    result = pytester.runpytest_inprocess(f"{module}::TestIt::{test}")
    result.assert_outcomes(failed=1)
    assert saying in result.stdout.str()


def test_every_test_of_the_suite_is_proven_to_fail() -> None:
    """Each has a broken destination that fails it; snapshots have tests of their own."""
    proven = {broken.test for broken in BROKEN.values()} | {"test_requests_match_the_snapshot"}
    assert proven == set(TESTS)
