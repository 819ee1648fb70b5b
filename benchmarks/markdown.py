"""A result as the tables of the page on performance: `python -m benchmarks.markdown FILE`."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.growth import GROUP
from benchmarks.measurements import Measurement
from benchmarks.report import bound, median, wanted, wanted_of_before

#: As prose writes what a terminal shows in ASCII.
_SIGNS: Final = {
    "x |": "\N{MULTIPLICATION SIGN} |",
    "<=": "\N{LESS-THAN OR EQUAL TO}",
    ">=": "\N{GREATER-THAN OR EQUAL TO}",
}
_MARKS: Final = {True: "yes", False: "no", None: ""}
#: How each column is aligned: the names of a row, then its values.
_NAMES, _VALUES = "---", "---:"
_BESIDE: Final = {
    "figure": _NAMES,
    "": _NAMES,
    "ours": _VALUES,
    "beside it": _NAMES,
    "there": _VALUES,
    "ratio": _VALUES,
    "target": _VALUES,
    "reached": _NAMES,
}
_BEFORE: Final = {
    "figure": _NAMES,
    "": _NAMES,
    "before": _VALUES,
    "now": _VALUES,
    "now / before": _VALUES,
    "target": _VALUES,
    "reached": _NAMES,
}


def tables_of(result: dict[str, Any]) -> Iterator[str]:
    """What was measured, growth, and what changed since the commit before, if there was one."""
    names = {field.name for field in attrs.fields(Measurement)}
    measurements = [
        Measurement(**{name: value for name, value in line.items() if name in names})
        for line in result["measurements"]
    ]
    growth = [each for each in measurements if each.group.startswith(GROUP)]
    others = [each for each in measurements if each not in growth]
    compared = [each for each in measurements if each.before is not None]
    for header, some, rows_of in (
        (_BESIDE, others, _beside_rows),
        (_BESIDE, growth, _beside_rows),
        (_BEFORE, compared, _before_rows),
    ):
        if some:
            yield _table(header, itertools.chain.from_iterable(map(rows_of, some)))


def _table(header: dict[str, str], rows: Iterable[Sequence[str]]) -> str:
    """A table that names each group once."""
    group = ""
    lines = [header, header.values()]
    for first, *row in rows:
        lines.append([first if first != group else "", *row])
        group = first
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    for shown, written in _SIGNS.items():
        text = text.replace(shown, written)
    return text


def _beside_rows(measurement: Measurement) -> Iterator[Sequence[str]]:
    start = measurement.group, measurement.name, median(measurement.ours, measurement.unit)
    if not measurement.peers:
        yield *start, "", "", "", bound(measurement), _MARKS[measurement.reached]
    for peer, values in measurement.peers.items():
        there = median(values, measurement.unit)
        target, mark = bound(measurement), _MARKS[measurement.reached]
        if peer == measurement.target_peer:
            target = wanted(measurement)
            mark = "least" if mark == "no" and measurement.reached_least else mark
        elif measurement.target is not None:
            target = mark = ""
        yield *start, peer, there, f"{measurement.ratio(peer):.3g}x", target, mark
        start = measurement.group, "", ""


def _before_rows(measurement: Measurement) -> Iterator[Sequence[str]]:
    yield (
        measurement.group,
        measurement.name,
        median(measurement.before or (), measurement.unit),
        median(measurement.ours, measurement.unit),
        f"{measurement.now_by_before:.3g}x",
        wanted_of_before(measurement),
        _MARKS[measurement.reached_before],
    )


def main() -> None:
    """Print the tables of the result that is given."""
    (file,) = sys.argv[1:]
    sys.stdout.write("\n\n".join(tables_of(json.loads(Path(file).read_bytes()))) + "\n")


if __name__ == "__main__":
    main()
