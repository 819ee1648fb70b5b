"""Compares Segment's actions with its engine: `python -m tests.segment.long [DIRECTORY...]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import hatch_build
from tests.segment import engine, worker
from tests.segment.compare import PARTNERS, Comparison, Trial, compare, environment, trials
from tests.segment.whole import compare_whole, running

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
    """Compare, print the tables of counts, and fail at a difference."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("directories", nargs="*", help="destinations; all of them without any")
    named = parser.parse_args().directories
    node, values = install(), environment()
    # A destination's errors are what is compared, and nothing to be logged.
    logging.disable()
    with engine.running(node, values) as segment, worker.running(node, values) as ours:
        below = compare(segment, ours, _actions(segment, named), PARTNERS)
    # A new engine, as destinations keep tokens and schemas between two calls.
    with engine.running(node, values) as segment:
        cases = trials(segment, _actions(segment, named), PARTNERS)
        whole = asyncio.run(_whole(node, cases))
    _show("below the mapping", below)
    _show("from the event on", whole)
    return 1 if below.differences or whole.differences else 0


def _actions(segment: engine.Engine, named: list[str]) -> list[dict[str, Any]]:
    return [each for each in segment.ask("list") if not named or each["directory"] in named]


async def _whole(node: str, cases: Iterable[Trial]) -> Comparison:
    async with running(node, environment()) as host:
        return await compare_whole(host, cases)


def _show(title: str, found: Comparison) -> None:
    lines = [title, *(f"{count:7,} {what}" for what, count in found.counts.items())]
    lines.append(f"{len(found.differences):7,} differences")
    lines += [str(each)[:WIDTH] for each in found.differences[:SHOWN]]
    print("\n".join(lines))  # noqa: T201 - it is a command


if __name__ == "__main__":
    raise SystemExit(main())
