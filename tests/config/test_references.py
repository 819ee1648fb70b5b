"""Which references are followed, by whatever way a configuration comes in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from offramp.config import (
    Config,
    Instance,
    References,
    Source,
    Subscription,
    check_references,
    follow_all,
    parse_config,
    references_in,
    resolve_settings,
)
from offramp.config.references import MAX_FILE_BYTES
from offramp.errors import ConfigError
from offramp.plugins import Catalog

ENVIRON = {"PRODUCT_KEY": "k", "OTHER": "o", "OFFRAMP_SECRET_KEY": "s", "OFFRAMP_TOKEN": "t"}

VARIABLES: list[tuple[str, tuple[str, ...], str, bool]] = [
    ("nothing is allowed by itself", (), "env:PRODUCT_KEY", False),
    ("a name", ("env:OTHER",), "env:OTHER", True),
    ("another name", ("env:OTHER",), "env:PRODUCT_KEY", False),
    ("a beginning", ("env:PRODUCT_*",), "env:PRODUCT_KEY", True),
    ("not that beginning", ("env:PRODUCT_*",), "env:OTHER", False),
    ("a middle", ("env:P*KEY",), "env:PRODUCT_KEY", True),
    ("a name is whole", ("env:OTHER",), "env:OTHERS", False),
    ("a folder allows no variable", ("file:/",), "env:OTHER", False),
    ("not the sealing key", ("env:*",), "env:OFFRAMP_SECRET_KEY", False),
    ("not the token", ("env:*",), "env:OFFRAMP_TOKEN", False),
]


@pytest.mark.parametrize(
    ("allowed", "reference", "followed"),
    [row[1:] for row in VARIABLES],
    ids=[row[0] for row in VARIABLES],
)
def test_variables_are_followed_where_they_are_allowed(
    allowed: tuple[str, ...], reference: str, followed: bool
) -> None:
    """A list of names decides, and what protects the host is never on it."""
    references = References(allowed=allowed, environ=ENVIRON)
    assert (references.fault(reference) is None) is followed


def test_what_stands_in_the_file_is_followed_and_nothing_that_protects_the_host() -> None:
    """The text itself counts; the sealing key is not followed even from there."""
    written = frozenset({"env:OTHER", "env:OFFRAMP_SECRET_KEY"})
    references = References(written=written, environ=ENVIRON)
    assert references.read("env:OTHER") == "o"
    for reference in ("env:PRODUCT_KEY", "env:OFFRAMP_SECRET_KEY"):
        with pytest.raises(ValueError, match=f"'{reference}' is not followed"):
            references.read(reference)
    with pytest.raises(ValueError, match="protects the host itself"):
        follow_all(ENVIRON).read("env:OFFRAMP_SECRET_KEY")


def test_a_reference_that_is_gone_keeps_the_value_that_was_read(tmp_path: Path) -> None:
    """Nothing stops because a file is replaced in two steps; until it is back, that is listed."""
    path = tmp_path / "token"
    reference = f"file:{path}"
    references = follow_all({})
    with pytest.raises(ValueError, match="No such file"):
        references.read(reference)
    assert references.stale == {}
    path.write_text("first\n")
    assert references.read(reference) == "first"
    path.write_text("")
    assert references.read(reference) == "first"
    assert references.stale == {reference: f"the file {path} is empty"}
    path.write_text("second\n")
    assert references.read(reference) == "second"
    assert references.stale == {}
    assert "second" not in repr(references)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Allowed is `allowed`; a data folder and a secret lie beside it."""
    for name in ("allowed", "allowed/deep", "data", "allowed-not"):
        (tmp_path / name).mkdir()
    for name in ("allowed/plain", "allowed/deep/er", "data/token", "outside", "allowed-not/x"):
        (tmp_path / name).write_text(f"of {name}\n")
    (tmp_path / "allowed/inside").symlink_to(tmp_path / "allowed/plain")
    (tmp_path / "allowed/escape").symlink_to(tmp_path / "outside")
    (tmp_path / "allowed/ring").symlink_to(tmp_path / "allowed/ring")
    (tmp_path / "allowed/large").write_text("x" * (MAX_FILE_BYTES + 1))
    os.mkfifo(tmp_path / "allowed/pipe")
    return tmp_path


FILES: list[tuple[str, str, str | None]] = [
    ("a file in the folder", "allowed/plain", None),
    ("a file deeper down", "allowed/deep/er", None),
    ("a link within the folder", "allowed/inside", None),
    ("a link out of the folder", "allowed/escape", "is not followed"),
    ("a file outside", "outside", "is not followed"),
    ("a folder whose name begins alike", "allowed-not/x", "is not followed"),
    ("a way up", "allowed/../outside", "without `..`"),
    ("a way up and back", "allowed/../allowed/plain", "without `..`"),
    ("the data folder", "data/token", "protects the host itself"),
    ("a ring of links", "allowed/ring", "cannot be read|leads to itself"),
    ("a folder", "allowed/deep", "is no file of at most 65536 bytes|cannot be read"),
    ("a large file", "allowed/large", "is no file of at most 65536 bytes"),
    ("a pipe", "allowed/pipe", "is no file of at most 65536 bytes"),
    ("nothing", "allowed/nothing", "cannot be read"),
]


@pytest.mark.parametrize(
    ("name", "message"), [row[1:] for row in FILES], ids=[row[0] for row in FILES]
)
def test_files_are_read_below_an_allowed_folder(
    name: str, message: str | None, folder: Path
) -> None:
    """Links are followed before the folder is asked; only regular files of a bounded size count."""
    data = folder / "data"
    references = References(allowed=(f"file:{folder / 'allowed'}",), own_folder=data)
    reference = f"file:{folder / name}"
    if message is None:
        assert references.read(reference).startswith("of allowed")
        return
    with pytest.raises(ValueError, match=message):
        references.read(reference)


def test_the_data_folder_is_never_read(folder: Path) -> None:
    """Not by a list that allows everything, and not by a link; nor is the file of the key."""
    (folder / "allowed/token").symlink_to(folder / "data/token")
    environ = {"OFFRAMP_SECRET_KEY_FILE": str(folder / "outside")}
    references = References(allowed=("file:/",), own_folder=folder / "data", environ=environ)
    assert references.fault(f"file:{folder / 'allowed/plain'}") is None
    for name in ("data/token", "allowed/token", "outside", "allowed/escape"):
        assert "protects the host itself" in str(references.fault(f"file:{folder / name}"))


@pytest.mark.parametrize("pattern", ["OTHER", "env:", "file:relative", "file:/a*", 5, "env:A-B"])
def test_a_list_that_allows_nothing_sensible_is_a_fault(pattern: Any, catalog: Catalog) -> None:
    """Each entry is checked, at its place."""
    with pytest.raises(ConfigError, match=r"host\.references\[0\]: must be a variable such as"):
        parse_config({"host": {"references": [pattern]}}, catalog)


def test_references_inside_settings_are_followed_and_unseen(catalog: Catalog) -> None:
    """In objects too; a value that does not fit is not quoted, though its setting is no secret."""
    settings = {"apiToken": "t", "login": {"user": "env:USER_NAME", "password": "env:PASSWORD"}}
    made = Instance(name="b", source="web", destination="meter", settings=settings)
    environ = {"USER_NAME": "u", "PASSWORD": "p", "REGION": "canary"}
    fields = catalog["meter"].settings
    found = resolve_settings(made, fields, follow_all(environ))
    assert found["login"] == {"user": "u", "password": "p"}
    bad = Instance(
        name="b", source="w", destination="meter", settings={**settings, "region": "env:REGION"}
    )
    with pytest.raises(ConfigError, match=r"settings\.region: what the reference leads") as caught:
        resolve_settings(bad, fields, follow_all(environ))
    assert "canary" not in str(caught.value)


def test_a_change_may_bring_only_references_that_are_followed(catalog: Catalog) -> None:
    """What was there stays; what is new is told with its place and the way to allow it."""
    before = Config(
        sources={"web": Source(name="web", write_key="env:OLD")},
        instances={"b": Instance(name="b", source="web", destination="meter")},
    )
    settings = {"apiToken": "env:NEW", "login": {"password": "file:/etc/passwd"}}
    after = Config(
        sources=before.sources,
        instances={
            "b": Instance(name="b", source="web", destination="meter", settings=settings),
        },
        subscriptions={
            "b/s": Subscription(
                id="b/s", name="s", instance="b", action="sendEvent", trigger="type = x",
                mapping={"note": "env:PLAIN", "gone": "env:GONE"},
            )
        },
    )  # fmt: skip
    assert references_in(after, catalog) == {
        "sources.web.write_key": "env:OLD",
        "instances.b.settings.apiToken": "env:NEW",
        "instances.b.settings.login.password": "file:/etc/passwd",
        'subscriptions."b/s".mapping.gone': "env:GONE",
    }
    with pytest.raises(ConfigError) as caught:
        check_references(before, after, catalog, References(allowed=("env:G*",)))
    places = [fault.place for fault in caught.value.faults]
    assert places == ["instances.b.settings.apiToken", "instances.b.settings.login.password"]
    assert "'env:NEW' is not followed" in str(caught.value)
    assert "`references` of that file's table [host]" in str(caught.value)
    check_references(after, after, catalog, References())
