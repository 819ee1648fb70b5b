"""Compares Segment's actions with its engine: `python -m tests.segment.long [DIRECTORY...]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import hatch_build
from tests.segment import engine, worker
from tests.segment.compare import PARTNERS, compare, environment

PACKAGE = Path(__file__).parent.parent.parent / "destinations/segment"
#: Differences that are printed; the rest are counted.
SHOWN = 30
WIDTH = 900


def install() -> str:
    """Install Segment's packages as the lock has them, build the worker, and return Node.js."""
    [node, *_] = hatch_build.install_packages(PACKAGE / "worker")
    subprocess.run([sys.executable, str(PACKAGE / "build_worker.py")], check=True)
    return node


def main() -> int:
    """Compare, print the table of counts, and fail at a difference."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("directories", nargs="*", help="destinations; all of them without any")
    named = parser.parse_args().directories
    node = install()
    values = environment()
    with engine.running(node, values) as segment, worker.running(node, values) as ours:
        actions = [each for each in segment.ask("list") if not named or each["directory"] in named]
        found = compare(segment, ours, actions, PARTNERS)
    for what, count in found.counts.items():
        print(f"{count:7,} {what}")  # noqa: T201 - it is a command
    print(f"{len(found.differences):7,} differences")  # noqa: T201 - as above
    for each in found.differences[:SHOWN]:
        print(str(each)[:WIDTH])  # noqa: T201 - as above
    return 1 if found.differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
