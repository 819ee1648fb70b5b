"""The process of a host: the fastest event loop there is, and a collector of garbage that rests."""

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

#: New containers before the garbage collector looks at them; Python's own 700 is one event batch.
#: Events hold no cycles, and looking took a quarter of the time of delivering them.
GARBAGE_THRESHOLDS: Final = (50_000, 20, 50)
#: After so many seconds a busy thread lets another one run; Python's own 5 ms is what a commit
#: takes. The threads of the store need the interpreter for moments only, between two statements.
SWITCH_SECONDS: Final = 0.000_5


def on_fastest_loop(command: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Make a command that runs a host out of an asynchronous one: uvloop where it is installed."""

    @functools.wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        rest_garbage_collector()
        sys.setswitchinterval(SWITCH_SECONDS)
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(command(*arguments, **options))

    return run


def rest_garbage_collector() -> None:
    """Let the garbage collector look less often, and never again at what is loaded by now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
