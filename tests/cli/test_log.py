"""The host's log, as text and as JSON."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections.abc import Iterator

import pytest

from offramp.host.log import BURST, MAX_KINDS, REPEAT_SECONDS, RepeatLimit, start_log

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize(
    ("form", "stream", "as_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("json", Terminal(), True),
        ("text", io.StringIO(), False),
    ],
)
def test_a_terminal_gets_text_and_a_collector_json(
    form: str, stream: io.StringIO, as_json: bool
) -> None:
    """Unless the operator asks for one of them."""
    assert start_log(form, "info", stream) is as_json  # type: ignore[arg-type] # a table of texts
    logging.getLogger("offramp.test").warning("lost %d", 3)
    assert stream.getvalue().startswith("{") is as_json


def test_a_json_line_has_time_level_logger_message_traceback_and_extras() -> None:
    """Each record is one line, however many lines its traceback has."""
    stream = io.StringIO()
    start_log("json", "info", stream)
    try:
        os.environ["NOPE"]
    except KeyError:
        logging.getLogger("offramp.x").exception("broke\x1b[2J", extra={"subscription": "a/b"})
    [line] = stream.getvalue().splitlines()
    answer = json.loads(line)
    trace = answer.pop("traceback")
    assert re.fullmatch(TIME, answer.pop("time"))
    assert answer == {
        "level": "error",
        "logger": "offramp.x",
        "message": "broke\x1b[2J",
        "subscription": "a/b",
    }
    assert "test_log.py" in trace
    assert trace.endswith("KeyError: 'NOPE'")


def test_a_line_of_text_has_zone_milliseconds_and_level_and_is_not_wrapped() -> None:
    """A long message stays in one line; a control character is shown instead of obeyed."""
    stream = Terminal()
    start_log("text", "info", stream)
    logging.getLogger("offramp.x").warning("\x1b]0;title\x07 %s", "y" * 500)
    [line] = stream.getvalue().splitlines()
    assert re.match(rf"{TIME} WARNING offramp\.x: ␛\]0;title␇ y", line)
    assert line.endswith("y" * 500)


def test_the_level_is_the_operators() -> None:
    """What is less severe is not written."""
    stream = io.StringIO()
    start_log("json", "error", stream)
    logging.getLogger("offramp.x").warning("a warning")
    assert not stream.getvalue()


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("offramp.x").makeRecord(
        "offramp.x", logging.WARNING, "x.py", 1, message, arguments, None, extra=extra
    )


def test_alike_records_are_limited_and_counted() -> None:
    """Whatever strangers write into the arguments; other texts and other extras pass."""
    now = 0.0
    limit = RepeatLimit(lambda: now)
    passed = [limit.filter(record("bad request from %s", n)) for n in range(BURST + 5)]
    assert passed == [True] * BURST + [False] * 5
    assert limit.filter(record("another text"))
    assert limit.filter(record("bad request from %s", 1, subscription="a/b"))
    now = REPEAT_SECONDS
    after = record("bad request from %s", 9)
    assert limit.filter(after)
    assert after.left_out == 5  # type: ignore[attr-defined] # set by the filter


def test_memory_of_kinds_is_bounded() -> None:
    """A kind too many starts all afresh."""
    limit = RepeatLimit(lambda: 0.0)
    for number in range(MAX_KINDS * 2):
        assert limit.filter(record(f"text {number}"))
    assert len(limit._kinds) <= MAX_KINDS
