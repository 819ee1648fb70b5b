"""The process that times Offramp's own engine, asked as the peers are: a line in, a line out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.ours import Repeat, make_round
from offramp import _json
from offramp.host.loop import rest_garbage_collector


def timed(run: Callable[[], object], events: int, seconds: float) -> dict[str, Any]:
    """Run rounds for so long; answers how many events went through, and in what time."""
    count = 0
    started = time.perf_counter()
    while True:
        run()
        count += events
        passed = time.perf_counter() - started
        if passed >= seconds:
            return {"count": count, "seconds": passed}


def main() -> None:
    """Answer questions until there are no more."""
    rest_garbage_collector()  # as a host does
    run: Repeat | None = None
    events = 0
    for line in sys.stdin.buffer:
        request = _json.loads(line)
        if run is None or "measurement" in request:
            run, events = make_round(request), len(request["events"])
            answer = {"sample": run()}
        else:
            answer = timed(run, events, float(request["seconds"]))
        sys.stdout.buffer.write(_json.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
