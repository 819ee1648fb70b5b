"""Measures one process: whole engine, transform, trigger, check; beside the other engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Any, Final

from benchmarks.cases import FIELDS, Case, cases
from benchmarks.data import UNREAD
from benchmarks.effort import Effort
from benchmarks.growth import ONE, grown, named
from benchmarks.host import OTHER_TRIGGER, SAME_NAME_TRIGGER
from benchmarks.measurements import OURS, Bench, Measurement, by_side, in_turn
from benchmarks.processes import Worker, worker
from benchmarks.setup import segment_command, singer_command
from benchmarks.trees import python
from offramp import _json
from offramp.payload import json_schema

#: What ours should be, times Segment's.
TARGETS: Final = {"engine": 10.0, "transform": 3.0, "trigger": 3.0, "check": 3.0}
#: What the engine has to be at least, by the size of the event.
LEAST: Final = {"seed": 7.2, UNREAD: 8.0}
#: What a hundred triggers on one event name have to be at least, times one.
ONE_NAME_LEAST: Final = 0.5
BESIDE: Final = {
    "engine": "onEvent",
    "transform": "transform",
    "trigger": "parseFql + validate",
    "check": "validateSchema",
}
SINGER: Final = "singer-sdk sink"
#: Ours is compiled anew before each run of growth; nothing of it learns as it runs.
WARM_SECONDS: Final = 0.05


def engine_measurements(bench: Bench) -> Iterator[Measurement]:
    """Measure every case of one process."""
    with ExitStack() as stack:
        ours = _workers(stack, bench)
        segment = stack.enter_context(worker("segment", segment_command()))
        singer = stack.enter_context(worker("singer", singer_command()))
        for case in cases():
            yield _measure(case, ours, segment, singer, bench)


def engine_growth(bench: Bench) -> Iterator[Measurement]:
    """Ask more subscriptions of which one matches; others tell their events by name, or not."""
    _, *more = bench.effort.growth
    worst = f"{more[-1]} of one event name"
    others = {ONE: (OTHER_TRIGGER, 1), **{named(count): (OTHER_TRIGGER, count) for count in more}}
    questions = {
        name: growth_question(bench.now, trigger, count)
        for name, (trigger, count) in {**others, worst: (SAME_NAME_TRIGGER, more[-1])}.items()
    }
    with ExitStack() as stack:
        workers = _workers(stack, bench)
        runs = {
            (side, name): _asked(ours, question, bench.effort)
            for name, question in questions.items()
            for side, ours in workers.items()
        }
        values = in_turn(runs, bench.effort.rounds)
    group = "engine, 6 conditions each"
    yield from grown(group, "events/s", values, targets={worst: ONE_NAME_LEAST})


def growth_question(now: datetime, other: str, subscriptions: int) -> dict[str, Any]:
    """A case with so many subscriptions; `other` is the trigger of all but the first."""
    others = [other.format(number=number) for number in range(1, subscriptions)]
    return next(cases()).as_question(now) | {"measurement": "route", "others": others}


def _workers(stack: ExitStack, bench: Bench) -> dict[str, Worker]:
    command = python("benchmarks.worker")
    return {
        name: stack.enter_context(worker(f"offramp, {name}", command, tree=tree))
        for name, tree in bench.trees().items()
    }


def _asked(ours: Worker, question: dict[str, Any], effort: Effort) -> Callable[[int], float]:
    def measure(_: int) -> float:
        ours.ask(question)
        ours.ask({"seconds": min(effort.warm_seconds, WARM_SECONDS)})
        return _rate(ours.ask({"seconds": effort.run_seconds}))

    return measure


def _measure(
    case: Case, ours: dict[str, Worker], segment: Worker, singer: Worker, bench: Bench
) -> Measurement:
    question = case.as_question(bench.now)
    beside = BESIDE[case.measurement]
    engines = {**ours, beside: segment}
    made = {name: engine.ask(question) for name, engine in engines.items()}
    alike = all(_alike(each, made[beside]) for each in made.values())
    for engine in engines.values():
        engine.ask({"seconds": bench.effort.warm_seconds})
    if case.measurement == "engine":
        singer.ask({"measurement": "engine", **_records(case, made[OURS]["sample"])})
        engines[SINGER] = singer
    sides = {name: _side(engine, bench.effort) for name, engine in engines.items()}
    return Measurement(
        group=case.measurement,
        name=case.name,
        unit="events/s",
        target=TARGETS[case.measurement],
        least=LEAST.get(case.size) if case.measurement == "engine" else None,
        target_peer=beside,
        note="" if alike else "the engines' results differ",
        **by_side(in_turn(sides, bench.effort.rounds)),
    )


def _side(engine: Worker, effort: Effort) -> Callable[[int], float]:
    return lambda _: _rate(engine.ask({"seconds": effort.run_seconds}))


def _rate(answer: dict[str, Any]) -> float:
    return float(answer["count"]) / float(answer["seconds"])


def _records(case: Case, payload: Any) -> dict[str, Any]:
    """A sink does not map: it gets payloads, and the schema of their fields."""
    return {
        "payloads": [_json.dumps(payload).decode()] * 100,
        "schema": _json.loads(_json.dumps(json_schema(FIELDS[case.fields]))),
    }


def _alike(made: Any, theirs: Any) -> bool:
    canonical = partial(_json.pretty, indent=0)
    return sorted(canonical(made)) == sorted(canonical(theirs))
