"""Measured times stand in `docs/explanation/performance.md`, where a command makes them anew."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

#: A duration that somebody measured: `3.5 us`, `some 50 ms`; not a bound, as in `at most 10 ms`.
MEASURED = re.compile(r"\d\s?(?:\N{MICRO SIGN}s|us|ns)\b|\b(?:some|about|nearly) [\d.]+\s?ms\b")


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Each comment and docstring of a module, with its line."""
    text = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring is not None:
                yield node.body[0].lineno, docstring


def test_no_comment_tells_a_measured_time(modules: dict[str, Path]) -> None:
    """A figure in a comment ages in silence; the page of measurements is remade by a command."""
    found = {
        f"{name}:{line}": match[0]
        for name, path in modules.items()
        for line, text in texts_of(path)
        for match in [MEASURED.search(text)]
        if match
    }
    assert found == {}


def test_what_counts_as_measured() -> None:
    """The pattern tells measured times from bounds."""
    assert MEASURED.search("takes 3.5 \N{MICRO SIGN}s")
    assert MEASURED.search("some 50 ms of the writer")
    assert not MEASURED.search("at most 10 ms, as the protocol has it")
