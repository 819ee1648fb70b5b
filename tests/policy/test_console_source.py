"""The source of the console follows the rules of the rest: sizes, first lines, safe texts."""

from __future__ import annotations

import re

import pytest

FOLDER = "framework/console/"
MAX_LINES = 400
#: Written by `make types`.
GENERATED = "framework/console/src/api-types.ts"
#: A comment that begins with the reason why the file exists.
FIRST_LINE = re.compile(r"(//|/\*) [A-Z].+[.*/:]")
#: What would put a text of an event, a partner or a plugin into the page as markup or as code.
UNSAFE = re.compile(
    r"dangerouslySetInnerHTML|\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\("
    r"|new Function\("
)
#: An address of another host; a namespace or an example is none.
ADDRESS = re.compile(r"""(?:src|href|fetch\(|import )=?["'(\s]*https?://""")


@pytest.fixture(scope="module")
def sources(tracked: dict[str, str]) -> dict[str, str]:
    """Path -> text, of every file that a person writes."""
    found = {
        name: text
        for name, text in tracked.items()
        if name.startswith(FOLDER)
        and name.endswith((".ts", ".tsx", ".mjs", ".css"))
        and name != GENERATED
    }
    assert len(found) > 10
    return found


def test_no_file_is_long(sources: dict[str, str]) -> None:
    """A file above 400 lines has more than one reason to exist."""
    counted = {name: len(text.splitlines()) for name, text in sources.items()}
    assert {name: lines for name, lines in counted.items() if lines > MAX_LINES} == {}


def test_each_file_says_first_why_it_exists(sources: dict[str, str]) -> None:
    """The first line is a comment, as it is a docstring in Python."""
    first = {name: text.partition("\n")[0] for name, text in sources.items()}
    assert {name: line for name, line in first.items() if not FIRST_LINE.match(line)} == {}


@pytest.mark.parametrize("forbidden", [UNSAFE, ADDRESS], ids=["texts as code", "other hosts"])
def test_texts_stay_texts_and_nothing_is_loaded_from_elsewhere(
    sources: dict[str, str], forbidden: re.Pattern[str]
) -> None:
    """The policy of the served pages forbids it in a browser; here it is found before."""
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in sources.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("forbidden", "line"),
    [
        (UNSAFE, "<p dangerouslySetInnerHTML={{ __html: event.name }} />"),
        (UNSAFE, "box.innerHTML = name;"),
        (ADDRESS, '<script src="https://cdn.example/x.js">'),
        (ADDRESS, 'await fetch("https://example.com")'),
    ],
)
def test_what_is_forbidden_is_found(forbidden: re.Pattern[str], line: str) -> None:
    """The patterns match what they are for."""
    assert forbidden.search(line)
