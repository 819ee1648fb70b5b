"""Puts cases of Segment's actions to its engine and to the worker, and finds where they differ."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import attrs
from tests.segment.engine import Engine
from tests.segment.worker import BUILT, Worker, bytes_of

from offramp import _json

#: Data of a case: Segment's generated one for required fields and for all, and a rich event
#: through the action's default mapping.
DATA = ("required", "all", "rich")
#: What the partner answers to every request.
PARTNERS = (
    {"status": 200, "reason": "OK", "body": "{}"},
    {"status": 400, "reason": "Bad Request", "body": '{"message":"no"}'},
    {"status": 401, "reason": "Unauthorized", "body": '{"message":"who"}'},
    {"status": 429, "reason": "Too Many Requests", "body": '{"message":"later"}'},
    {"status": 500, "reason": "Internal Server Error", "body": '{"message":"oops"}'},
)
AUTH = {"accessToken": "access-token", "refreshToken": "refresh-token"}
UNSTATED_STATUS = 500


@attrs.frozen(kw_only=True)
class Difference:
    """A case that ended otherwise."""

    place: str
    what: str
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        return f"{self.place}: {self.what}\n  ours:   {self.ours}\n  theirs: {self.theirs}"


@attrs.frozen(kw_only=True)
class Trial:
    """A case, what the partner answers, and what the engine makes of it; the place names it."""

    place: str
    case: dict[str, Any]
    partner: dict[str, Any]
    #: Its requests, the end of its attempt, and the payloads of the action.
    theirs: dict[str, Any]


@attrs.frozen
class Comparison:
    """What was compared: how often which came about, and every difference."""

    counts: Counter[str] = attrs.field(factory=Counter)
    differences: list[Difference] = attrs.field(factory=list)


def index() -> list[dict[str, Any]]:
    """The destinations of the build."""
    destinations: list[dict[str, Any]] = _json.loads((BUILT / "index.json").read_bytes())[
        "destinations"
    ]
    return destinations


def environment() -> dict[str, str]:
    """A value for every variable that a destination reads."""
    return {name: f"value of {name}" for each in index() for name in each["needs"]["environment"]}


def trials(
    engine: Engine, actions: Iterable[dict[str, Any]], partners: Iterable[Any]
) -> Iterator[Trial]:
    """Every kind of data, single and in batches, with each answer of the partner."""
    own = {each["directory"] for each in index() if each["needs"]["own_network"]}
    partners = list(partners)
    for action in actions:
        if action["directory"] in own:
            continue
        for data, batch in product(DATA, (False, True) if action["batches"] else (False,)):
            case = engine.ask("case", data=data, batch=batch, **_names(action))
            place = f"{action['directory']}.{action['action']} {data} {'batch' if batch else 'one'}"
            for partner in partners:
                yield Trial(
                    place=f"{place} {partner['status']}",
                    case={**case, "batches": action["batches"]},
                    partner=partner,
                    theirs=engine.ask("run", case=case, partner=partner),
                )


def compare(
    engine: Engine, worker: Worker, actions: Iterable[dict[str, Any]], partners: Iterable[Any]
) -> Comparison:
    """Compare below the mapping: the worker gets the payloads that the engine has made."""
    found = Comparison()
    for trial in trials(engine, actions, partners):
        found.differences.extend(_differences(found.counts, worker, trial))
    return found


def _names(action: dict[str, Any]) -> dict[str, Any]:
    return {"directory": action["directory"], "action": action["action"]}


def _differences(counts: Counter[str], worker: Worker, trial: Trial) -> Iterator[Difference]:
    case, theirs = trial.case, trial.theirs
    payloads = theirs["payloads"]
    counts["cases"] += 1
    if payloads is None or (case["batch"] and len(payloads) != len(case["events"])):
        counts["cases whose payload the engine refused"] += 1
        return
    counts["cases in which an action ran"] += 1
    counts["cases with a request"] += bool(theirs["requests"])
    requests, last = worker.call(message_of(case, payloads, trial.place), trial.partner)
    ours = [as_sent(request) for request in requests]
    counts["requests"] += len(ours)
    if ours != theirs["requests"]:
        yield Difference(place=trial.place, what="requests", ours=ours, theirs=theirs["requests"])
    end = end_of(last)
    if not same_end(end, theirs["end"]):
        yield Difference(place=trial.place, what="end", ours=end, theirs=theirs["end"])


def message_of(case: dict[str, Any], payloads: Any, instance: str) -> dict[str, Any]:
    """The call of the worker for a case whose mapping is done."""
    hidden = "__segment_internal_sync_mode"
    mapping = {key: value for key, value in case["mapping"].items() if key != hidden}
    return {
        "op": "performBatch" if case["batch"] else "perform",
        "destination": case["directory"],
        "action": case["action"],
        "settings": case["settings"],
        "instance": instance,
        "mapping": mapping,
        "syncMode": case["mapping"].get(hidden),
        "auth": AUTH,
        "payload": payloads,
        "rawData": case["events"] if case["batch"] else case["events"][0],
        "subscriptionMetadata": {
            "actionConfigId": "subscription",
            "destinationConfigId": "instance",
        },
    }


def as_sent(request: dict[str, Any]) -> dict[str, Any]:
    """A request of the worker's, as the engine records its own."""
    body = base64.b64encode(bytes_of(request)).decode()
    return {
        "method": request["method"],
        "url": request["url"],
        "headers": request["headers"],
        "body": body,
    }


def end_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The end of a call as the engine's is written."""
    if "error" in answer:
        error = answer["error"]
        status = error.get("response", error).get("status")
        return {"error": {"kind": error["kind"], "message": error["message"], "status": status}}
    if answer["value"] is None:
        return {"each": [None]}
    return {"each": answer["value"]["outcomes"]}


def same_end(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether two ends are the same: errors by class, message and status, events one by one."""
    if "error" in ours or "error" in theirs:
        return ours == theirs
    if len(ours["each"]) != len(theirs["each"]):
        return False
    return all(map(_same_outcome, ours["each"], theirs["each"]))


def _same_outcome(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    # A destination may give an outcome no status; the host has to act on one.
    status = theirs.get("status", UNSTATED_STATUS)
    return bool(ours["status"] == status) and theirs["message"] in (None, ours["message"])
