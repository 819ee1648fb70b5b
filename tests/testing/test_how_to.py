"""The page on testing a destination: every example in it runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import blocks, read_page
from tests.testing import billing

from offramp.testing import DestinationSuite, LocalPartner

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "test-a-destination.md").read_text()
BLOCKS = dict(re.findall(r"^```python file=(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_the_page_has_examples() -> None:
    """The tests below look at every example there is."""
    assert len(BLOCKS) > 4
    assert PAGE.count("```python") == len(BLOCKS) + 1  # one has a test of its own


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
    outcomes = pytester.runpytest_inprocess("--offramp-update", module).parseoutcomes()
    assert outcomes.keys() == {"passed"}


def test_the_example_of_a_recording_runs(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, local_partner: LocalPartner
) -> None:
    """With the partner at first, whose credentials are wanted, and without both later."""
    _, example = PAGE.split("## Record the real partner")
    code = example.partition("```python\n")[2].partition("```")[0]
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "pythonpath = .\naddopts = -p no:hypothesispytest\nfilterwarnings = error"
    )
    source = Path(billing.__file__).read_text()
    pytester.makepyfile(offramp_billing=source.replace(billing.URL, local_partner.url))
    module = pytester.path / "test_recording.py"
    module.write_text(code)
    local_partner.post("/usage")
    monkeypatch.setenv("BILLING_TOKEN", "token-of-the-test")
    recorded = pytester.runpytest_inprocess(module, "--offramp-record")
    recorded.assert_outcomes(passed=1)
    monkeypatch.delenv("BILLING_TOKEN")
    pytester.runpytest_inprocess(module).assert_outcomes(passed=1)
    [request] = local_partner.requests
    assert request.header("Authorization") == "Bearer token-of-the-test"


#: What the page on audiences leaves to the reader.
ADS = """
from offramp import Action, Destination, field, path

@attrs.frozen
class Settings:
    pass

@attrs.frozen
class Member:
    id: str = field(description="Who.", default=path("$.userId"))

class Sync(Action[Settings, Member]):
    slug, title, description = "sync", "Sync", "Puts users into lists."

    async def perform(self, request, payload):
        url = f"https://api.example.com/lists/{request.audience.external_id}/members"
        await request.post(url, json={"id": payload.id})

ads = Destination(slug="ads", name="Ads", settings=Settings, actions=[Sync], audience=audience)
"""


def test_the_example_of_audiences_runs(pytester: pytest.Pytester) -> None:
    """The declaration of the page, and its test of it."""
    declaration, test = blocks(read_page("how-to/audiences.md"), "python")
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "addopts = -p no:hypothesispytest\nfilterwarnings = error"
    )
    module = pytester.path / "test_ads.py"
    module.write_text(declaration + ADS + test)
    assert pytester.runpytest_inprocess(module).parseoutcomes() == {"passed": 1}


def test_the_page_names_every_test_of_the_suite() -> None:
    """A new test of the suite has to be told there."""
    tests = {name for name in vars(DestinationSuite) if name.startswith("test_")}
    assert tests == set(re.findall(r"`(test_\w+)`", PAGE.partition("## Send an event")[0]))
