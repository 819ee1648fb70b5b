"""The README's tables are what `offramp docs` writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_has_the_page_of_the_destination() -> None:
    """Whoever changes a field runs the command again, and no table is out of date."""
    offramp = Path(sys.executable).with_name("offramp")
    page = subprocess.check_output([offramp, "docs", "metronome-actions"], text=True)
    title, _, tables = page.partition("## Settings")
    assert title.startswith("# Metronome (Actions)")
    assert README.read_text().endswith(
        f"`offramp docs metronome-actions`. -->\n\n## Settings{tables}"
    )
