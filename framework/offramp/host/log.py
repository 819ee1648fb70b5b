"""The log of a host: text at a terminal, JSON for log collectors."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import attrs

from offramp import _json
from offramp.config import LogFormat, LogLevel
from offramp.event import format_time
from offramp.host.controls import show_controls

#: Of similar records, only `BURST` are written in this number of seconds; the others are counted.
REPEAT_SECONDS: Final = 60.0
BURST: Final = 10
#: Kinds of records that are remembered; with more, all counts start again, to limit memory.
MAX_KINDS: Final = 1_000
#: Attributes that `logging` sets on each record; all others were given as `extra`.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def start_log(form: LogFormat, level: LogLevel, stream: TextIO | None = None) -> bool:
    """Write all logs to a stream (standard error); return whether they are JSON.

    `auto` means text at a terminal, and JSON anywhere else.
    """
    stream = sys.stderr if stream is None else stream
    as_json = form == "json" or (form == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter() if as_json else TextFormatter())
    handler.addFilter(RepeatLimit())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    return as_json


class TextFormatter(logging.Formatter):
    """Writes `2026-11-28T10:00:00.123Z WARNING offramp.delivery: message`, then a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record; control characters are replaced by visible symbols."""
        text = f"{_time_of(record)} {record.levelname} {record.name}: {record.getMessage()}"
        left_out = getattr(record, "left_out", 0)
        if left_out:
            text += f" ({left_out} similar records were left out)"
        trace = _traceback_of(self, record)
        return show_controls(f"{text}\n{trace}" if trace else text)


class JSONFormatter(logging.Formatter):
    """Writes one JSON object a line: time, level, logger, message, traceback, and every `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{key: _as_data(value) for key, value in _extras(record).items()},
        }
        trace = _traceback_of(self, record)
        if trace:
            line["traceback"] = trace
        return show_controls(_json.dumps(line).decode())


@attrs.define
class _Kind:
    """Similar records: since when they are counted, and how many were written and left out."""

    since: float
    passed: int = 0
    left_out: int = 0


class RepeatLimit(logging.Filter):
    """Writes `BURST` similar records in `REPEAT_SECONDS`; the next one gives the number left out.

    Records are similar if logger, text without arguments, type of exception and `extra` are equal.
    Arguments do not count, as a caller of the host can choose them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[object, _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        now = self._clock()
        key = _kind_of(record)
        kind = self._kinds.get(key)
        if kind is None or now - kind.since >= REPEAT_SECONDS:
            if kind is not None and kind.left_out:
                record.left_out = kind.left_out
            if len(self._kinds) >= MAX_KINDS:
                self._kinds.clear()
            kind = self._kinds[key] = _Kind(now)
        if kind.passed >= BURST:
            kind.left_out += 1
            return False
        kind.passed += 1
        return True


def _kind_of(record: logging.LogRecord) -> object:
    raised = record.exc_info[0] if record.exc_info else None
    return record.name, record.msg, raised, repr(_extras(record))


def _extras(record: logging.LogRecord) -> Mapping[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _time_of(record: logging.LogRecord) -> str:
    return format_time(datetime.fromtimestamp(record.created, UTC))


def _traceback_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def _as_data(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
