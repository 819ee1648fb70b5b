"""Pages of documentation as data: sections, tables, fenced blocks, links."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
#: `[text](target)`, not an image's.
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def read_page(path: str) -> str:
    """A page by its path below `docs/`."""
    return (DOCS / path).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    _, found, rest = page.partition(f"\n## {heading}\n")
    assert found, f"there is no section {heading!r}"
    return rest.partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of a text's tables, without the lines above the dashes."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    dashes = {number for number, line in enumerate(lines) if set(line) <= set("|-: ")}
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for number, line in enumerate(lines)
        if not {number, number + 1} & dashes
    ]


def blocks(page: str, language: str) -> list[str]:
    """The texts of a page's fenced blocks in one language."""
    return [text for found, text in _FENCE.findall(page) if found == language]


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page)


def anchors(page: str) -> set[str]:
    """The anchors that a page's headings get."""
    return {_anchor(heading) for heading in _HEADING.findall(prose(page))}


def links(page: str) -> list[str]:
    """The targets of a page's links."""
    return _LINK.findall(prose(page))


def images(page: str) -> list[tuple[str, str]]:
    """What each picture of a page shows, in words, and its path."""
    return _IMAGE.findall(prose(page))


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@attrs.frozen
class Session:
    """One command of a console block, and what the page says it prints."""

    command: str
    output: str


def sessions(page: str) -> list[Session]:
    """Each command after a `$` in the page's console blocks, its continued lines joined."""
    found = []
    for text in blocks(page, "console"):
        _, *parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
        for part in parts:
            command, _, output = part.replace("\\\n", " ").partition("\n")
            found.append(Session(" ".join(command.split()), output))
    return found
