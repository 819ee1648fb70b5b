"""What each directive does, as data: one file of cases per directive.

A case's `event` holds the members in which its event differs from `event.json`. Results were
recorded from Segment's engine, except those of `differences.json`: there an event stands alone, and
`segment` tells what Segment's engine gives: JSON, or the text of its error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offramp import _json
from offramp.errors import MappingError, TransformError
from offramp.mapping import BUILTIN_DIRECTIVES, compile_mapping, transform

HERE = Path(__file__).parent
EVENT = _json.loads((HERE / "event.json").read_bytes())
DIFFERENCES = "differences"
#: Files of cases about something else than one directive.
OTHERS = {DIFFERENCES, "root"}


def read_cases() -> list[Any]:
    """Every case, named by its file and its comment."""
    return [
        pytest.param(path.stem, case, id=f"{path.stem}: {case['comment']}")
        for path in sorted((HERE / "cases").glob("*.json"))
        for case in _json.loads(path.read_bytes())
    ]


def same_json(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON: true is no 1, but 1.0 is."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def faults_of(case: dict[str, Any]) -> list[tuple[str, str]]:
    """Places and messages that a case expects."""
    answer = case.get("faults", [case])
    return [(fault["place"], fault["error"]) for fault in answer]


@pytest.mark.parametrize(("file", "case"), read_cases())
def test_a_mapping_gives_what_its_case_says(file: str, case: dict[str, Any]) -> None:
    """The value is the recorded one, or the fault has its place, its words and its moment."""
    event = case["event"] if file == DIFFERENCES else {**EVENT, **case.get("event", {})}
    if "result" in case:
        result = transform(case["mapping"], event)
        assert same_json(result, case["result"]), result
        if file == DIFFERENCES:
            assert _json.dumps(result).decode() != case["segment"]
    elif case["when"] == "compiling":
        with pytest.raises(MappingError) as caught:
            compile_mapping(case["mapping"])
        assert [(fault.place, fault.message) for fault in caught.value.faults] == faults_of(case)
    else:
        compiled = compile_mapping(case["mapping"])
        with pytest.raises(TransformError) as failed:
            compiled(event)
        assert [(failed.value.place, failed.value.message)] == faults_of(case)


@pytest.mark.parametrize(("file", "case"), read_cases())
def test_explaining_a_mapping_tells_the_same(file: str, case: dict[str, Any]) -> None:
    """The origin of the whole carries the value that the mapping gives, or its first fault."""
    if case.get("when") == "compiling":
        return
    event = case["event"] if file == DIFFERENCES else {**EVENT, **case.get("event", {})}
    origin = compile_mapping(case["mapping"]).explain(event)
    if "result" in case:
        assert origin.fault is None
        assert same_json(origin.value, case["result"])
    else:
        assert origin.fault == f"@ {case['place']}: {case['error']}"


def test_each_directive_has_its_file() -> None:
    """Nobody adds a directive without cases, nor keeps cases of one that is gone."""
    files = {path.stem for path in (HERE / "cases").glob("*.json")}
    assert {f"@{name}" for name in files - OTHERS} == set(BUILTIN_DIRECTIVES)
