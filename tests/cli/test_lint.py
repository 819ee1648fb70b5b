"""`offramp lint`: what type checkers cannot see, found in modules that are data."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

import pytest
from tests.cli.conftest import Offramp
from tests.cli.linted import MODULES

OWN = sorted((Path(__file__).parents[2] / "destinations").glob("*/offramp_*"))
#: A name for each module, since Python keeps those that are imported.
_NUMBERS = {name: number for number, name in zip(count(), MODULES, strict=False)}


def written(folder: Path, name: str) -> Path:
    path = folder / f"linted_{_NUMBERS[name]}.py"
    path.write_text(MODULES[name])
    return path


@pytest.mark.parametrize("name", MODULES)
def test_each_mistake_is_found_where_it_is(offramp: Offramp, tmp_path: Path, name: str) -> None:
    """Each line that is marked has its finding, with a remedy; the right ones beside it none."""
    path = written(tmp_path, name)
    expected = [
        (number, found[1])
        for number, line in enumerate(MODULES[name].splitlines(), start=1)
        if (found := re.search(r"# ! ([\w-]+)", line))
    ]
    result = offramp("lint", path, "--json")
    assert [(each["line"], each["code"]) for each in result.lines] == expected
    for each in result.lines:
        assert each["file"] == str(path)
        assert ": " in each["message"]
    assert result.status == (1 if expected else 0)


def test_a_finding_is_a_line_that_editors_open(offramp: Offramp, tmp_path: Path) -> None:
    """File, line and column are as compilers write them; the message says what to write."""
    path = written(tmp_path, "sleeping")
    first, second = offramp("lint", path).out.splitlines()
    line = MODULES["sleeping"].splitlines().index("    time.sleep(1)  # ! blocking-call") + 1
    assert first == (
        f"{path}:{line}:5: blocking-call: time.sleep blocks every delivery of the host while "
        "perform runs: write `await asyncio.sleep(...)`"
    )
    assert second.startswith(f"{path}:{line + 1}:5: ")


def test_a_folder_is_linted_with_all_its_modules(offramp: Offramp, tmp_path: Path) -> None:
    """Findings are in the order of files and lines, whichever rule finds them."""
    paths = [written(tmp_path, name) for name in ("sleeping", "values in a query")]
    found = offramp("lint", tmp_path, "--json").lines
    assert [each["file"] for each in found] == [str(paths[0])] * 2 + [str(paths[1])]


def test_a_package_of_the_working_directory_is_found_by_name(
    offramp: Offramp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A destination under work need not be installed, and its modules import each other."""
    package = tmp_path / "linted_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text('SLUG = "notes"\n')
    text = MODULES["secrets that nobody can test"]
    (package / "notes.py").write_text(f"from linted_package.names import SLUG\n{text}")
    monkeypatch.chdir(tmp_path)
    [found] = offramp("lint", "linted_package", "--json").lines
    assert (Path(found["file"]).name, found["code"]) == ("notes.py", "untested-secret")


@pytest.mark.parametrize("package", OWN, ids=lambda path: path.name)
def test_our_own_destinations_have_no_findings(offramp: Offramp, package: Path) -> None:
    """They are the patterns to copy."""
    result = offramp("lint", package)
    assert (result.status, result.out, result.err) == (0, "", "")


def test_there_are_own_destinations() -> None:
    """A folder that is moved does not take its test away."""
    assert {"offramp_metronome", "offramp_webhook", "offramp_hubspot"} <= {p.name for p in OWN}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", ":1: is not Python: invalid syntax"),
        ("from offramp import Destination\nDestination(slug=1)\n", "cannot be imported: TypeError"),
    ],
    ids=["no Python", "a wrong declaration"],
)
def test_a_module_that_cannot_be_read_is_named(
    offramp: Offramp, tmp_path: Path, text: str, message: str
) -> None:
    """Nothing is linted, the status is 2, and the file is named."""
    path = tmp_path / "unreadable.py"
    path.write_text(text)
    result = offramp("lint", path)
    assert (result.status, result.out) == (2, "")
    assert f"{path}" in result.err
    assert message in result.err


@pytest.mark.parametrize("name", ["nowhere_to_be_found", "no.such.module", "no/such/file.py"])
def test_a_module_that_is_not_there_is_told(offramp: Offramp, name: str) -> None:
    """The message says what can be given."""
    result = offramp("lint", name)
    assert result.status == 2
    assert f"there is no module or file '{name}'" in result.err
