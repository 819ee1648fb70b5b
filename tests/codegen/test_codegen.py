"""Generated code has a file name and lines for as long as it exists, and no longer."""

from __future__ import annotations

import gc
import inspect
import linecache
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from offramp.codegen import Source
from offramp.place import place_in_plugin


def divider(title: str = "example") -> Callable[[Any], Any]:
    source = Source(title, one=1)
    with source.block("def divide(number):"):
        with source.block("if number is None:"):
            source.write("return one")
        source.write("return one / number")
    return source.function("divide")


def test_blocks_are_indented_by_where_they_are_written() -> None:
    """A line stands in the blocks that are open; its function can be read as any other."""
    assert inspect.getsource(divider()) == (
        "def divide(number):\n    if number is None:\n        return one\n    return one / number\n"
    )


def test_each_function_has_a_file_of_its_own() -> None:
    """Equal titles are told apart, and any text can be a title."""
    functions = [divider(title) for title in ("a", "a", "\0ключ\ud800")]
    files = [function.__code__.co_filename for function in functions]
    assert len(set(files)) == len(files)
    assert all(file.isascii() for file in files)
    assert all(linecache.getlines(file) for file in files)


def test_a_traceback_shows_the_line() -> None:
    """The line that raised is in the text, as it is of code in a file, and stays there."""
    with pytest.raises(ZeroDivisionError) as caught:
        divider()(0)
    linecache.checkcache()
    frame = traceback.extract_tb(caught.tb)[-1]
    assert (frame.name, frame.lineno, frame.line) == ("divide", 4, "return one / number")


def test_the_lines_go_when_the_function_does() -> None:
    """Years of configuration changes leave nothing behind, and need no garbage collector."""
    before = set(linecache.cache)
    for _ in range(100):
        divider()
    assert set(linecache.cache) == before


def test_a_traceback_outlives_the_function() -> None:
    """A configuration may change before an error of the one before it is logged."""
    with pytest.raises(ZeroDivisionError) as caught:
        divider()(0)
    gc.collect()
    assert "return one / number" in "".join(traceback.format_exception(caught.value))


def test_generated_code_is_no_plugin() -> None:
    """Whoever looks for the plugin in a traceback finds none in what the framework wrote."""
    scope: dict[str, Any] = {"__name__": "pinboard"}
    exec(compile("def run(divide):\n    divide(0)\n", "/x/pinboard.py", "exec"), scope)  # noqa: S102
    with pytest.raises(ZeroDivisionError) as caught:
        divider()(0)
    generated = caught.value.with_traceback(caught.tb.tb_next)
    assert place_in_plugin(generated) is None
    with pytest.raises(ZeroDivisionError) as caught:
        scope["run"](divider())
    assert (
        place_in_plugin(caught.value.with_traceback(caught.tb.tb_next)) == "pinboard.py:2, in run"
    )
