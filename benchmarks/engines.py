"""The figures of one process: whole engine, transform, trigger, check; beside the other engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import Any, Final

from benchmarks.cases import FIELDS, Case, cases
from benchmarks.effort import Effort
from benchmarks.figures import Figure, in_turn
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


def engine_figures(effort: Effort, now: datetime) -> Iterator[Figure]:
    """Measure every case of one process."""
    with ExitStack() as stack:
        ours = stack.enter_context(worker("offramp", python("benchmarks.worker")))
        segment = stack.enter_context(worker("segment", segment_command()))
        singer = stack.enter_context(worker("singer", singer_command()))
        for case in cases():
            yield _measure(case, ours, segment, singer, effort, now)


def _measure(  # noqa: PLR0913, PLR0917 - the case, the three engines, and how long
    case: Case, ours: Worker, segment: Worker, singer: Worker, effort: Effort, now: datetime
) -> Figure:
    question = case.as_question(now)
    made = ours.ask(question)
    sides = {"ours": _side(ours, effort), BESIDE[case.figure]: _side(segment, effort)}
    theirs = segment.ask(question)
    note = "" if _alike(made, theirs) else "the engines' results differ"
    if case.figure == "engine":
        singer.ask({"figure": "engine", **_records(case, made["sample"])})
        sides[SINGER] = _side(singer, effort)
    for engine in (ours, segment):
        engine.ask({"seconds": effort.warm_seconds})
    values = in_turn(sides, effort.rounds)
    return Figure(
        group=case.figure,
        name=case.name,
        unit="events/s",
        ours=values.pop("ours"),
        peers=values,
        target=TARGETS[case.figure],
        target_peer=BESIDE[case.figure],
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
