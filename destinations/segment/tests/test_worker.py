"""The worker by itself: its tests in Node.js, and what its build writes and refuses."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import hatch_build
import pytest

PACKAGE = Path(__file__).parent.parent
#: The files of the worker's own tests.
FILES = ("definitions", "memory", "network", "operations", "protocol")
#: Seconds that one file of tests may take.
LONGEST = 120


@pytest.fixture(scope="module")
def build_worker() -> ModuleType:
    """The build as hatchling loads it: by its path."""
    spec = importlib.util.spec_from_file_location("build_worker", PACKAGE / "build_worker.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_worker_in_nodejs(build_worker: ModuleType, name: str) -> None:
    """Each file of the worker's own tests passes against the bundle of the present source."""
    build_worker.build()
    [node, *_] = hatch_build.install_packages(build_worker.WORKER)
    done = subprocess.run(
        [node, "test/run.mjs", name],
        cwd=build_worker.WORKER,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_of_tests_is_run() -> None:
    """A new file of the worker's tests has to be named above."""
    files = {path.name.partition(".")[0] for path in (PACKAGE / "worker/test").glob("*.test.ts")}
    assert files == set(FILES)


def test_the_lock_names_no_host_and_the_packages_are_pinned() -> None:
    """Any registry may serve what is built, and a build of today is that of tomorrow."""
    lock = (PACKAGE / "worker/package-lock.json").read_text()
    assert '"resolved"' not in lock
    declared = json.loads((PACKAGE / "worker/package.json").read_text())
    versions = {**declared["dependencies"], **declared["devDependencies"], **declared["overrides"]}
    assert [
        name for name, version in versions.items() if not re.fullmatch(r"[\d.]+", version)
    ] == []


def test_a_change_of_the_source_is_built_and_a_change_of_the_tests_is_not(
    build_worker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was built is fresh until a file that it is made of changes."""
    source, built = tmp_path / "worker", tmp_path / "_built"
    for name in build_worker.SOURCES:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    monkeypatch.setattr(build_worker, "WORKER", source)
    monkeypatch.setattr(build_worker, "BUILT", built)
    assert not build_worker.is_fresh(hatch_build)
    built.mkdir()
    digest = hatch_build._digest(source, *build_worker.SOURCES)
    (built / hatch_build.DIGEST_FILE).write_text(digest)
    assert build_worker.is_fresh(hatch_build)
    (source / "test").mkdir()
    assert build_worker.is_fresh(hatch_build)
    (source / "package-lock.json").write_text("2")
    assert not build_worker.is_fresh(hatch_build)


def test_a_source_distribution_brings_what_was_built(
    build_worker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of a checkout nothing is built, and what is missing is told with the remedy."""
    monkeypatch.setattr(build_worker, "ROOT", tmp_path / "a" / "b")
    monkeypatch.setattr(build_worker, "BUILT", tmp_path)
    nothing: Any = None
    hook = build_worker.WorkerBuildHook(str(tmp_path), {}, nothing, nothing, "", "wheel")
    assert hook.dependencies() == []
    with pytest.raises(RuntimeError, match=r"is missing(.|\n)*needs Node\.js"):
        build_worker.build()
    (tmp_path / "worker.cjs").touch()
    build_worker.build()
