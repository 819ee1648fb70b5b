"""Commands that the pages show: each exists, and so does every option that it is given."""

from __future__ import annotations

import re
import shlex
from functools import cache

import pytest
from tests.docs.pages import DOCS, read_page, sessions

from offramp.cli.context import Context
from offramp.cli.program import make_program

PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
#: What stands between two commands of a line.
BETWEEN = re.compile(r"\||;|&&|\bdo\b|\bdone\b")


def commands() -> list[tuple[str, str]]:
    """`(page, command)` for each `offramp` command in the console blocks of all pages."""
    found = []
    for page in PAGES:
        for session in sessions(read_page(page)):
            outside = re.sub(r"'[^']*'", "''", session.command)
            for part in BETWEEN.split(outside):
                words = re.sub(r"^sudo (-u \w+ )?", "", part.strip()).split()
                if words and words[0].rpartition("/")[2] == "offramp":
                    found.append((page, " ".join(words[1:])))
    return found


@cache
def help_of(command: str) -> str:
    """The names and help of a command's parameters."""
    app = make_program(Context())[command]
    arguments = app.assemble_argument_collection()
    return " ".join(name for argument in arguments for name in argument.names)


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_has_the_options_it_is_shown_with(page: str, command: str) -> None:
    """Nobody who copies a line from a page hears of an unknown command or option."""
    name, *words = shlex.split(re.split(r"\s[<>]", command)[0])
    known = help_of(name).split()
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert [option for option in options if option not in known] == []


def test_there_are_commands() -> None:
    """The pages that an operator reads show commands, and they are found."""
    shown = {page for page, _ in commands()}
    assert {"how-to/operate.md", "how-to/incidents.md", "how-to/replay.md"} <= shown


@pytest.mark.parametrize("page", ["how-to/operate.md", "how-to/incidents.md", "how-to/replay.md"])
def test_outputs_fit_a_terminal(page: str) -> None:
    """Tables that a command prints were taken at 100 columns."""
    lines = [line for each in sessions(read_page(page)) for line in each.output.splitlines()]
    long = [line for line in lines if len(line) > 100 and line.startswith("metronome/")]
    assert long == []
