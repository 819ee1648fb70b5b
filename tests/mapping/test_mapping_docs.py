"""The examples of the reference page are true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from offramp import _json
from offramp.mapping import BUILTIN_DIRECTIVES, transform
from offramp.mapping.budget import MAX_CHARACTERS, MAX_STEPS
from offramp.mapping.check import MAX_DEPTH
from offramp.mapping.compiler import FREE_PLACEHOLDERS
from offramp.mapping.directives.replace import MAX_REPLACE_LENGTH
from offramp.mapping.liquid.filters import FILTERS
from offramp.mapping.liquid.parse import MAX_TEMPLATE_LENGTH, available_tags

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "mapping.md").read_text()
EXAMPLES = [_json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_its_result(example: dict[str, Any]) -> None:
    """Each JSON block holds a mapping, an event and what the one makes of the other."""
    result = transform(example["mapping"], example["event"])
    assert _json.dumps(result) == _json.dumps(example["result"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program: str) -> None:
    """Each Python block runs by itself, its assertions included."""
    exec(compile(program, "mapping.md", "exec"), {})  # noqa: S102 - our own page


@pytest.mark.parametrize("name", sorted(BUILTIN_DIRECTIVES))
def test_each_directive_has_a_heading_and_an_example(name: str) -> None:
    """Nobody has to guess what a directive takes."""
    assert f"\n### {name}\n" in PAGE
    assert any(f'"{name}"' in _json.dumps(example["mapping"]).decode() for example in EXAMPLES)


def test_the_page_names_every_tag_and_filter_and_no_other() -> None:
    """The lists are those of the engine."""
    [tags] = re.findall(r"^- Tags: (.*)\.$", PAGE, re.MULTILINE)
    [filters] = re.findall(r"^- Filters: (.*?)\. A filter", PAGE, re.MULTILINE)
    assert re.findall(r"`(.*?)`", tags) == available_tags()
    assert re.findall(r"`(.*?)`", filters) == sorted(FILTERS)


def test_the_page_tells_the_limits_as_they_are() -> None:
    """A changed limit is a changed page."""
    assert f"at most {MAX_DEPTH} levels" in PAGE
    assert f"at most {MAX_REPLACE_LENGTH} characters" in PAGE
    assert f"at most {MAX_TEMPLATE_LENGTH:,} characters" in PAGE
    assert f"{MAX_STEPS:,} steps and {MAX_CHARACTERS:,} characters" in PAGE
    assert f"The first {FREE_PLACEHOLDERS} placeholders" in PAGE
