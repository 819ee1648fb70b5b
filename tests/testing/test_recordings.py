"""Recordings of a partner's answers: made with the partner, and replayed without it."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from offramp import Action, Destination, Request, field, literal
from offramp.testing import LocalPartner, Recording, create_test_integration

pytest_plugins = ("pytester",)

MODULE = """
import attrs
import pytest
from offramp.testing import create_test_event
from tests.testing.billing import billing

@pytest.mark.asyncio
async def test_it(integration, recorded_partner):
    billed = integration(billing, settings={{"apiToken": {token!r}, "url": {url!r}}})
    (await billed.test_authentication()).assert_good()
    for number in range({runs}):
        event = create_test_event(context={{"groupId": {customer!r}}})
        run = await billed.test_action("sendUsage", event=event)
        run.assert_delivered()
        assert run.exchanges[0].response.json() == {{"id": "bill-1", "access_token": {given!r}}}
"""
TOKEN, GIVEN = "token-of-the-real-account", "given-by-the-partner"
REPLAYED = {"token": "another-token", "customer": "acme", "runs": 1, "given": "***"}


@pytest.fixture(autouse=True)
def _project(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = -p no:hypothesispytest"
    )


def run(pytester: pytest.Pytester, url: str, *options: str, **changes: object) -> pytest.RunResult:
    """Run a test with a recording, with its settings and its event changed like this."""
    module = pytester.path / "test_bill.py"
    module.write_text(MODULE.format(**{**REPLAYED, "url": url, **changes}))
    return pytester.runpytest_inprocess(module, "-W", "error", *options)


@pytest.fixture
def recorded(pytester: pytest.Pytester) -> str:
    """The address of a partner that is gone; its answers were recorded."""
    with LocalPartner() as partner:
        partner.get("/me", payload={"name": TOKEN})
        partner.post("/usage", payload={"id": "bill-1", "access_token": GIVEN})
        result = run(pytester, partner.url, "--offramp-record", token=TOKEN, given=GIVEN)
        result.assert_outcomes(passed=1)
        assert len(partner.requests) == 2
        return partner.url


def recording(pytester: pytest.Pytester) -> Path:
    """The file of the test."""
    return pytester.path / "recordings" / "test_bill.test_it.json"


def test_a_recorded_test_needs_no_partner(pytester: pytest.Pytester, recorded: str) -> None:
    """Nor the credentials: what is masked in the file matches any."""
    before = recording(pytester).read_text()
    run(pytester, recorded).assert_outcomes(passed=1)
    assert recording(pytester).read_text() == before


@pytest.mark.usefixtures("recorded")
def test_a_recording_can_be_read_and_has_no_secret(pytester: pytest.Pytester) -> None:
    """Neither one of the settings, nor a token that the partner has given out."""
    text = recording(pytester).read_text()
    assert TOKEN not in text
    assert GIVEN not in text
    asked, sent = json.loads(text)
    assert json.loads(asked["response"]["body"]) == {"name": "***"}
    assert sent["request"]["body"]["events"][0]["customer"] == "acme"
    assert sent["request"]["headers"]["Authorization"] == "***"


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (
            {"customer": "other"},
            ["request 2 is not the one*", '-*"customer": "acme"*', '+*"customer": "other"*'],
        ),
        ({"runs": 2}, ["no answer to POST */usage was recorded"]),
    ],
    ids=["changed", "more"],
)
def test_another_request_fails_the_test(
    pytester: pytest.Pytester, recorded: str, change: dict[str, object], shown: list[str]
) -> None:
    """With the difference, and with what to do about it."""
    result = run(pytester, recorded, **change)
    result.assert_outcomes(failed=1)
    lines = [f"*{each}" for each in shown]
    result.stdout.fnmatch_lines([*lines, "*pytest --offramp-record*"])


def test_a_request_that_is_no_longer_made_fails_the_test(
    pytester: pytest.Pytester, recorded: str
) -> None:
    """At its end, as it may still come until then."""
    result = run(pytester, recorded, runs=0)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*no longer makes these requests*", "*POST */usage"])


def test_without_a_recording_nothing_is_sent(
    pytester: pytest.Pytester, local_partner: LocalPartner
) -> None:
    """The real partner is asked only where that is wanted."""
    result = run(pytester, local_partner.url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_bill.test_it.json: `pytest --offramp-record` writes it"])
    assert local_partner.requests == []


@attrs.frozen
class Settings:
    pass


@attrs.frozen
class Message:
    key: str = field(description="Part of the address.", type="password")
    url: str = field(description="Where.")


class Post(Action[Settings, Message]):
    slug, title, description = "post", "Post", "Posts to an address that is a secret."

    async def perform(self, request: Request[Settings], payload: Message) -> None:
        await request.post(f"{payload.url}/{payload.key}", data="hello")


async def test_a_secret_of_a_mapping_is_masked_too(
    tmp_path: Path, local_partner: LocalPartner
) -> None:
    """Though no setting knows it."""
    file = Recording.file_of(tmp_path / "test_post.py", "test_it[a/b]")
    posting = Destination(slug="posting", name="Posting", settings=Settings, actions=[Post])
    local_partner.post("/s3cr3t-key")
    for record, key in ((True, "s3cr3t-key"), (False, "other-key")):
        recording = Recording(file, record=record)
        mapping = {"key": literal(key), "url": literal(local_partner.url)}
        under_test = create_test_integration(posting, recording=recording)
        (await under_test.test_action("post", mapping=mapping)).assert_delivered()
        recording.close()
    assert file.name == "test_post.test_it_a_b.json"
    assert "s3cr3t" not in file.read_text()
