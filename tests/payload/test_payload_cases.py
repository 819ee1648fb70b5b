"""Payloads by their tables: what Segment's own packages made of each, recorded from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offramp import _json
from offramp.definition import fields_from_manifest
from offramp.errors import PayloadError
from offramp.payload import compile_check

CASES = Path(__file__).with_name("cases")


def read_groups() -> list[Any]:
    """Every group of cases: fields, and what became of the payloads given to them."""
    return [
        pytest.param(group, id=f"{path.stem}: {group['about']} [{at}]")
        for path in sorted(CASES.glob("*.json"))
        for at, group in enumerate(_json.loads(path.read_bytes()))
    ]


@pytest.mark.parametrize("group", read_groups())
def test_a_payload_becomes_what_segment_makes_of_it(group: dict[str, Any]) -> None:
    """Each payload gives the recorded result, or faults at just the recorded places."""
    check = compile_check(fields_from_manifest(group["fields"]))
    for case in group["cases"]:
        assert outcome(check, case["given"]) == expected(case), case["given"]


def outcome(check: Any, given: dict[str, Any]) -> str:
    """The result, or the places of the faults, as comparable text."""
    try:
        return plain({"result": check(given)})
    except PayloadError as error:
        return plain({"faults": sorted({fault.place for fault in error.faults})})


def expected(case: dict[str, Any]) -> str:
    """The same of what was recorded."""
    return plain({key: value for key, value in case.items() if key != "given"})


def plain(value: Any) -> str:
    """JSON with sorted keys in which equal numbers are written alike."""
    match value:
        case dict():
            members = ",".join(f"{key!r}:{plain(value[key])}" for key in sorted(value))
            return f"{{{members}}}"
        case list():
            return f"[{','.join(map(plain, value))}]"
        case None | str() | bool():
            return repr(value)
        case _:
            return repr(float(value) + 0.0)
