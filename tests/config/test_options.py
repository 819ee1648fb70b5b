"""Options: what a class declares is what is read, written, shown and refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from offramp import option
from offramp.config.options import (
    keys_of,
    read_options,
    reference_rows,
    show_options,
    write_options,
)
from offramp.config.table import Table, plain_data
from offramp.definition import options_of
from offramp.errors import DefinitionError, Fault

FOLDER = Path("/etc/offramp")


@attrs.frozen
class Signing:
    """One option of each type."""

    key: str = option(description="what signs", secret=True, required="write a key")
    algorithm: Literal["sha256", "sha512"] = option(default="sha256", description="which hash")
    strict: bool = option(default=False, description="whether all is signed")
    proof: bool | str = option(default=True, description="whether, or where, it is kept")
    keys_kept: int = option(default=2, minimum=1, maximum=9, unit="keys", description="old keys")
    cache: int = option(
        default=2**20, unit="bytes", minimum=1, description="what is kept in memory"
    )
    share: float = option(default=0.5, description="how much is signed")
    patience: timedelta = option(default=timedelta(seconds=10), description="how long to wait")
    kept: timedelta = option(default=timedelta(days=7), unit="days", description="how long to keep")
    log: Path = option(default=Path("signed.log"), description="where it is written")
    headers: tuple[str, ...] = option(default=(), description="what is signed too", key="also")


def read(written: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    faults: list[Fault] = []
    table = Table(plain_data(written, "", faults), "plugins.sign", faults, keys=keys_of(Signing))
    values = read_options(Signing, table, folder=FOLDER)
    return values, [(fault.place, fault.message) for fault in faults]


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("key", "env:KEY", "env:KEY"),
        ("algorithm", "sha512", "sha512"),
        ("strict", True, True),
        ("proof", False, False),
        ("proof", "a text", "a text"),
        ("keys_kept", 9, 9),
        ("cache", 4096, 4096),
        ("cache", "512 MiB", 512 * 2**20),
        ("cache", "2gib", 2 * 2**30),
        ("share", 1, 1.0),
        ("patience", 90, timedelta(seconds=90)),
        ("patience", "90s", timedelta(seconds=90)),
        ("patience", "1.5h", timedelta(minutes=90)),
        ("kept", 2, timedelta(days=2)),
        ("kept", "24h", timedelta(days=1)),
        ("log", "a.log", FOLDER / "a.log"),
        ("log", "/var/a.log", Path("/var/a.log")),
        ("also", ["date"], ("date",)),
    ],
)
def test_an_option_is_read_as_its_type(key: str, written: Any, value: Any) -> None:
    """Sizes and durations may be written as numbers or as text, paths start at the file."""
    values, faults = read({"key": "k", key: written})
    assert faults == []
    assert values["headers" if key == "also" else key] == value


@pytest.mark.parametrize(
    ("key", "written", "message"),
    [
        ("key", "", "is empty"),
        ("algorithm", "md5", "must be one of sha256, sha512"),
        ("strict", "yes", "must be true or false, not a string"),
        ("proof", 5, "must be true, false or a text"),
        ("proof", "", "must be true, false or a text"),
        ("keys_kept", 10, "must be 1 to 9, not 10"),
        ("cache", "512 MB", "must be a whole number of bytes, or a text such as"),
        ("cache", 0, "must be at least 1, not 0"),
        ("cache", "0 KiB", "must be at least 1, not 0"),
        ("share", 0, "must be above 0, not 0"),
        ("patience", "0s", "must be above 0"),
        ("patience", "soon", 'must be a number of seconds, or a text such as "90s"'),
        ("kept", 10**12, "longer than any clock"),
        ("log", 5, "must be a string, not a number"),
        ("also", "date", "must be a list"),
        ("alsoo", [], "is unknown; did you mean 'also'?"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(key: str, written: Any, message: str) -> None:
    """The fault names the place and says what to write."""
    _, faults = read({"key": "k", key: written})
    [(place, found)] = faults
    assert place == f"plugins.sign.{key}"
    assert message in found


def test_what_is_missing_says_what_to_write() -> None:
    """Only an option that has to be given is missed."""
    assert read({}) == ({}, [("plugins.sign.key", "is missing: write a key")])


def test_what_is_written_reads_back_and_hides_secrets() -> None:
    """What is as by default stays out of a file, and a secret is masked wherever it is shown."""
    values, _ = read({"key": "a secret that is long", "kept": 2, "cache": "4 KiB", "log": "a.log"})
    made = Signing(**values)
    written = write_options(made, secrets=True)
    assert Signing(**read(written)[0]) == made
    assert written == {
        "key": "a secret that is long",
        "cache": 4096,
        "kept": 2,
        "log": "/etc/offramp/a.log",
    }
    assert write_options(made)["key"] == show_options(made)["key"] == "***long"
    assert "a secret" not in repr(made)


def test_the_reference_shows_every_default_with_its_unit() -> None:
    """A row for each option, made of what is declared."""
    assert [row.split(" | ")[1] for row in reference_rows(Signing)] == [
        "required", "`sha256`", "`false`", "`true`", "2 keys", "1048576 bytes", "0.5",
        "10 seconds", "7 days", "`signed.log`", "none",
    ]  # fmt: skip


def test_an_annotation_that_cannot_be_read_is_refused() -> None:
    """All of them at once, with what can be."""

    @attrs.frozen
    class Odd:
        when: datetime = option(description="when")
        level: Literal[1, 2] = option(description="how much")

    with pytest.raises(DefinitionError) as raised:
        options_of(Odd)
    assert [fault.place.rpartition(".")[2] for fault in raised.value.faults] == ["when", "level"]
    assert "timedelta" in str(raised.value)
