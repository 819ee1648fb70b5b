"""Triggers: parse a text, generate one from a tree, try it on events; conditions of searches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeAlias, TypedDict

import msgspec

from offramp._json import Projection
from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_LIMIT, Call, Operation, Reply
from offramp.errors import TriggerError
from offramp.fql import Trigger, compile_trigger, segment_reading

#: Whether the JSON of an event is meant.
BodyCondition: TypeAlias = Callable[[bytes], bool]


class TriggerText(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as text."""

    text: str


class TriggerTree(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as a tree, as a condition builder edits it."""

    tree: dict[str, Any]


class TriggerMatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as text or tree, and events to try it on."""

    trigger: str | dict[str, Any]
    events: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=MAX_LIMIT)]


class TriggerAnswer(TypedDict):
    """A trigger in both forms, what it reads, and warnings about it."""

    text: str
    tree: dict[str, Any]
    paths: list[str]
    warnings: list[str]
    #: Where Segment would read it differently.
    segment: list[str]


class MatchShape(TypedDict):
    """Whether one event matches; `why` has the result of each condition."""

    message_id: str | None
    matches: bool
    why: dict[str, Any]


class Matches(TypedDict):
    """One result for each event, in their order."""

    results: list[MatchShape]


class TriggersResource:
    """Parses and tries triggers; it needs no configuration."""

    def __init__(self, _: HostContext) -> None:
        pass

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        made = [
            ("parse", "Parse a trigger's text", self.parse, TriggerAnswer, TriggerText),
            ("generate", "Write a tree as text", self.generate, TriggerAnswer, TriggerTree),
            ("match", "Try a trigger on events", self.match, Matches, TriggerMatch),
        ]  # fmt: skip
        for name, summary, serve, answer, body in made:
            yield Operation(
                method="POST",
                path=f"/api/triggers/{name}",
                tag="triggers",
                summary=summary,
                serve=serve,
                answer=answer,
                body=body,
            )

    async def parse(self, call: Call) -> Reply:
        """Answer with the tree of a text."""
        return Reply(data=_answer(_compile(call.body.text, "text")))

    async def generate(self, call: Call) -> Reply:
        """Answer with the text of a tree."""
        return Reply(data=_answer(_compile(call.body.tree, "tree")))

    async def match(self, call: Call) -> Reply:
        """Answer with the result for each event."""
        trigger = _compile(call.body.trigger, "trigger")
        return Reply(data=Matches(results=[_match(trigger, event) for event in call.body.events]))


def _compile(trigger: str | dict[str, Any], key: str) -> Trigger:
    """Compile the trigger at a key of the body; faults have their place in the body."""
    try:
        return compile_trigger(trigger)
    except TriggerError as error:
        raise TriggerError(fault.under(key) for fault in error.faults) from None


def _answer(trigger: Trigger) -> TriggerAnswer:
    return {
        "text": trigger.text,
        "tree": dict(trigger.tree),
        "paths": list(trigger.paths),
        "warnings": list(trigger.warnings),
        "segment": segment_reading(trigger.text),
    }


def _match(trigger: Trigger, event: dict[str, Any]) -> MatchShape:
    message_id = event.get("messageId")
    return {
        "message_id": message_id if isinstance(message_id, str) else None,
        "matches": trigger(event),
        "why": dict(trigger.explain(event)),
    }


def body_condition(where: str) -> BodyCondition:
    """Compile FQL for the JSON of events; raises `TriggerError` with every fault and its column.

    The condition may be called in any thread. It parses of an event only what the text reads.
    """
    trigger = compile_trigger(where)
    read, matches = Projection(trigger.reads).read, trigger.matches
    return lambda body: matches(read(body))
