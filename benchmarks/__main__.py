"""`make bench`: measure Offramp beside what it replaces, print the table, write it as JSON."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, TypeAlias

import attrs
from rich.console import Console

from benchmarks.accepting import accept_growth, accept_measurements
from benchmarks.backlog import backlog_growth, backlog_measurements
from benchmarks.before import commit_of, extracted
from benchmarks.configuration import configuration_measurements
from benchmarks.data import now as new_time
from benchmarks.delivering import deliver_growth, deliver_measurements
from benchmarks.effort import FULL, QUICK
from benchmarks.engines import engine_growth, engine_measurements
from benchmarks.latency import latency_measurements
from benchmarks.measurements import Bench, Measurement
from benchmarks.processes import BenchmarkError
from benchmarks.progress import report_progress
from benchmarks.published import published_measurements
from benchmarks.report import WIDTH, as_data, show, shown
from benchmarks.trees import HERE
from benchmarks.wholes import end_to_end_growth, end_to_end_measurements
from offramp import _json

RESULTS: Final = HERE.root / "benchmarks" / "results"
Step: TypeAlias = Callable[[Bench], Iterator[Measurement]]
PARTS: Final[dict[str, tuple[Step, ...]]] = {
    "engine": (engine_measurements, engine_growth),
    "accept": (accept_measurements, accept_growth),
    "deliver": (deliver_measurements, deliver_growth),
    "end-to-end": (end_to_end_measurements, end_to_end_growth),
    "latency": (latency_measurements,),
    "backlog": (backlog_measurements, backlog_growth),
    "configuration": (configuration_measurements,),
    "segment": (published_measurements,),
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
    parser.add_argument(
        "--before", metavar="COMMIT", help="another commit, measured in the same rounds"
    )
    parser.add_argument("--out", type=Path, help="the JSON file; one by date unless given")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    bench = Bench(effort=QUICK if arguments.quick else FULL, now=new_time())
    try:
        commit = arguments.before and commit_of(arguments.before)
        with ExitStack() as stack:
            if commit:
                bench = attrs.evolve(bench, before=stack.enter_context(extracted(commit)))
            measurements, failed = _measure(arguments.parts or list(PARTS), bench)
    except BenchmarkError as error:
        parser.error(str(error))
    _report(measurements, bench, commit, arguments.out)
    return int(failed)


def steps_of(parts: Iterable[str]) -> list[Step]:
    """The steps of these parts, each once."""
    return list(dict.fromkeys(step for part in parts for step in PARTS[part]))


def _measure(parts: Iterable[str], bench: Bench) -> tuple[list[Measurement], bool]:
    measurements: list[Measurement] = []
    failed = False
    for step in steps_of(parts):
        report_progress(f"measuring: {step.__name__.replace('_', ' ')} …")
        try:
            for one in step(bench):
                measurements.append(one)
                report_progress(f"{one.group}: {one.name}: {shown(one.ours, one.unit)}")
        except BenchmarkError as error:
            failed = True
            report_progress(f"FAILED, {step.__name__.replace('_', ' ')}: {error}")
    return measurements, failed


def _report(
    measurements: Sequence[Measurement], bench: Bench, before: str | None, out: Path | None
) -> None:
    console = Console(width=WIDTH, highlight=False)
    show(console, measurements, before=before)
    out = out or RESULTS / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_json.pretty(as_data(measurements, bench.effort, before=before)) + "\n")
    console.print(f"written to {out}")


if __name__ == "__main__":
    sys.exit(main())
