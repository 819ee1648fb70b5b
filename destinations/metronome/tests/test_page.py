"""The README's tables are what `offramp docs` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from offramp.cli.program import run

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_has_the_page_of_the_destination(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever changes a field runs the command again, and no table is out of date."""
    assert run(["docs", "metronome-actions"]) == 0
    title, _, tables = capsys.readouterr().out.partition("## Settings")
    assert title.startswith("# Metronome (Actions)")
    assert README.read_text().endswith(
        f"`offramp docs metronome-actions`. -->\n\n## Settings{tables}"
    )
