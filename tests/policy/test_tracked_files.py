"""What is under version control speaks of Offramp alone, and holds on any machine."""

from __future__ import annotations

import re

import pytest

#: Where packages come from is each machine's own business.
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|registry\.yarnpkg|(?:deb|security)\.debian\.org"
    r"|proxy\.golang\.org|(?:static\.)?crates\.io|rubygems\.org|/simple/[a-z]|[-]-(?:extra-)?index-url"
    r"|[-]-find-links",
    re.IGNORECASE,
)
#: Who or what wrote a line, and from which notes, is no part of it. Each pattern is spelled so
#: that it does not match itself.
MAKERS = re.compile(
    r"\bA[I]\b|\bLL[M]s?\b|\bClaud[e]\b|\bAnthropi[c]\b|\bOpenA[I]\b|\bCopilo[t]\b|\bChatGP[T]\b"
    r"|\bsub-?agent[s]?\b|\bcoding agent[s]?\b|\bagent session[s]?\b"
    r"|\b[D]ESIGN\.md\b|\b[B]RIEF\.md\b|(?<![\w/-])[s]hared/(?:reference|hooks)|(?<![\w.])/[w]ork/"
    r"|(?<![\w.])/[t]mp/"
    r"|(?i:\b(?:issue|pull request|PR|closes|fixes|refs) #\d)",
)
#: The names of the destinations in this checkout; a webhook may be anybody's.
DESTINATIONS = re.compile(r"metronome|offramp[-_]webhook|hubspot", re.IGNORECASE)
#: Not ours to word.
FOREIGN = "LICENSE"


@pytest.mark.parametrize(
    "forbidden", [REGISTRIES, MAKERS], ids=["addresses of registries", "makers"]
)
def test_tracked_files_speak_of_offramp_alone(
    tracked: dict[str, str], forbidden: re.Pattern[str]
) -> None:
    """No registry is named, and nothing tells of the making: the project is its own subject."""
    found = [
        f"{name}:{number}: {match.group()!r} in {line.strip()[:80]!r}"
        for name, text in tracked.items()
        if not name.endswith(FOREIGN)
        for number, line in enumerate(text.splitlines(), start=1)
        for match in [forbidden.search(line)]
        if match
    ]
    assert not found, "\n" + "\n".join(found)


def test_the_framework_names_no_destination(tracked: dict[str, str]) -> None:
    """What the framework knows of a destination, every destination can tell it."""
    named = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked.items()
        if name.startswith("framework/")
        for number, line in enumerate(text.splitlines(), start=1)
        if DESTINATIONS.search(line)
    ]
    assert not named, "\n" + "\n".join(named)


def test_all_licences_are_the_same_whole_text(tracked: dict[str, str]) -> None:
    """Each distribution carries the full Apache License 2.0."""
    licence = tracked["LICENSE"]
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence
    for destination in ("metronome", "webhook", "hubspot", "segment"):
        assert tracked[f"destinations/{destination}/LICENSE"] == licence
