"""The reference of the command line names every command and every option, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from offramp.cli.context import Context
from offramp.cli.program import make_program

PAGE = Path(__file__).parents[2].joinpath("docs", "reference", "cli.md").read_text()
#: What plugins add is theirs to document.
OF_PLUGINS = {"demo", "metronome-emulator"}
SECTION = re.compile(r"^## `offramp ([\w-]+)[^`]*`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall(PAGE))
#: What all commands share that ask a running host.
SHARED = PAGE.partition("## Which host\n")[2].partition("\n## ")[0]


def options_of(name: str) -> set[str]:
    """The long options of a command."""
    arguments = make_program(Context())[name].assemble_argument_collection()
    named = [argument for argument in arguments if argument.index is None]
    return {option for argument in named for option in argument.names if option[:2] == "--"}


def commands() -> set[str]:
    own = {name for name in make_program(Context()) if not name.startswith("-")}
    return own - OF_PLUGINS


def test_every_command_has_its_section() -> None:
    """And no section is about one that is gone."""
    assert set(SECTIONS) == commands()


def test_every_command_that_asks_a_host_is_listed() -> None:
    """Those that have the option `--url`, and no other."""
    listed = set(re.findall(r"`([\w-]+)`", SHARED.partition(" call a running host ")[0]))
    assert listed == {name for name in commands() if "--url" in options_of(name)}


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_named(name: str) -> None:
    """In the section of its command, or among those that all live commands share."""
    shared = set(re.findall(r"^\| `(--[\w-]+)`", SHARED, re.MULTILINE))
    named = set(re.findall(r"`(--[\w-]+)", SECTIONS[name]))
    options = options_of(name)
    assert options - shared <= named, options - shared - named
    assert named - shared <= options, named - shared - options
