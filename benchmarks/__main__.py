"""`make bench`: measure Offramp beside what it replaces, print the table, write it as JSON."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.accepting import accept_figures
from benchmarks.data import now as new_moment
from benchmarks.delivering import deliver_figures
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.engines import engine_figures
from benchmarks.figures import Figure
from benchmarks.processes import CHECKOUT, BenchmarkError
from benchmarks.report import WIDTH, as_data, show
from benchmarks.wholes import backlog_figures, end_to_end_figures
from offramp import _json

RESULTS: Final = CHECKOUT / "benchmarks" / "results"
PARTS: Final[dict[str, Callable[[Effort, datetime], Iterator[Figure]]]] = {
    "engine": engine_figures,
    "accept": accept_figures,
    "deliver": deliver_figures,
    "end-to-end": end_to_end_figures,
    "backlog": backlog_figures,
}


def main() -> int:
    """Run the parts that are asked for; 1 where one could not be measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; or all")
    parser.add_argument(
        "--quick", action="store_true", help="tiny runs: to see that all of it works"
    )
    parser.add_argument("--out", type=Path, help="the JSON file; one by date unless given")
    told = parser.parse_args()
    unknown = sorted(set(told.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    effort = QUICK if told.quick else FULL
    console = Console(width=WIDTH, highlight=False)
    figures, failed = _measure(Console(stderr=True), told.parts or list(PARTS), effort)
    show(console, figures, effort)
    out = told.out or RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_json.pretty(as_data(figures, effort)) + "\n")
    console.print(f"written to {out}")
    return int(failed)


def _measure(console: Console, parts: list[str], effort: Effort) -> tuple[list[Figure], bool]:
    figures: list[Figure] = []
    failed = False
    moment = new_moment()
    for part in parts:
        console.print(f"measuring: {part} …")
        try:
            figures += PARTS[part](effort, moment)
        except BenchmarkError as error:
            failed = True
            console.print(f"{part}: {error}", style="red", markup=False)
    return figures, failed


if __name__ == "__main__":
    sys.exit(main())
