"""Compares for as long as one likes: `make conformance N=100000`.

Prints a table of counts, and saves what differs without being on the list, made small, where the
suite finds it: `differed/`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

import attrs
from tests.conformance import triggers
from tests.conformance.compare import Difference, differences
from tests.conformance.differences import explain
from tests.conformance.flags import wrongly_warned
from tests.conformance.kinds import KINDS, Case
from tests.conformance.rows import ROWS
from tests.conformance.segment import HERE, Segment, install, running
from tests.conformance.shrink import shrink
from tests.conformance.source import RandomSource

from offramp import _json

PROCESSES = 2
#: Cases in one question to the other engine.
TOGETHER = 100
#: Cases in one piece of work, after which progress is shown.
CHUNK = 2000
#: How many differences of one piece of work are made small and saved.
SAVED = 3
#: Whether triggers are told of rightly; each is put to hundreds of events.
FLAGS = "flags"
#: Kinds that are compared less: triggers whose flags are checked, and whole requests, explained.
SHARES = {FLAGS: 20, "metronome": 10}
KIND_NAMES = (*KINDS, FLAGS)
NICENESS = 10


@attrs.define(kw_only=True)
class Tally:
    """What came of some cases of one kind."""

    kind: str
    specs: int = 0
    inputs: int = 0
    rows: Counter[str] = attrs.field(factory=Counter)
    unexplained: list[str] = attrs.field(factory=list)

    def add(self, other: Tally) -> None:
        """Count another piece of work in."""
        self.specs += other.specs
        self.inputs += other.inputs
        self.rows += other.rows
        self.unexplained += other.unexplained


def inputs_of(case: Case) -> int:
    """How many inputs a case has."""
    name = KINDS[case["kind"]].inputs
    return len(case[name]) if name else 1


def work(kind: str, seed: int, wanted: int) -> Tally:
    """Compare one piece: at least as many inputs as wanted."""
    source = RandomSource(random.Random(f"{kind} {seed}"))
    tally = Tally(kind=kind)
    with running(install()) as segment:
        while tally.inputs < wanted:
            if kind == FLAGS:
                _flags(segment, source, tally)
            else:
                _compare(segment, [KINDS[kind].make(source) for _ in range(TOGETHER)], tally)
    return tally


def _flags(segment: Segment, source: RandomSource, tally: Tally) -> None:
    made = [triggers.trigger(source) for _ in range(TOGETHER)]
    tally.specs += TOGETHER
    tally.inputs += TOGETHER
    tally.unexplained += wrongly_warned(segment, made)


def _compare(segment: Segment, cases: list[Case], tally: Tally) -> None:
    tally.specs += len(cases)
    tally.inputs += sum(map(inputs_of, cases))
    for difference in differences(segment, cases):
        row = explain(difference, segment, ROWS)
        if row is not None:
            tally.rows[row.id] += 1
        elif len(tally.unexplained) < SAVED:
            tally.unexplained.append(_save(segment, difference))
        else:
            tally.unexplained.append("(not saved)")


def _save(segment: Segment, difference: Difference) -> str:
    def differs(case: Case) -> bool:
        return any(
            ("error" in found.ours) == ("error" in difference.ours)
            and ("error" in found.theirs) == ("error" in difference.theirs)
            and explain(found, segment, ROWS) is None
            for found in differences(segment, [case])
        )

    small = shrink(difference.case, differs)
    text = _json.pretty(small)
    name = f"{small['kind']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    (HERE / "differed" / name).write_text(text + "\n")
    return name


def chunks(kinds: list[str], count: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """The pieces of work: kinds taken in turn."""
    for number in range(-(-count // CHUNK)):
        size = min(CHUNK, count - number * CHUNK)
        for kind in kinds:
            yield kind, seed + number, -(-size // SHARES.get(kind, 1))


def run(kinds: list[str], count: int, seed: int) -> list[Tally]:
    """Compare so many inputs of each kind, in two processes, and tell of the progress."""
    tallies = {kind: Tally(kind=kind) for kind in kinds}
    started = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, initializer=os.nice, initargs=(NICENESS,)) as pool:
        pending = [pool.submit(work, *chunk) for chunk in chunks(kinds, count, seed)]
        for done, future in enumerate(as_completed(pending), start=1):
            tally = future.result()
            tallies[tally.kind].add(tally)
            unexplained = sum(len(each.unexplained) for each in tallies.values())
            seconds = time.monotonic() - started
            message = f"{done}/{len(pending)} pieces, {seconds:.0f} s, {unexplained} unexplained"
            print(f"\r{message}", end="", file=sys.stderr, flush=True)  # noqa: T201 - progress
    print(file=sys.stderr)  # noqa: T201 - the end of it
    return list(tallies.values())


def table(tallies: list[Tally]) -> str:
    """The counts as a table of Markdown."""
    lines = [
        "| kind | specs | inputs compared | differences on the list | unexplained |",
        "|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {tally.kind} | {tally.specs:,} | {tally.inputs:,} | {tally.rows.total():,} "
        f"| {len(tally.unexplained):,} |"
        for tally in tallies
    ]
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Compare Offramp's engine with Segment's.")
    parser.add_argument("count", type=int, help="inputs of each kind")
    parser.add_argument("--kinds", nargs="*", choices=KIND_NAMES, default=list(KIND_NAMES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        install()
    except RuntimeError as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the command says
        return 2
    tallies = run(options.kinds, options.count, options.seed)
    print(table(tallies))  # noqa: T201 - the result
    for tally in tallies:
        rows = ", ".join(f"{row} {count:,}" for row, count in tally.rows.most_common())
        print(f"\n{tally.kind}: {rows or 'no differences'}")  # noqa: T201 - the result
        for name in dict.fromkeys(tally.unexplained):
            print(f"  unexplained: {name}")  # noqa: T201 - the result
    return int(any(tally.unexplained for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
