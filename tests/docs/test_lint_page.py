"""The page on `offramp lint`: each code has an example that is found, and a right one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.linted import MODULES
from tests.docs.pages import blocks, read_page, section

from offramp.cli.lint import lint_module

PAGE = read_page("reference/lint.md")
CODES = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)


def test_every_code_is_on_the_page() -> None:
    """Whoever meets a code can read what it means; the tests of the command have all of them."""
    used = {code for text in MODULES.values() for code in re.findall(r"# ! ([\w-]+)", text)}
    assert set(CODES) == used


@pytest.mark.parametrize("code", CODES)
def test_the_examples_are_as_the_page_says(tmp_path: Path, code: str) -> None:
    """The first example of a code has it and no other; the second has none."""
    wrong, right = blocks(section(PAGE, code), "python")
    for name, text, expected in (("wrong", wrong, {code}), ("right", right, set())):
        path = tmp_path / f"{name}_{code.replace('-', '_')}.py"
        path.write_text(text)
        assert {each.code for each in lint_module(str(path))} == expected
