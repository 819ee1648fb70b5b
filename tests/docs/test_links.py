"""Links between pages lead somewhere, and every page is on the map."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import CHECKOUT, DOCS, anchors, images, links

PAGES = [*sorted(DOCS.rglob("*.md")), CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md"]


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere in the checkout."""
    found = []
    for link in links(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    """A reader who follows a link arrives."""
    assert broken(page) == []


def test_the_map_shows_every_page() -> None:
    """No page has to be found by chance: the index leads to each."""
    index = DOCS / "index.md"
    shown = {
        (DOCS / link.partition("#")[0]).resolve()
        for link in links(index.read_text(encoding="utf-8"))
    }
    assert [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page != index] == [
        str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if page in shown
    ]


def test_every_picture_is_there_and_said_in_words() -> None:
    """No picture is broken, none is left over, and each says what it shows."""
    shown = {
        (page.parent / path).resolve(): words
        for page in PAGES
        for words, path in images(page.read_text(encoding="utf-8"))
    }
    assert set(shown) == set((DOCS / "images").iterdir())
    assert [path.name for path, words in shown.items() if not words] == []
