"""`make bench`: measure Offramp beside what it replaces, print the table, write it as JSON."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from rich.console import Console

from benchmarks.accepting import accept_figures, accept_growth
from benchmarks.backlog import backlog_figures, backlog_growth
from benchmarks.configuration import configuration_figures
from benchmarks.data import now as new_moment
from benchmarks.delivering import deliver_figures, deliver_growth
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.engines import engine_figures, engine_growth
from benchmarks.figures import Figure
from benchmarks.processes import CHECKOUT, BenchmarkError
from benchmarks.progress import tell
from benchmarks.report import WIDTH, as_data, show, shown
from benchmarks.wholes import end_to_end_figures, end_to_end_growth
from offramp import _json

RESULTS: Final = CHECKOUT / "benchmarks" / "results"
Step: TypeAlias = Callable[[Effort, datetime], Iterator[Figure]]
PARTS: Final[dict[str, tuple[Step, ...]]] = {
    "engine": (engine_figures, engine_growth),
    "accept": (accept_figures, accept_growth),
    "deliver": (deliver_figures, deliver_growth),
    "end-to-end": (end_to_end_figures, end_to_end_growth),
    "backlog": (backlog_figures, backlog_growth),
    "configuration": (configuration_figures,),
    # What growth costs each of the others, without the rest.
    "growth": (engine_growth, accept_growth, deliver_growth, end_to_end_growth, backlog_growth),
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
    figures, failed = _measure(told.parts or list(PARTS), effort)
    show(console, figures)
    out = told.out or RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_json.pretty(as_data(figures, effort)) + "\n")
    console.print(f"written to {out}")
    return int(failed)


def steps_of(parts: Iterable[str]) -> list[Step]:
    """The steps of these parts, each once."""
    return list(dict.fromkeys(step for part in parts for step in PARTS[part]))


def _measure(parts: Iterable[str], effort: Effort) -> tuple[list[Figure], bool]:
    figures: list[Figure] = []
    failed = False
    moment = new_moment()
    for step in steps_of(parts):
        tell(f"measuring: {step.__name__.replace('_', ' ')} …")
        try:
            for figure in step(effort, moment):
                figures.append(figure)
                tell(f"{figure.group}: {figure.name}: {shown(figure.ours, figure.unit)}")
        except BenchmarkError as error:
            failed = True
            tell(f"FAILED, {step.__name__.replace('_', ' ')}: {error}")
    return figures, failed


if __name__ == "__main__":
    sys.exit(main())
