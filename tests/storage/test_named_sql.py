"""Named SQL: read from files, each statement with a name and a description."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from offramp.storage import load_statements

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """-- name: one
-- The first.
SELECT 1;

-- name: two
-- The second;
-- in two lines.
SELECT
  2 -- not a header
;
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package to put `.sql` files in."""
    folder = tmp_path / "named_sql_sample"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    return folder


def test_statements_are_found_by_name(package: Path) -> None:
    """The text is the statement alone, without its header and its last semicolon."""
    (package / "good.sql").write_text(GOOD)
    statements = load_statements(package.name, "good.sql")
    assert dict(statements) == {"one": "SELECT 1", "two": "SELECT\n  2 -- not a header\n"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("-- name: one\nSELECT 1;\n", id="no description"),
        pytest.param("-- name: one\n-- The first.\n", id="no statement"),
        pytest.param("-- name: a\n-- A.\nSELECT 1;\n-- name: a\n-- B.\nSELECT 2;\n", id="twice"),
    ],
)
def test_an_unclear_statement_is_refused(package: Path, text: str) -> None:
    """A statement without name, description or text does not load."""
    (package / "bad.sql").write_text(text)
    with pytest.raises(ValueError, match=r"named_sql_sample/bad\.sql: '\w+' needs a unique name"):
        load_statements(package.name, "bad.sql")


def test_a_name_that_two_files_define_is_refused(package: Path) -> None:
    """A statement never replaces another one of its name that stands in another file."""
    (package / "good.sql").write_text(GOOD)
    (package / "again.sql").write_text("-- name: two\n-- Another.\nSELECT 3;\n")
    with pytest.raises(ValueError, match=r"again\.sql: 'two' needs a unique name"):
        load_statements(package.name, "good.sql", "again.sql")
