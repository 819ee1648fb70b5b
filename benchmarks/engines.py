"""Measures one process: whole engine, transform, trigger, check; beside the other engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Any, Final

from benchmarks.cases import FIELDS, Case, cases
from benchmarks.effort import Effort
from benchmarks.growth import ONE, grown, named
from benchmarks.host import OTHER_TRIGGER, SAME_NAME_TRIGGER
from benchmarks.measurements import Measurement, in_turn
from benchmarks.processes import Worker, python, worker
from benchmarks.setup import segment_command, singer_command
from offramp import _json
from offramp.payload import json_schema

#: What ours has to be, times Segment's.
TARGETS: Final = {"engine": 10.0, "transform": 3.0, "trigger": 3.0, "check": 3.0}
BESIDE: Final = {
    "engine": "onEvent",
    "transform": "transform",
    "trigger": "parseFql + validate",
    "check": "validateSchema",
}
SINGER: Final = "singer-sdk sink"
#: Ours is compiled anew before each run of growth; nothing of it learns as it runs.
WARM_SECONDS: Final = 0.05


def engine_measurements(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Measure every case of one process."""
    with ExitStack() as stack:
        ours = stack.enter_context(worker("offramp", python("benchmarks.worker")))
        segment = stack.enter_context(worker("segment", segment_command()))
        singer = stack.enter_context(worker("singer", singer_command()))
        for case in cases():
            yield _measure(case, ours, segment, singer, effort, now)


def engine_growth(effort: Effort, now: datetime) -> Iterator[Measurement]:
    """Ask more subscriptions of which one matches; others tell their events by name, or not."""
    _, *more = effort.growth
    worst = f"{more[-1]} of one event name"
    others = {ONE: (OTHER_TRIGGER, 1), **{named(count): (OTHER_TRIGGER, count) for count in more}}
    questions = {
        name: growth_question(now, trigger, count)
        for name, (trigger, count) in {**others, worst: (SAME_NAME_TRIGGER, more[-1])}.items()
    }
    with worker("offramp", python("benchmarks.worker")) as ours:
        sides = {name: _asked(ours, question, effort) for name, question in questions.items()}
        values = in_turn(sides, effort.rounds)
    group = "engine, 6 conditions each"
    yield from grown(group, "events/s", values, without_target=worst)


def growth_question(now: datetime, other: str, subscriptions: int) -> dict[str, Any]:
    """A case with so many subscriptions; `other` is the trigger of all but the first."""
    others = [other.format(number=number) for number in range(1, subscriptions)]
    return next(cases()).as_question(now) | {"measurement": "route", "others": others}


def _asked(ours: Worker, question: dict[str, Any], effort: Effort) -> Callable[[int], float]:
    def measure(_: int) -> float:
        ours.ask(question)
        ours.ask({"seconds": min(effort.warm_seconds, WARM_SECONDS)})
        return _rate(ours.ask({"seconds": effort.run_seconds}))

    return measure


def _measure(  # noqa: PLR0913, PLR0917 - the case, the three engines, and how long
    case: Case, ours: Worker, segment: Worker, singer: Worker, effort: Effort, now: datetime
) -> Measurement:
    question = case.as_question(now)
    made = ours.ask(question)
    sides = {"ours": _side(ours, effort), BESIDE[case.measurement]: _side(segment, effort)}
    theirs = segment.ask(question)
    note = "" if _alike(made, theirs) else "the engines' results differ"
    if case.measurement == "engine":
        singer.ask({"measurement": "engine", **_records(case, made["sample"])})
        sides[SINGER] = _side(singer, effort)
    for engine in (ours, segment):
        engine.ask({"seconds": effort.warm_seconds})
    values = in_turn(sides, effort.rounds)
    return Measurement(
        group=case.measurement,
        name=case.name,
        unit="events/s",
        ours=values.pop("ours"),
        peers=values,
        target=TARGETS[case.measurement],
        target_peer=BESIDE[case.measurement],
        note=note,
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
