"""`offramp events` as a search, by who has a customer and a day."""

from __future__ import annotations

import contextlib
import re
import sqlite3

import pytest
from tests.cli.conftest import SUBSCRIPTION, Live, Offramp, flat, nobody, usage

from offramp.queue.sqlite import scan


def some(live: Live) -> None:
    """Two customers; one event is filtered, one rejected."""
    for number in range(4):
        live.send(usage(f"m{number}", userId="ada" if number % 2 else "bob"))
    live.send(usage("colleague", userId="ada@company.com"), nobody())


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--where", 'userId = "ada"'], ["m3", "m1"]),
        (["--where", 'userId = "ada"', "--limit", 1], ["m3"]),
        (["--where", 'userId = "ada"', "--since", "1h"], ["m3", "m1"]),
        (["--where", 'userId = "ada"', "--until", "1h"], []),
        (["--subscription", SUBSCRIPTION, "--outcome", "filtered"], ["colleague"]),
        (["--outcome", "rejected"], ["nobody"]),
        (["--reason", "PAYLOAD_VALIDATION_FAILED"], ["nobody"]),
        (["--outcome", "delivered", "--where", 'userId = "bob"'], ["m2", "m0"]),
        (["--limit", 1000], ["nobody", "colleague", "m3", "m2", "m1", "m0"]),
    ],
)
def test_events_are_found_by_conditions(
    offramp: Offramp,
    live: Live,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    found: list[str],
) -> None:
    """However many requests it takes."""
    some(live)
    for most in (scan.SCAN, 2):
        monkeypatch.setattr(scan, "SCAN", most)
        result = offramp("events", "--json", *options)
        assert result.status == 0
        assert [row["message_id"] for row in result.lines] == found
        assert result.err == ""


@pytest.mark.parametrize("width", [80, 100])
def test_a_search_fits_the_terminal(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """And says what became of each event, and that there are more."""
    monkeypatch.setenv("COLUMNS", str(width))
    some(live)
    result = offramp("events", "--where", 'contains(userId, "ada")', "--limit", 2)
    assert max(map(len, result.out.splitlines())) <= width
    assert f"{SUBSCRIPTION} filtered" in flat(result.out)
    assert "there are more: raise --limit" in result.out
    nothing = offramp("events", "--where", 'userId = "eve"')
    assert nothing.out == "no event meets these conditions\n"


@pytest.mark.parametrize("width", [80, 100])
def test_a_long_search_shows_its_progress(
    offramp: Offramp, live: Live, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """On the terminal of standard error only, in lines that fit."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(scan, "SCAN", 2)
    some(live)
    result = offramp("events", "--json", "--where", 'userId = "bob"')
    assert [row["message_id"] for row in result.lines] == ["m2", "m0"]
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", result.err)
    assert re.search(r"searched \d events back to 20\d\d-\d\d-\d\d \d\d:\d\dZ, \d found", plain)
    assert max(map(len, plain.replace("\r", "\n").splitlines())) <= width


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "type = "], "request @ parameter where: column 8: the trigger ends"),
        (["--subscription", "metronome/Bill"], "no subscription 'metronome/Bill'; did you mean"),
        (["--since", "yesterday"], "90m, 24h or 7d"),
        (["--limit", "0"], "must be a whole number from 1"),
        (["m1", "--where", 'type = "track"'], "give a message id, or conditions"),
    ],
)
def test_a_search_that_cannot_be_read_is_refused(
    offramp: Offramp, live: Live, arguments: list[str], message: str
) -> None:
    """The place, and what to do."""
    result = offramp("events", *arguments)
    assert result.status == 2
    assert message in flat(result.err)
    assert result.out == ""


#: The body of the first block is other bytes than were written, and the second one's is dropped.
SPOILED = """
UPDATE blocks SET body = zeroblob(length(body)) WHERE block = (SELECT min(block) FROM blocks);
UPDATE blocks SET body = NULL, checksum = checksum & 0xFFFFFFFF
WHERE block = (SELECT min(block) FROM blocks WHERE block > (SELECT min(block) FROM blocks));
"""


def test_what_could_not_be_searched_is_said(offramp: Offramp, live: Live) -> None:
    """Events that are damaged, or whose JSON is gone, are counted on standard error."""
    some(live)
    file = live.host.folder / "offramp.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(SPOILED)
    result = offramp("events", "--json", "--where", 'event = "billing_event"')
    assert [row["message_id"] for row in result.lines] == ["nobody", "colleague", "m3", "m2"]
    message = flat(result.err)
    assert "1 event is damaged on disk and left out" in message
    assert "1 event was not searched, as the JSON is no longer kept" in message
