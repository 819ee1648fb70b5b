"""`make scaffolds`: a project of each of Segment's published destinations, all of them checked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cli import projects

from offramp import _json
from offramp.plugins import manifest
from offramp.testing import create_test_integration
from offramp_segment.definitions import index
from offramp_segment.destination import load
from offramp_segment.options import Options


def main() -> int:
    """Make and check all of them; print what is wrong, and how many were made."""
    options = Options()
    wrong: list[str] = []
    left_out = 0
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        for number, listed in enumerate(index().values(), 1):
            made = create_test_integration(load(listed, options.pools))
            metadata = _json.loads(_json.dumps(manifest(made.entry)))
            name = f"from-{listed.slug.lower().replace('_', '-')}"
            folder = home / name
            left_out += len(projects.make(folder, name, metadata))
            entry = projects.load(folder, name)
            found = [
                *projects.lost(entry, metadata),
                *projects.faults(entry, made.catalog.directives),
            ]
            wrong += [f"{listed.slug}: {each}" for each in found]
            print(f"\r{number} of {len(index())} projects are made and load", end="", flush=True)  # noqa: T201 - progress
        print(f"; {left_out} mappings, triggers and presets are left out of them")  # noqa: T201 - the result
        projects.check_style(
            home, rules="F,B,UP,W"
        )  # whose imports are its own only a folder knows
        print("a formatter and a linter find nothing to change; mypy --strict says:")  # noqa: T201 - the result
        mypy = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(home / ".cache")]
            + [str(path) for path in home.glob("*/*/*.py")],
            cwd=home,
            env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, home.glob("from-*")))},
            check=False,
        )
    print(*wrong, sep="\n")  # noqa: T201 - the result
    return 1 if wrong or mypy.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
