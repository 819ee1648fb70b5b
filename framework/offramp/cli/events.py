"""Reads events from standard input and writes results: one JSON text per line."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from offramp import _json
from offramp.errors import EventError, Fault
from offramp.event import ID_KEYS


def read_events(stream: Iterable[bytes] | None = None) -> Iterator[dict[str, Any]]:
    """Read one event per line; raises `EventError` that names the invalid line."""
    for number, line in enumerate(sys.stdin.buffer if stream is None else stream, start=1):
        if not line.strip():
            continue
        try:
            event = _json.loads(line, exact=ID_KEYS)
        except _json.HalfCharacterError as error:
            place = f"line {number}, {error.place}"
            raise EventError([Fault(place, str(error))], reason="bad_request") from None
        except ValueError as error:
            raise EventError([Fault(f"line {number}", str(error))], reason="bad_request") from None
        if not isinstance(event, dict):
            message = "an event is a JSON object on a line of its own"
            raise EventError([Fault(f"line {number}", message)], reason="bad_request")
        yield event


def write_line(value: Any, stream: BinaryIO | None = None) -> None:
    """Write a value as a line of JSON; raises `BrokenPipeError` if the reader has gone."""
    out = sys.stdout.buffer if stream is None else stream
    out.write(_json.dumps(value) + b"\n")
    out.flush()
