"""What was measured, on what and how: a table for people, JSON for comparisons."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import hatch_build
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from benchmarks.before import describe_checkout
from benchmarks.effort import Effort
from benchmarks.measurements import BEFORE, Measurement, spread
from offramp import __version__

#: What the table fits into, and what its widest column of names takes of that, in characters.
WIDTH: Final = 100
BESIDE_WIDTH: Final = 15
#: From here on, digits behind the point say nothing.
WHOLE_FROM: Final = 100
#: So much of a commit's name is shown.
COMMIT_CHARACTERS: Final = 10
PACKAGES: Final = ("aiohttp", "attrs", "cattrs", "msgspec", "uvloop")
METHOD: Final = (
    "Each figure is the median of {rounds} rounds, ± half the distance of their extremes. What is "
    "beside it ran on the same data in turn with it (A B, B A, ...); a ratio is the median of the "
    "rounds' own ratios. All processes share this machine."
)
_MARKS: Final = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
_LEAST_MARK: Final = "[yellow]least[/]"


def machine() -> dict[str, Any]:
    """What the measurements were made on, and with which versions."""
    node = hatch_build.find_node()
    version = ""
    if node:
        run = [node[0], "--version"]
        version = subprocess.run(run, capture_output=True, text=True, check=True).stdout  # noqa: S603
    names = [line for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "cpu": names[0].partition(":")[2].strip() if names else platform.processor(),
        "cores": len(names),
        # Above the number of cores, others were at work too: then only ratios mean anything.
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "node": version.strip(),
        "sqlite": sqlite3.sqlite_version,
        "offramp": __version__,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def show(
    console: Console, measurements: Sequence[Measurement], *, before: str | None = None
) -> None:
    """Print the table, what became of the commit `before`, the method and the machine."""
    console.print(_beside_table(measurements))
    compared = [each for each in measurements if each.before is not None]
    if compared:
        console.print(_before_table(compared, before or ""))
    rounds = sorted({len(measurement.ours) for measurement in measurements})
    console.print(METHOD.format(rounds=" or ".join(map(str, rounds))))
    console.print("; ".join(f"{name} {value}" for name, value in machine().items()))


def _beside_table(measurements: Sequence[Measurement]) -> Table:
    table = _table("Offramp, measured")
    table.add_column("ours", justify="right", no_wrap=True)
    table.add_column("beside it", max_width=BESIDE_WIDTH)
    table.add_column("there", justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("target", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    return _in_groups(table, measurements, _rows)


def _before_table(measurements: Sequence[Measurement], before: str) -> Table:
    table = _table(f"Now, and before: commit {before[:COMMIT_CHARACTERS]}")
    for name in (BEFORE, "now", f"now / {BEFORE}", "target", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    return _in_groups(table, measurements, _before_rows)


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", width=WIDTH, box=SIMPLE, padding=0)
    table.add_column("measurement", ratio=1)
    return table


def _in_groups(
    table: Table,
    measurements: Iterable[Measurement],
    rows_of: Callable[[Measurement], Iterable[Sequence[str]]],
) -> Table:
    for group, some in itertools.groupby(measurements, lambda each: each.group):
        table.add_section()
        table.add_row(f"[bold]{group}[/]")
        for measurement in some:
            for row in rows_of(measurement):
                table.add_row(*row)
    return table


def _rows(measurement: Measurement) -> Iterable[Sequence[str]]:
    ours = shown(measurement.ours, measurement.unit)
    name = (
        f"{measurement.name} [yellow]({measurement.note})[/]"
        if measurement.note
        else measurement.name
    )
    if not measurement.peers:
        yield name, ours, "", "", "", bound(measurement), _MARKS[measurement.reached]
    for number, (peer, values) in enumerate(measurement.peers.items()):
        aimed = peer == measurement.target_peer and measurement.target is not None
        bounded = measurement.most is not None and not number
        yield (
            "" if number else name,
            "" if number else ours,
            peer,
            shown(values, measurement.unit),
            f"{measurement.ratio(peer):.3g}x",
            bound(measurement) if bounded else wanted(measurement) if aimed else "",
            _mark(measurement) if aimed or bounded else "",
        )


def _before_rows(measurement: Measurement) -> Iterable[Sequence[str]]:
    yield (
        measurement.name,
        shown(measurement.before or (), measurement.unit),
        shown(measurement.ours, measurement.unit),
        f"{measurement.now_by_before:.3g}x",
        wanted_of_before(measurement),
        _MARKS[measurement.reached_before],
    )


def wanted(measurement: Measurement) -> str:
    """The target, behind what the ratio has to be at least where that is less."""
    if measurement.target is None:
        return ""
    least = "" if measurement.least is None else f"{measurement.least:.3g} / "
    return f"{least}{measurement.target:.3g}x"


def wanted_of_before(measurement: Measurement) -> str:
    """What now / before has to be, at least or at most."""
    sign = "<=" if measurement.less_is_better else ">="
    target = measurement.before_target
    return "" if target is None else f"{sign} {target:.3g}x"


def _mark(measurement: Measurement) -> str:
    if measurement.reached is False and measurement.reached_least:
        return _LEAST_MARK
    return _MARKS[measurement.reached]


def bound(measurement: Measurement) -> str:
    """What ours has to be at most."""
    return "" if measurement.most is None else f"<= {measurement.most:g}"


def shown(values: Sequence[float], unit: str) -> str:
    """The median of a measurement's rounds, with its unit and the spread."""
    return f"{median(values, unit)} ±{spread(values):.0%}"


def median(values: Sequence[float], unit: str) -> str:
    """The median of a measurement's rounds, with its unit."""
    middle = statistics.median(values)
    number = f"{middle:,.0f}" if middle >= WHOLE_FROM else f"{middle:.3g}"
    return number + {"events/s": "/s"}.get(unit, f" {unit}")


def as_data(
    measurements: Iterable[Measurement], effort: Effort, *, before: str | None = None
) -> dict[str, Any]:
    """The same as JSON data; `before` is the commit that was one more side."""
    return {
        "effort": effort.name,
        "now": describe_checkout(),
        "before": before,
        "machine": machine(),
        "command": " ".join(sys.argv[1:]),
        "measurements": [measurement.as_data() for measurement in measurements],
    }


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
