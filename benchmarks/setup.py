"""Installs what Offramp is measured beside, once: Segment's packages and the Singer SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import hatch_build

from benchmarks.processes import BenchmarkError
from benchmarks.trees import HERE

SINGER: Final = "singer-sdk==0.54.9"
SINGER_VENV: Final = HERE.root / ".venv-singer"
#: Segment's packages are those of the conformance tests: one lock, one copy.
SEGMENT: Final = HERE.root / "tests" / "conformance"
#: Those of its published destinations are what the worker of offramp-segment is built of.
PUBLISHED: Final = HERE.root / "destinations" / "segment"
INSTALL_SECONDS: Final = 600


def segment_command() -> list[str]:
    """The command of Segment's engine; its packages are installed if need be."""
    try:
        node = hatch_build.install_packages(SEGMENT)[0]
    except hatch_build.BuildFailedError as error:
        raise BenchmarkError(f"Segment's engine cannot be run: {error.reason}") from error
    return [node, str(HERE.root / "benchmarks" / "peers" / "segment.cjs")]


def install_published() -> None:
    """Install Segment's published destinations, and build the worker that runs them."""
    try:
        hatch_build.install_packages(PUBLISHED / "worker")
    except hatch_build.BuildFailedError as error:
        raise BenchmarkError(f"Segment's destinations cannot be run: {error.reason}") from error
    _install([sys.executable, str(PUBLISHED / "build_worker.py")], PUBLISHED)


def singer_command() -> list[str]:
    """The command of the Singer SDK's sink, in a virtual environment of its own."""
    python = SINGER_VENV / "bin" / "python"
    if not (SINGER_VENV / ".installed").exists():
        _install([sys.executable, "-m", "venv", str(SINGER_VENV)], HERE.root)
        _install([str(python), "-m", "pip", "install", "-qq", SINGER], HERE.root)
        (SINGER_VENV / ".installed").touch()
    return [str(python), str(HERE.root / "benchmarks" / "peers" / "singer.py")]


def _install(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
