"""Sets up the process of a host: the fastest event loop, and less frequent garbage collection."""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

try:
    import uvloop
except ImportError:  # the `speed` extra is not installed
    _new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    _new_loop = uvloop.new_event_loop

P = ParamSpec("P")
R = TypeVar("R")

#: New containers before a garbage collection. Python's default of 700 is reached with each batch;
#: events have no reference cycles, and the collections took a quarter of the delivery time.
GARBAGE_THRESHOLDS: Final = (50_000, 20, 50)
#: Seconds after which a busy thread lets another one run. Python's default of 5 ms is as long as a
#: commit, but the threads of the store need the interpreter only briefly between statements.
SWITCH_SECONDS: Final = 0.000_5


def on_fastest_loop(command: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Make a synchronous command of an asynchronous one; it runs on uvloop if that is installed."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        rest_garbage_collector()
        sys.setswitchinterval(SWITCH_SECONDS)
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(command(*arguments, **options))

    return run


def rest_garbage_collector() -> None:
    """Collect garbage less often, and exclude all objects that exist now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
