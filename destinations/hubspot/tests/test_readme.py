"""The README's tables list what is declared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from offramp import Action
from offramp_hubspot import hubspot
from offramp_hubspot.api import VERSION

README = (Path(__file__).parents[1] / "README.md").read_text()
#: The rows of a table: the cells of a first column that are code, and what follows.
_ROW = re.compile(r"^ *\| (?P<first>`[^|]+`[^|]*) \|(?P<rest>.*)\|$", re.MULTILINE)


def table_after(text: str) -> list[str]:
    """The code in the first column of the first table after a text."""
    rest = README[README.index(text) :]
    table = rest[rest.index("| ") :].partition("\n\n")[0]
    return [code for row in _ROW.finditer(table) for code in re.findall("`([^`]+)`", row["first"])]


@pytest.mark.parametrize("action", hubspot.actions, ids=lambda action: action.slug)
def test_every_field_is_listed(action: type[Action[Any, Any]]) -> None:
    """In the order of the form."""
    assert table_after(f"`{action.slug}` ") == list(action.fields)


def test_every_setting_is_listed() -> None:
    """By its wire name."""
    assert table_after("## Settings") == ["userIdProperty"]


def test_every_sync_mode_is_listed() -> None:
    """Those of both actions, which are the same."""
    modes = [{mode for mode, _ in a.sync_mode.choices} for a in hubspot.actions if a.sync_mode]
    assert modes == [{*table_after("The sync mode of the subscription")}] * 2


def test_the_version_is_the_one_that_is_used() -> None:
    """The documentation that was read is that of the API that is called."""
    assert f"version {VERSION} of the API" in README
