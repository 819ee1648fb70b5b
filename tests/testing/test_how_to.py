"""The page on testing a destination: every example in it runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.testing import billing

from offramp.testing import DestinationSuite

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "test-a-destination.md").read_text()
BLOCKS = dict(re.findall(r"^```python file=(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_page_has_examples() -> None:
    """The tests below look at every example there is."""
    assert len(BLOCKS) > 4
    assert PAGE.count("```python") == len(BLOCKS)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_example_runs(pytester: pytest.Pytester, name: str) -> None:
    """Each block is a test module that passes as it stands."""
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "pythonpath = .\naddopts = -p no:hypothesispytest\nfilterwarnings = error"
    )
    pytester.makepyfile(offramp_billing=Path(billing.__file__).read_text())
    module = pytester.path / name
    module.write_text(BLOCKS[name])
    outcomes = pytester.runpytest_inprocess(module).parseoutcomes()
    assert outcomes.keys() == {"passed"}


def test_the_page_names_every_test_of_the_suite() -> None:
    """A new test of the suite has to be told there."""
    tests = {name for name in vars(DestinationSuite) if name.startswith("test_")}
    assert tests == set(re.findall(r"`(test_\w+)`", PAGE.partition("## Send an event")[0]))
