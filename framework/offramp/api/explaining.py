"""Explains what a subscription, saved or not, would make of an event; nothing is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypedDict

from offramp.api.candidates import Candidate
from offramp.api.drafts import Draft, compiled_draft, draft_of
from offramp.api.exchange_shapes import RequestShape
from offramp.api.given_events import EventAndSubscription, event_of
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.recent_events import FalseConditionShape, false_condition
from offramp.fql import Explanation
from offramp.mapping import missing_paths
from offramp.pointers import ErrorShape, describe_errors, keys_of


class ExplainBody(EventAndSubscription):
    """An event, given or stored, and a subscription, saved or a candidate."""


class OriginShape(TypedDict):
    """Where one value of a mapping came from."""

    #: The place in the mapping that made it, such as `$.customer_id`.
    place: str
    #: `None` for an object, a list or a plain value.
    directive: str | None
    #: The paths that were read for it, sorted.
    paths: list[str]
    #: `None` both for null and for no value, which `found` distinguishes.
    value: Any
    found: bool
    #: What went wrong, and its place.
    fault: str | None
    #: The parts that were evaluated for it.
    children: list[OriginShape]


class AudienceOriginShape(TypedDict):
    """Which audience an event names, and what the mapping and the action see of it beside that."""

    key: str
    #: `None` if the instance has no such audience.
    name: str | None
    #: The paths at which the event itself has nothing: the values are the instance's.
    paths: list[str]


class Explained(TypedDict):
    """What would happen: the trigger's result, each field's value and origin, the exact request."""

    subscription: str
    action: str
    #: Which of the action's operations it runs; `None` if the action has no sync modes.
    sync_mode: str | None
    #: `None` if the trigger has a fault, and so has `trigger`.
    matches: bool | None
    trigger: Explanation | None
    #: The first condition of the trigger that is false for the event.
    why: FalseConditionShape | None
    #: The audience that the event names, and which paths of it the configuration fills.
    audience: AudienceOriginShape | None
    #: The origin of the whole payload; its children are the fields, without those with a fault.
    fields: OriginShape
    payload: Any
    #: Why the event cannot become a payload; pointers into the payload or the mapping.
    errors: list[ErrorShape]
    #: What is wrong with a candidate, whatever the event; pointers into the candidate.
    faults: list[ErrorShape]
    #: Required fields that the mapping leaves empty.
    unmapped: list[str]
    #: Paths that the mapping reads, and at which the event has nothing.
    missing: list[str]
    request: RequestShape | None
    #: Why the action goes no further, if an answer of 200 with `{}` to its requests is no good.
    stopped: str | None
    #: Why there is no request.
    no_request: str | None
    #: The event that was explained.
    event: dict[str, Any]


class ExplainResource:
    """Explains."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/explain",
            tag="explain",
            summary="Explain what a subscription would make of an event; nothing is sent",
            serve=self.explain,
            answer=Explained,
            body=ExplainBody,
        )

    async def explain(self, call: Call) -> Reply:
        """Answer with the explanation."""
        body: ExplainBody = call.body
        _, config = await self._host.configs.load()
        draft = draft_of(self._host, config, body)
        event = await event_of(self._host, body)
        async with compiled_draft(self._host, draft, config) as (draft, candidate):
            explained = await candidate.explain(event)
        paths = candidate.plan.transform.paths
        return Reply(
            data={
                **explained,
                **_of_draft(draft, explained),
                "missing": missing_paths(paths, candidate.plan.laid(event)),
                "no_request": _no_request(draft, candidate, explained),
                "event": event,
            }
        )


def _of_draft(draft: Draft, explained: Mapping[str, Any]) -> dict[str, Any]:
    """The faults of a draft, and the rest without what only follows from them."""
    errors = [each for each in explained["errors"] if not _is_of(each, draft.faulty_fields)]
    shown = {"errors": errors, "why": false_condition(explained["why"])}
    if draft.trigger_is_faulty:
        shown |= {"matches": None, "trigger": None, "why": None}
    if draft.mapping_is_faulty or draft.sync_mode_is_faulty:
        shown["request"] = None
    faults = describe_errors(draft.faults)
    return {**shown, "faults": faults, "unmapped": [*draft.unmapped]}


def _is_of(error: ErrorShape, fields: Collection[str]) -> bool:
    keys = keys_of(error.get("pointer", "#"))
    return bool(keys) and keys[0] in fields


def _no_request(draft: Draft, candidate: Candidate, explained: Mapping[str, Any]) -> str | None:
    if draft.mapping_is_faulty:
        return "the mapping has faults"
    if draft.sync_mode_is_faulty:
        return "the sync mode has a fault"
    if explained["payload"] is None:
        return "the event cannot become a payload"
    if candidate.runtime is None:
        return candidate.problem
    return "the action made no request" if explained["request"] is None else None
