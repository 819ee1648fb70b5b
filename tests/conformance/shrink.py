"""Makes a case that differs small, so that a person sees why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.kinds import KINDS, Case

from offramp import _json

#: A case is small enough after this many tries.
MAX_TRIES = 3000
#: What a case is made of; its kind and its switches stay.
PARTS = ("mapping", "fields", "events", "raws", "trigger", "tree")
#: Keys that a field of an action cannot do without.
KEPT = frozenset({"type", "label", "description", "conditions", "fieldKey", "operator", "children"})


def shrink(case: Case, differs: Callable[[Case], bool]) -> Case:
    """The smallest case that is found to differ still."""
    tries = 0
    found = True
    while found and tries < MAX_TRIES:
        found = False
        for smaller in _smaller_cases(case):
            tries += 1
            if differs(smaller):
                case, found = smaller, True
                break
    return case


def _smaller_cases(case: Case) -> Iterator[Case]:
    inputs = KINDS[case["kind"]].inputs
    for part in PARTS:
        if part not in case:
            continue
        for value in _smaller(case[part]):
            if _size(value) < _size(case[part]) and (part != inputs or len(value) == 1):
                yield {**case, part: value}


def _smaller(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            yield from (item for item in value.values() if isinstance(item, dict))
            for key in value:
                if key not in KEPT:
                    yield {name: item for name, item in value.items() if name != key}
            for key, item in value.items():
                yield from ({**value, key: smaller} for smaller in _smaller(item))
        case list():
            yield from (value[:at] + value[at + 1 :] for at in range(len(value)))
            for at, item in enumerate(value):
                yield from ([*value[:at], smaller, *value[at + 1 :]] for smaller in _smaller(item))
        case str() if value:
            words = value.split(" ")
            if len(words) > 1:
                yield from (" ".join(words[:at] + words[at + 1 :]) for at in range(len(words)))
            elif not value.startswith("@"):
                yield from (value[: len(value) // 2], value[1:], value[:-1])
        case _:
            return


def _size(value: Any) -> int:
    return len(_json.dumps(value))
