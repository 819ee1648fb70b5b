"""Where in a plugin's own code something happened, as one phrase: `pinboard.py:42, in perform`."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import PurePath
from types import CodeType, TracebackType
from typing import Final

#: Roots of modules that stand between the host and a plugin, and are no plugin's own code.
_NOT_OF_PLUGINS: Final = sys.stdlib_module_names | {
    "offramp",
    "aiohttp",
    "attr",
    "attrs",
    "cattrs",
    "msgspec",
    "pluggy",
    "yarl",
}
#: What no coroutine and no generator may raise.
_ENDS_OF_ITERATION: Final = (StopIteration, StopAsyncIteration)


def place_of(code: CodeType, line: int) -> str:
    """A line of a function, for a person to find."""
    return f"{PurePath(code.co_filename).name}:{line}, in {code.co_name}"


def exception_text(error: BaseException) -> str:
    """An error in a line: its kind, its text, and the plugin's line, each where it can be had."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a plugin's exception may break even on being read
        text = ""
    place = place_in_plugin(error)
    return (f"{kind}: {text}" if text else kind) + ("" if place is None else f" ({place})")


def place_in_plugin(error: BaseException) -> str | None:
    """The innermost line of the plugin's own code that an error came through, if there is one.

    The plugin is the first code in the traceback that is not the framework's; a library that it
    calls is not its own. Of a group it is the line of the first error within that has one.
    """
    if isinstance(error, BaseExceptionGroup):
        places = map(place_in_plugin, leaves_of(error))
        return next((place for place in places if place is not None), None)
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, _ENDS_OF_ITERATION):
        # Python raised it in place of the cause, which came through the plugin's lines (PEP 479).
        return place_in_plugin(error.__cause__)
    found = None
    plugin = None
    for trace in _traces(error):
        root = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if plugin is None and root not in _NOT_OF_PLUGINS:
            plugin = root
        if plugin is not None and root == plugin:
            found = place_of(trace.tb_frame.f_code, trace.tb_lineno)
    return found


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """The errors within a group, at any depth and in order; any other error is the only one."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves_of(each)
    else:
        yield error


def _traces(error: BaseException) -> Iterator[TracebackType]:
    trace = error.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def full_traceback(error: BaseException) -> str:
    """Everything that Python tells of an error, its causes included; it may hold secrets."""
    return "".join(traceback.format_exception(error))
