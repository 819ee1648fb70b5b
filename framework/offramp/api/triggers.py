"""Triggers: vocabulary, text to tree and back, in words, tried on events; searches' conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

from offramp._json import Projection
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.trigger_shapes import (
    Matches,
    MatchShape,
    NodeWordsShape,
    TriggerAnswer,
    TriggerMatch,
    TriggerText,
    TriggerTree,
)
from offramp.errors import TriggerError
from offramp.fql import (
    Trigger,
    Vocabulary,
    compile_trigger,
    describe,
    segment_reading,
    vocabulary,
)
from offramp.pointers import pointer_of

#: Whether the JSON of an event is meant.
BodyCondition: TypeAlias = Callable[[bytes], bool]


class TriggersResource:
    """Parses and tries triggers; it needs no configuration."""

    def __init__(self, _: HostContext) -> None:
        pass

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/triggers/vocabulary",
            tag="triggers",
            summary="List fields, operators and functions of conditions, with their words",
            serve=self.vocabulary,
            answer=Vocabulary,
        )
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

    async def vocabulary(self, _: Call) -> Reply:
        """Answer with all that conditions are made of."""
        return Reply(data=vocabulary())

    async def parse(self, call: Call) -> Reply:
        """Answer with the tree of a text."""
        return Reply(data=_answer(compile_at(call.body.text, "text")))

    async def generate(self, call: Call) -> Reply:
        """Answer with the text of a tree."""
        return Reply(data=_answer(compile_at(call.body.tree, "tree")))

    async def match(self, call: Call) -> Reply:
        """Answer with the result for each event."""
        trigger = compile_at(call.body.trigger, "trigger")
        return Reply(data=Matches(results=[_match(trigger, event) for event in call.body.events]))


def compile_at(trigger: str | dict[str, Any], key: str) -> Trigger:
    """Compile the trigger at a key of the body; faults have their place in the body."""
    try:
        return compile_trigger(trigger)
    except TriggerError as error:
        raise TriggerError(fault.under(key) for fault in error.faults) from None


def _answer(trigger: Trigger) -> TriggerAnswer:
    return {
        "text": trigger.text,
        "tree": cast("Any", trigger.tree),
        "nodes": _nodes(trigger),
        "paths": list(trigger.paths),
        "warnings": list(trigger.warnings),
        "segment": segment_reading(trigger.text),
    }


def _nodes(trigger: Trigger) -> list[NodeWordsShape]:
    return [
        {
            "pointer": pointer_of(each["place"]),
            "text": each["text"],
            "words": each["words"],
            "notes": cast("Any", each["notes"]),
        }
        for each in describe(trigger.tree)
    ]


def _match(trigger: Trigger, event: dict[str, Any]) -> MatchShape:
    message_id = event.get("messageId")
    return {
        "message_id": message_id if isinstance(message_id, str) else None,
        "matches": trigger(event),
        "why": trigger.explain(event),
    }


def body_condition(where: str) -> BodyCondition:
    """Compile FQL for the JSON of events; raises `TriggerError` with every fault and its column.

    The condition may be called in any thread. It parses of an event only what the text reads.
    """
    return condition_of(compile_trigger(where))


def condition_of(trigger: Trigger) -> BodyCondition:
    """Make a trigger the condition for the JSON of events; see `body_condition`."""
    read, matches = Projection(trigger.reads).read, trigger.matches
    return lambda body: matches(read(body))
