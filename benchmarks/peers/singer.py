"""A sink of the Singer SDK, timed: validate and process, as a target does with each record.

Runs in an environment of its own, and so imports nothing of Offramp. A question is a case, or
`{seconds}`; each is one line of JSON, as is its answer.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

from singer_sdk.sinks import RecordSink  # type: ignore[import-not-found] # not in this venv
from singer_sdk.target_base import Target  # type: ignore[import-not-found] # nor is this


class Sink(RecordSink):  # type: ignore[misc] # its base is unknown here
    """Serialises each record."""

    made: ClassVar[list[str]] = []

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002
        """Serialise it, as the other engines do."""
        self.made[:] = [json.dumps(record, default=str)]


class MeasuredTarget(Target):  # type: ignore[misc] # its base is unknown here
    """The smallest target."""

    name = "target-measured"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}
    default_sink_class = Sink


def make_round(question: dict[str, Any]) -> Callable[[], Any]:
    """A round over records that are mapped already: a sink does not map."""
    sink = Sink(MeasuredTarget(config={}), "usage", question["schema"], None)
    texts = question["payloads"]

    def run() -> Any:
        for text in texts:
            record = json.loads(text)
            sink._validate_and_parse(record)  # noqa: SLF001 - as a target does
            sink.process_record(sink.preprocess_record(record, {}), {})
        return json.loads(Sink.made[0])

    return run


def main() -> None:
    """Answer questions until there are no more."""
    run: Callable[[], Any] = dict
    count = 1
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        if "measurement" in request:
            run, count = make_round(request), len(request["payloads"])
            answer = {"sample": run()}
        else:
            started, done = time.perf_counter(), 0
            while (passed := time.perf_counter() - started) < request["seconds"]:
                run()
                done += count
            answer = {"count": done, "seconds": passed}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
