"""Writes the rows of the page on differences: `python -m tests.conformance.page`."""

from __future__ import annotations

import re

from tests.conformance.differences import Row
from tests.conformance.kinds import KINDS, Case
from tests.conformance.rows import ROWS
from tests.conformance.segment import HERE

from offramp import _json

PAGE = HERE.parents[1] / "docs" / "explanation" / "segment-differences.md"
#: Which rows stand under which heading: by their first kind.
SECTIONS = {
    "transform": "mappings",
    "action": "actions",
    "check": "fields",
    "match": "triggers",
    "generate": "triggers written from trees",
    "evaluate": "trees",
    "metronome": "Metronome",
}
HEADER = "| | Segment | Offramp | Why | Example |\n|---|---|---|---|---|\n"
#: What an example does not show: how a field is described, and events that matter in no way.
_UNSHOWN = re.compile(r'"label":"L","description":"D",')


def rows_of_page(rows: tuple[Row, ...]) -> list[str]:
    """The tables, each with all of its rows."""
    tables = []
    for kind in SECTIONS:
        lines = [_line(row) for row in rows if row.kinds[0] == kind]
        if lines:
            tables.append(HEADER + "\n".join(lines) + "\n")
    return tables


def _line(row: Row) -> str:
    cells = (f"`{row.id}`", row.segment, row.offramp, row.why, _example(row.example))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _example(case: Case) -> str:
    spec = next(case[part] for part in ("trigger", "tree", "fields", "mapping") if part in case)
    parts = [_shown(spec)]
    if "fields" in case and "mapping" in case:
        parts.append(_shown(case["mapping"]))
    inputs = KINDS[case["kind"]].inputs
    if inputs and case["kind"] != "metronome":
        parts.append(_shown(case[inputs][0]))
    if case["kind"] == "metronome":
        parts = [_shown(case["events"][0])]
    return " on ".join(parts)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else _json.dumps(value).decode()
    text = _UNSHOWN.sub("", text)
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def write() -> None:
    """Put the tables between their markers."""
    page = PAGE.read_text()
    for name, table in zip(_markers(), rows_of_page(ROWS), strict=True):
        pattern = re.compile(rf"(<!-- rows: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        found = pattern.search(page)
        assert found, name
        page = page[: found.end(1)] + table + page[found.start(2) :]
    PAGE.write_text(page)


def _markers() -> list[str]:
    kinds = {row.kinds[0] for row in ROWS}
    return [name for kind, name in SECTIONS.items() if kind in kinds]


if __name__ == "__main__":
    write()
