"""Another commit is measured beside this one: by its own code, in the same rounds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from benchmarks.before import check_imports, commit_of, extracted, write_metadata
from benchmarks.cases import cases
from benchmarks.data import now
from benchmarks.delivering import partner
from benchmarks.effort import QUICK
from benchmarks.growth import make_sides, sides_by_tree
from benchmarks.host import fill_queue, make_busy_config, running_host, subscriptions_of
from benchmarks.markdown import tables_of
from benchmarks.measurements import BEFORE, OURS, Bench, Measurement, by_side, in_turn
from benchmarks.processes import BenchmarkError, worker
from benchmarks.report import WIDTH, as_data, show
from benchmarks.trees import HERE, Tree, python
from rich.console import Console

from offramp import _json

EVENTS = 300


@pytest.fixture(scope="module")
def head() -> Iterator[Tree]:
    with extracted(commit_of("HEAD")) as tree:
        yield tree


def printed_by(tree: Tree, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    environment = tree.environment()
    return subprocess.check_output(command, cwd=tree.root, env=environment, text=True).strip()


def test_its_engine_answers_as_ours_does(head: Tree) -> None:
    """The worker of a commit understands what this checkout asks, of events that this one makes."""
    question = next(cases()).as_question(now())
    answers = []
    for tree in (head, HERE):
        with worker("engine", python("benchmarks.worker"), tree=tree) as engine:
            answers.append(engine.ask(question))
            assert engine.ask({"seconds": 0.01})["count"] > 0
    assert answers[0] == answers[1]


def test_its_host_delivers_what_fills_its_queue(head: Tree, tmp_path: Path) -> None:
    """Both are of the commit: they say its version, and share its queue's form on disk."""
    version = head.root / "framework" / "offramp" / "_version.py"
    version.write_text('"""Another."""\n\n__version__ = "0.0.77"\n')
    assert "0.0.77" in printed_by(head, "-m", "benchmarks.serve", "--version")
    assert "0.0.77" not in printed_by(HERE, "-m", "benchmarks.serve", "--version")
    config = make_busy_config(3)
    subscriptions = subscriptions_of(config)
    fill_queue(tmp_path, EVENTS, now=now(), subscriptions=subscriptions, tree=head)
    with partner() as far, running_host(tmp_path, config, partner=far.url, tree=head) as host:
        assert far.watch(EVENTS, 0)[-1][1] == EVENTS
        assert host.stored_bytes() > EVENTS


def test_code_of_another_tree_is_noticed(head: Tree, tmp_path: Path) -> None:
    """A tree that lacks a package would run the one that is installed."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "offramp"\n')
    with pytest.raises(BenchmarkError, match=r"offramp is imported from .*, and not from"):
        check_imports(Tree(root=tmp_path, first=(head.root,)))


def test_its_plugins_are_those_that_it_declares(tmp_path: Path) -> None:
    """Neither those of this checkout, which the environment describes, nor none."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "offramp"\n\n[project.entry-points.offramp]\nother = "other.plugin"\n'
    )
    tree = Tree(root=tmp_path, first=(tmp_path / "metadata",))
    write_metadata(tree, tmp_path / "metadata")
    found = "from importlib.metadata import entry_points as e; print(*e(group='offramp').names)"
    assert printed_by(tree, "-c", found) == "other"
    assert "metronome" in printed_by(HERE, "-c", found)


def test_a_commit_that_is_not_there_is_refused() -> None:
    """The message has the name that was given."""
    with pytest.raises(BenchmarkError, match="no-such-commit"):
        commit_of("no-such-commit")


def test_only_some_sides_of_growth_are_compared(head: Tree) -> None:
    """One subscription, busy subscriptions and busy instances are; none without a commit."""
    sides = make_sides(QUICK)
    bench = Bench(effort=QUICK, now=now(), before=head)
    found = [(which, side.name) for which, _, side in sides_by_tree(bench, sides)]
    assert [name for which, name in found if which == OURS] == [side.name for side in sides]
    assert [name for which, name in found if which == BEFORE] == [
        "1 subscription",
        "10 busy subscriptions of 1 instance",
        "10 busy instances, 1 dead",
    ]
    alone = sides_by_tree(Bench(effort=QUICK, now=now()), sides)
    assert {which for which, _, _ in alone} == {OURS}


def test_each_second_round_begins_with_the_last_side() -> None:
    """What one side leaves behind for the next meets both of them."""
    order: list[str] = []
    sides = {name: (lambda _, name=name: order.append(name)) for name in (OURS, BEFORE)}
    in_turn(sides, 3)
    assert order == [OURS, BEFORE, BEFORE, OURS, OURS, BEFORE]


@pytest.mark.parametrize(
    ("less_is_better", "before_target", "reached"),
    [(False, 1.9, True), (False, 2.1, False), (True, 2.1, True), (True, 1.9, False)],
    ids=["at least 1.9x", "at least 2.1x", "at most 2.1x", "at most 1.9x"],
)
def test_now_by_before_is_the_median_of_paired_rounds(
    less_is_better: bool, before_target: float, reached: bool
) -> None:
    """Of rates it has to be at least so much, of times at most; peers have none of it."""
    values = {OURS: [20.0, 2.0, 30.0], BEFORE: [10.0, 1.0, 30.0], "peer": [40.0, 4.0, 60.0]}
    measurement = Measurement(
        group="g",
        name="n",
        unit="ms",
        less_is_better=less_is_better,
        before_target=before_target,
        **by_side(values),
    )
    assert measurement.now_by_before == 2.0
    assert measurement.reached_before is reached
    assert set(measurement.peers) == {"peer"}
    data = as_data([measurement], QUICK, before="1234567")
    assert data["before"] == "1234567"
    (line,) = data["measurements"]
    assert (line["median"], line["median_before"], line["now_by_before"]) == (20.0, 10.0, 2.0)


def test_the_tables_of_before_and_now() -> None:
    """They name the commit, and are there only where something was compared."""
    alone = Measurement(
        group="g", name="alone", unit="events/s", ours=[3.0], peers={"bare": [4.0]},
        target=0.9, least=0.7, target_peer="bare",
    )  # fmt: skip
    both = Measurement(
        group="g", name="p99", unit="ms", ours=[11.0], before=[10.0],
        before_target=1.0, less_is_better=True,
    )  # fmt: skip
    texts = []
    for measurements in ([alone], [alone, both]):
        written = StringIO()
        show(Console(file=written, width=WIDTH), measurements, before="1234567")
        texts.append(written.getvalue())
    assert "0.7 / 0.9x least" in texts[0]
    assert "1234567" not in texts[0]
    (line,) = [each for each in texts[1].partition("1234567")[2].splitlines() if "p99" in each]
    assert line.split() == ["p99", "10", "ms", "±0%", "11", "ms", "±0%", "1.1x", "<=", "1x", "no"]
    result = json.loads(_json.dumps(as_data([alone, both], QUICK, before="1234567")))
    beside, compared = tables_of(result)
    times = "\N{MULTIPLICATION SIGN}"
    assert f"| g | alone | 3/s | bare | 4/s | 0.75{times} | 0.7 / 0.9{times} | least |" in beside
    assert f"| g | p99 | 10 ms | 11 ms | 1.1{times} | ≤ 1{times} | no |" in compared
