"""Delivers one batch: calls of the plugin's action, and what each says about the events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from offramp.definition import Action, Handler
from offramp.definition.awaited import with_place
from offramp.delivery.bisection import AttemptResult, Bisection, RequestResult
from offramp.delivery.breaker import MIDDLEWARE, REMEDIES
from offramp.delivery.failures import (
    MiddlewareFailedError,
    PluginCode,
    PluginFailedError,
    as_delivery_error,
    outcomes_of,
)
from offramp.delivery.limits import WaitGroup
from offramp.delivery.plan import Plan, PreparedEvent
from offramp.delivery.runtime import InstanceRuntime, finished
from offramp.errors import DeliveryError, RejectedError, RequestTimeoutError
from offramp.http import Client, Mask

#: Seconds for one call of an action, however many requests it makes: 30 times the longest single
#: request, so that only calls that would never end are ended.
LONGEST_CALL_SECONDS: Final = 300.0
#: Reason: the partner accepted something, but the plugin does not report what.
UNCLEAR: Final = "UNCLEAR_OUTCOME"


async def deliver_batch(
    runtime: InstanceRuntime,
    plan: Plan,
    events: Sequence[PreparedEvent],
    wait_group: WaitGroup | None = None,
) -> list[AttemptResult]:
    """Deliver events in as few requests as possible; returns one result for each, in order.

    A batch whose error a single payload may have caused is halved until the bad payloads are
    alone: see `Bisection`. After the `wait_group` is closed, requests that have not begun are held
    back.
    """
    requests = _Requests(runtime=runtime, plan=plan, wait_group=wait_group or WaitGroup())
    bisection = Bisection(
        gate=runtime.gate,
        idempotent=plan.policy.idempotency_window is not None,
        request=requests.send,
    )
    if plan.action.batches:
        return await bisection.send(events)
    return [result for event in events for result in await bisection.send([event])]


@attrs.frozen(kw_only=True)
class _Requests:
    """Sends events of one subscription, one request at a time."""

    runtime: InstanceRuntime
    plan: Plan
    wait_group: WaitGroup

    async def send(self, events: Sequence[PreparedEvent], paced: bool) -> RequestResult | None:  # noqa: FBT001
        """Send events in one request; `None` if the gate refused it."""
        gate = self.runtime.gate
        started = gate.now()
        if not await self.wait_group.enter(gate, len(events), half=paced):
            return None
        try:
            call = await call_action(
                self.runtime,
                self.plan,
                events,
                self._mask_of(events),
                within=LONGEST_CALL_SECONDS,
            )
        finally:
            gate.leave()
        whole = None if call.error is None else as_delivery_error(call.error)
        if whole is not None:
            mask = call.client.mask if call.client else self._mask_of(())(self.runtime.mask)
            self.runtime.faults.note(self.plan.subscription.id, whole, mask)
        if isinstance(whole, MiddlewareFailedError):
            gate.hold(MIDDLEWARE, whole.message, REMEDIES[MIDDLEWARE])
        return RequestResult(
            outcomes=call.outcomes if whole is None else [whole] * len(events),
            error=whole,
            exchange=None if call.client is None else call.client.kept(),
            started=started,
        )

    def _mask_of(self, events: Sequence[PreparedEvent]) -> Callable[[Mask], Mask]:
        wires = (event.wire for event in events)
        return lambda mask: self.plan.secrets.mask_wires(mask, wires)


@attrs.define(kw_only=True)
class Call:
    """One call of an action: an outcome per payload, or what was raised."""

    #: `None` if the client could not be made, which also runs code of the plugin.
    client: Client[Any] | None = None
    outcomes: Sequence[DeliveryError | None] = ()
    error: BaseException | None = None


async def call_action(  # noqa: PLR0913 - all parts of one call
    runtime: InstanceRuntime,
    plan: Plan,
    events: Sequence[PreparedEvent],
    mask: Callable[[Mask], Mask],
    *,
    within: float,
    handler: Handler | None = None,
) -> Call:
    """Call `perform_batch` of the action with all payloads, or `perform` with a single one.

    `mask` makes the client's mask from the instance's. With a `handler` that replaces the
    instance's, tokens are not refreshed. A call ends after `within` seconds.
    """
    call = Call()
    method, given = _method_of(plan, events)
    enter: Callable[..., Awaitable[Any]] = runtime.perform if handler is None else finished
    bound = asyncio.timeout(within)
    with PluginCode() as code:
        async with bound:
            # Making the client also runs code of the plugin: `extend_request`.
            client = runtime.client(plan, [event.event for event in events], handler=handler)
            call.client = client
            client.mask = mask(client.mask)
            value = await enter(client, getattr(plan.action, method), given)
        call.outcomes = _checked(client, plan.action, method, value, len(events))
    if code.error is not None and bound.expired():
        # Not necessarily a fault of the plugin: the partner may be slow.
        call.error = RequestTimeoutError(f"the action did not end within {within:g} s")
    else:
        call.error = code.error
    return call


def _method_of(plan: Plan, events: Sequence[PreparedEvent]) -> tuple[str, Any]:
    """Choose the method for some events, with its argument."""
    if len(events) == 1 and plan.action.performs:
        return "perform", events[0].payload
    return "perform_batch", [event.payload for event in events]


def _checked(
    client: Client[Any], action: Action[Any, Any], method: str, value: Any, count: int
) -> list[DeliveryError | None]:
    """Return the outcome of each payload, after `perform` or `perform_batch` returned a value.

    Raises `PluginFailedError` if nothing was delivered, whatever the value is, and
    `RejectedError` if a repeat could count twice what the partner accepted.
    """
    # The result of `perform` is ignored.
    outcomes = outcomes_of(None if method == "perform" else value, count)
    if isinstance(outcomes, DeliveryError):
        raise _unclear(client, action, outcomes)
    nothing_sent = client.made.nothing
    if nothing_sent and action.may_send_nothing:
        return outcomes
    # Without a request no payload was accepted; otherwise errors in the outcomes are trusted.
    claims = (any if nothing_sent else all)(each is None for each in outcomes)
    undelivered = client.made.undelivered() if claims else None
    if undelivered is not None:
        raise PluginFailedError(
            f"{with_place(getattr(type(action), method), method)} {undelivered}"
        )
    return outcomes


def _unclear(client: Client[Any], action: Action[Any, Any], failed: DeliveryError) -> DeliveryError:
    if action.idempotency is not None or client.made.nothing or client.made.undelivered():
        return failed
    # The status must not blame the content, or the batch would be halved and sent again.
    return RejectedError(
        f"{failed.message}; the partner accepted a request; it is not sent again, as a repeat "
        "could count twice",
        code=UNCLEAR,
        status=failed.status,
    )
