"""The tutorial, followed to the letter: its files written, its commands run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CLI = "from offramp.cli import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's files, and the package installed beside them."""
    folder = tmp_path_factory.mktemp("tutorial")
    blocks = BLOCK.findall(TUTORIAL.read_text())
    assert [name for name, _ in blocks] == [
        "pyproject.toml",
        "offramp_pinboard.py",
        "test_pinboard.py",
        "offramp.toml",
    ]
    for name, text in blocks:
        (folder / name).write_text(text)
    # What `pip install -e .` leaves behind for the entry point, without asking an index.
    info = folder / "offramp_pinboard-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: offramp-pinboard\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text("[offramp]\npinboard = offramp_pinboard\n")
    return folder


def run(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        "PINBOARD_KEY": "key-of-the-shell",
        "COLUMNS": "120",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        input=stdin,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_the_destination_stands_in_the_catalog(folder: Path) -> None:
    """Step 3: the catalog shows settings, fields and the preset."""
    shown = run(folder, "-c", CLI, "catalog", "pinboard")
    assert shown.returncode == 0, shown.stderr
    for word in ("apiKey", "$.messageId", "Pin all tracks", "datetime"):
        assert word in shown.stdout


def test_its_tests_pass(folder: Path) -> None:
    """Step 4: the suite and the author's own test pass in a project of their own."""
    result = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pinboard.py")
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(r"(\d+) passed", result.stdout)
    assert passed is not None
    assert int(passed[1]) > 5


def test_an_event_is_explained(folder: Path) -> None:
    """Step 5: the configuration is good, and the explanation shows the request, key masked."""
    good = run(folder, "-c", CLI, "check", "offramp.toml")
    assert good.returncode == 0, good.stderr
    assert good.stderr == ""  # no warning
    answer = run(
        folder,
        "-c",
        CLI,
        "explain",
        "--config",
        "offramp.toml",
        stdin='{"event": "Signed Up", "userId": "ada"}\n',
    )
    assert answer.returncode == 0, answer.stderr
    assert "Signed Up by ada" in answer.stdout
    assert "PUT https://api.pinboard.example/boards/main/notes/" in answer.stdout
    assert "key-of-the-shell" not in answer.stdout
