"""The pytest plugin, as a user meets it."""

from __future__ import annotations

import sys

import pytest

from offramp import testing

pytest_plugins = ("pytester",)

HEAVY = ("aiohttp", "aioresponses", "cattrs", "liquid", "sqlite3")
USUAL = """
import pytest
from offramp.testing import create_test_event
from tests.testing.billing import USAGE, billing

@pytest.mark.asyncio
async def test_it(integration, partner):
    partner.post(USAGE, payload={})
    run = await integration(billing).test_action(
        "sendUsage", event=create_test_event(), settings={"url": "https://api.billing.example/v1"}
    )
    run.assert_delivered()
    assert run.json["events"][0]["id"] == "message1234"
"""


def test_pytest_starts_without_loading_the_harness(pytester: pytest.Pytester) -> None:
    """Where nothing asks for it, the plugin costs next to nothing: nothing heavy is loaded."""
    pytester.makepyfile(
        f"""
        import sys
        import offramp.testing.pytest_plugin

        def test_it():
            rooms = [name for name in sys.modules if name.startswith("offramp.testing.")]
            assert rooms == ["offramp.testing.pytest_plugin"]
            assert not [name for name in {HEAVY!r} if name in sys.modules]
        """
    )
    arguments = ("-p", "no:asyncio", "-p", "no:hypothesispytest", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1)


def test_a_user_needs_nothing_but_the_fixtures(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """In a process of its own, in strict mode, with warnings as errors."""
    monkeypatch.setenv("PYTHONPATH", str(request.config.rootpath))
    pytester.makepyfile(USUAL)
    options = ("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
    pytester.runpytest_subprocess(*options, "-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_a_request_that_a_local_partner_has_no_answer_for_fails_its_test(
    pytester: pytest.Pytester,
) -> None:
    """At the end of the test, since the server itself cannot fail it."""
    pytester.makepyfile(
        """
        from urllib.error import HTTPError
        from urllib.request import urlopen

        def test_it(local_partner):
            try:
                urlopen(local_partner.url + "/unknown")
            except HTTPError:
                pass
        """
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    result = pytester.runpytest_inprocess("-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*GET /unknown*"])


def test_the_shop_window_is_sorted_and_complete() -> None:
    """Each name is there, and each is what its module says."""
    names = testing.__all__
    assert len(names) == len(set(names))
    constants = [name for name in names if name.isupper()]
    classes = [name for name in names if name[0].isupper() and not name.isupper()]
    functions = [name for name in names if name[0].islower()]
    assert names == [*sorted(constants), *sorted(classes), *sorted(functions)]
    for name in names:
        assert getattr(testing, name) is not None


def test_a_name_that_is_not_there_is_told() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'create_event'"):
        _ = testing.create_event


@pytest.mark.parametrize("name", ["TestIntegration", "TestedDelivery"])
def test_classes_called_test_are_not_collected(name: str) -> None:
    """A test module may import them without a warning."""
    assert getattr(testing, name).__test__ is False
    assert sys.modules["offramp.testing"] is testing
