"""Test sends: performs an action for one event at once, for a person who is asked first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypedDict

from offramp.api.candidates import Candidate
from offramp.api.drafts import Draft, compiled_draft, draft_of
from offramp.api.exchange_shapes import ExchangeShape
from offramp.api.given_events import EventAndSubscription, event_of
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.delivery import InstanceRuntime, SentOutcome, send_once
from offramp.errors import ConfigError


class TestSendBody(EventAndSubscription):
    """An event, given or stored, and a subscription, saved or a candidate; `confirm` is needed."""

    #: Must be true: a request is really made.
    confirm: bool = False


class TestSendShape(TypedDict):
    """What became of the event."""

    subscription: str
    action: str
    #: Whether the trigger selects the event, which is sent either way; `None` for a faulty one.
    matches: bool | None
    #: What a delivery with this result would become; `held` if the partner refuses the
    #: credentials, `unsent` if the event cannot become a payload.
    outcome: SentOutcome
    #: Reason code and message; empty if it was delivered.
    reason: str
    message: str
    status: int | None
    payload: Any
    exchange: ExchangeShape | None
    #: How long the action took.
    seconds: float
    #: The event that was sent.
    event: dict[str, Any]


class SendingResource:
    """Sends one event, outside the queue and the ledger."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        # Each may take half a minute and starts an instance that does not run.
        self._sending = asyncio.Lock()

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/test-sends",
            tag="test-sends",
            summary="Send one event to the destination now, for real, and show the answer",
            serve=self.send,
            answer=TestSendShape,
            body=TestSendBody,
        )

    async def send(self, call: Call) -> Reply:
        """Answer with the requests, the answers and the outcome."""
        body: TestSendBody = call.body
        if not body.confirm:
            raise refuse("confirm", "must be true: the event is really sent to the destination")
        _, config = await self._host.configs.load()
        draft = draft_of(self._host, config, body)
        event = await event_of(self._host, body)
        async with self._sending, compiled_draft(self._host, draft, config) as (draft, candidate):
            if draft.mapping_is_faulty:
                raise ConfigError(draft.faults)
            if candidate.runtime is None:
                raise conflict(candidate.problem)
            await self._note(call, draft, event)
            shape = await self._sent(draft, candidate, candidate.runtime, event)
        return Reply(data=shape)

    async def _sent(
        self, draft: Draft, candidate: Candidate, runtime: InstanceRuntime, event: dict[str, Any]
    ) -> TestSendShape:
        plan = candidate.plan
        sent = await send_once(plan, runtime, event, now=self._host.clock())
        exchange: Any = None if sent.exchange is None else sent.exchange.as_data()
        return {
            "subscription": plan.subscription.id,
            "action": plan.offered.slug,
            "matches": None if draft.trigger_is_faulty else plan.matches(event),
            "outcome": sent.outcome,
            "reason": sent.reason,
            "message": sent.message,
            "status": sent.status,
            "payload": sent.payload,
            "exchange": exchange,
            "seconds": sent.seconds,
            "event": event,
        }

    async def _note(self, call: Call, draft: Draft, event: dict[str, Any]) -> None:
        """Enter it into the audit log first, so that nothing is sent that is not there."""
        subscription = draft.subscription
        done = {
            "instance": subscription.instance,
            "action": subscription.action,
            "message_id": event.get("messageId"),
            "saved": call.body.subscription is not None,
        }
        await self._host.configs.note(
            "test_send", subscription.id, before=None, after=done,
            actor=call.actor, token=call.token,
        )  # fmt: skip
