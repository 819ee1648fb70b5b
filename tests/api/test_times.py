"""The control API and the command line read times as the collector does, and refuse the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.api.conftest import Running
from tests.event.parts import READ

from offramp.api.times import read_time
from offramp.cli.times import parse_since
from offramp.errors import OfframpError
from offramp.event import TIME_FORMS, parse_time

#: Numbers alone are seconds since 1970 for the API, and for nobody else.
SECONDS = {text: float(text) for text in ("1795120512", "1795120512.359", "20261128", "2026")}


@pytest.mark.parametrize(("text", "time"), READ)
def test_the_api_reads_what_the_collector_reads(text: str, time: str) -> None:
    """Epoch seconds beside it; whatever else is refused with the forms, or with the bounds."""
    read = parse_time(text)
    if read is not None:
        assert read_time(text) == read.timestamp()
    elif text in SECONDS:
        assert read_time(text) == SECONDS[text]
    else:
        with pytest.raises(ValueError, match="epoch"):
            read_time(text)
    assert (time == "") == (read is None)


@pytest.mark.parametrize("value", ["nan", "inf", "1e9", "1_795_120_512", " 7", "-7", -1.0, 1e12])
def test_what_is_no_number_of_seconds_is_refused(value: object) -> None:
    """Python would read some of these as numbers."""
    with pytest.raises(ValueError, match="epoch"):
        read_time(value)


async def test_the_answer_names_the_forms(host: Running) -> None:
    """In the address, and in a body."""
    heard = await host.ask("GET", "/api/status?since=20261128100000Z")
    assert heard.status == 422
    assert TIME_FORMS in heard.data["errors"][0]["detail"]
    heard = await host.ask("POST", "/api/replays", {"since": "20261128100000Z"})
    assert heard.status == 422
    assert TIME_FORMS in heard.data["errors"][0]["detail"]


@pytest.mark.parametrize(("text", "time"), READ)
def test_the_command_line_reads_what_the_collector_reads(text: str, time: str) -> None:
    """What it gives on to the API is the same moment; what is none is refused with the forms."""
    if time == "":
        with pytest.raises(OfframpError) as message:
            parse_since(text, now=0)
        assert TIME_FORMS in str(message.value)
    elif text[-1:] in "zZ" or "+" in text or "-0" in text[19:]:
        given = parse_since(text, now=0)
        assert given is not None
        assert datetime.fromisoformat(given).astimezone(UTC) == parse_time(text)
