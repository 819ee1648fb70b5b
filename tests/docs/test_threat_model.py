"""The threat model, held to the tests and the numbers that it names."""

from __future__ import annotations

import re
from functools import cache

import attrs
import pytest
from tests.docs.pages import CHECKOUT, read_page, rows, section

from offramp.api.tokens import TOKEN_BYTES
from offramp.collector import Limits
from offramp.config import Source
from offramp.event import (
    DELETE,
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    Discard,
)
from offramp.event.spec import MAX_PROPERTIES
from offramp.http import DEFAULT_TIMEOUT
from offramp.http.masking import SHORTEST_SECRET
from offramp.http.transport import MAX_RESPONSE_BYTES
from offramp.queue import Retention
from offramp.queue.limits import DAY_S
from offramp.storage.files import FILE_MODE, FOLDER_MODE

PAGE = read_page("explanation/threat-model.md")


@cache
def names_of_tests() -> frozenset[str]:
    """Every test function of both distributions."""
    found: set[str] = set()
    for folder in (CHECKOUT / "tests", CHECKOUT / "destinations"):
        for path in folder.rglob("test_*.py"):
            found.update(re.findall(r"def (test_\w+)\(", path.read_text()))
    return frozenset(found)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", PAGE))))
def test_every_proof_is_a_test_that_there_is(name: str) -> None:
    """A claim of the threat model stands on a test."""
    assert name in names_of_tests()


def test_what_holds_without_a_test_says_what_remains() -> None:
    """A row without a proof leaves nobody in safety: it tells what remains."""
    threats = [row for row in rows(PAGE) if len(row) == 4]
    assert threats
    assert [row[0] for row in threats if not row[2] and not row[3]] == []


@pytest.mark.parametrize(
    "sentence",
    [
        f"a bearer token of {TOKEN_BYTES} random bytes",
        f"folder {FOLDER_MODE:04o}, files {FILE_MODE:04o}",
        f"fewer than {SHORTEST_SECRET} characters is not masked",
        f"{MAX_EVENT_BYTES // 1024} KB an event, {MAX_BATCH_BYTES // 1024} KB",
        f"{MAX_BATCH_EVENTS:,} events a batch",
        f"{Limits().read_seconds:g} seconds to arrive",
        f"{MAX_DEPTH} levels, {MAX_PROPERTIES:,} keys",
        f"{DEFAULT_TIMEOUT.total_seconds():g} seconds a request",
        f"beyond {MAX_RESPONSE_BYTES // 1_000_000} MB",
        f"kept for {Retention().delivered / DAY_S:g} days",
        f"of the rest for {Retention().dead / DAY_S:g}",
    ],
)
def test_every_number_is_that_of_the_code(sentence: str) -> None:
    """A bound on the page is the constant's."""
    assert sentence in PAGE


def test_who_may_ask_for_a_deletion_is_told_with_its_proofs() -> None:
    """The row on requests to delete users names type, option and refusal as the code does."""
    found = rows(section(PAGE, "Spoofing: a false identity"))
    [row] = [each for each in found if "delete a user" in each[0]]
    _, protection, proofs, remains = row
    option = attrs.fields(Source).server_side
    assert f"`{option.name} = true`" in protection
    assert option.default is False
    assert f"an event of type `{DELETE}`" in protection
    assert f"refused with `{Discard.DELETE_NOT_ALLOWED}`" in protection
    assert "`test_in_a_batch_only_the_deletion_is_refused`" in proofs
    assert "a page's key must never be of such a source" in remains
