"""Delivers one batch: calls of the plugin's action, and what each says about the events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from offramp.definition import ON_DELETE, Action, AuthTokens, DeleteUser, Handler
from offramp.definition.awaited import with_place
from offramp.delivery.batch import PreparedBatch
from offramp.delivery.bisection import CONTENT_STATUSES, Bisection, RequestResult, Verdict
from offramp.delivery.breaker import MIDDLEWARE, REMEDIES
from offramp.delivery.failures import (
    BoundedPluginCode,
    MiddlewareFailedError,
    PluginFailedError,
    WrongResultError,
    as_delivery_error,
    errors_of,
)
from offramp.delivery.limits import WaitGroup
from offramp.delivery.plan import Plan
from offramp.delivery.runtime import UNAUTHORIZED, InstanceRuntime, finished
from offramp.errors import DeliveryError, RejectedError
from offramp.http import Client

#: Seconds for one call of an action, however many requests it makes: 30 times the longest single
#: request, so that only calls that would never end are ended.
LONGEST_CALL_SECONDS: Final = 300.0
#: Not necessarily a fault of the plugin: the partner may be slow.
UNENDED: Final = "the action did not end"
#: Reason: the partner answered all requests, and then the plugin returned what says nothing.
PLUGIN_FAILED: Final = "PLUGIN_FAILED"

#: Called with the positions in the lease of all that leaves in a request.
BeginRequest: TypeAlias = Callable[[Sequence[int]], Awaitable[None]]


async def deliver_batch(
    runtime: InstanceRuntime,
    plan: Plan,
    batch: PreparedBatch,
    wait_group: WaitGroup | None = None,
    *,
    begin: BeginRequest | None = None,
) -> list[Verdict]:
    """Deliver a batch in as few requests as possible; the verdicts have each of its indexes once.

    A batch whose error a single payload may have caused is halved until the bad payloads are
    alone: see `Bisection`. After the `wait_group` is closed, requests that have not begun are held
    back. `begin` is called before each request leaves.
    """
    requests = _Requests(
        runtime=runtime, plan=plan, wait_group=wait_group or WaitGroup(), begin=begin
    )
    bisection = Bisection(
        gate=runtime.gate,
        idempotent=plan.policy.idempotency_window is not None,
        request=requests.send,
        content_statuses=CONTENT_STATUSES.union(plan.action.content_statuses),
    )
    return await bisection.send(batch)


@attrs.frozen(kw_only=True)
class _Requests:
    """Sends events of one subscription, one request at a time."""

    runtime: InstanceRuntime
    plan: Plan
    wait_group: WaitGroup
    begin: BeginRequest | None

    async def send(self, events: PreparedBatch, paced: bool) -> RequestResult | None:  # noqa: FBT001
        """Send events in one request; `None` if the gate refused it."""
        gate = self.runtime.gate
        if not await self.wait_group.enter(gate, len(events), half=paced):
            return None
        started = gate.now()
        try:
            if self.begin is not None:
                await self.begin(events.positions)
            call = await call_action(self.runtime, self.plan, events, within=LONGEST_CALL_SECONDS)
        finally:
            gate.leave()
        whole = None if call.error is None else as_delivery_error(call.error)
        if whole is not None:
            mask = call.client.mask if call.client else self.plan.secrets.mask(self.runtime.mask)
            self.runtime.faults.note(self.plan.subscription.id, whole, mask)
        if isinstance(whole, MiddlewareFailedError):
            gate.hold(MIDDLEWARE, whole.message, REMEDIES[MIDDLEWARE])
        return RequestResult(
            error=whole,
            errors=call.errors,
            exchange=None if call.client is None else call.client.kept(),
            started=started,
        )


@attrs.define(kw_only=True)
class Call:
    """One call of an action: what was raised, or the errors that it named for single payloads."""

    #: `None` if the settings do not fit the class that the action names.
    client: Client[Any] | None = None
    error: BaseException | None = None
    #: Index -> error.
    errors: Mapping[int, DeliveryError] = attrs.field(factory=dict)


async def call_action(
    runtime: InstanceRuntime,
    plan: Plan,
    events: PreparedBatch,
    *,
    within: float,
    handler: Handler | None = None,
) -> Call:
    """Call `perform_batch` of the action with a batch, or `perform` with what is sent alone.

    With a `handler` that replaces the instance's it is a dry run: tokens are not refreshed. A call
    ends after `within` seconds.
    """
    call = Call()
    method = plan.method
    given = events.payloads[0] if method == "perform" else list(events.payloads)
    enter: Callable[..., Awaitable[Any]] = runtime.perform if handler is None else finished
    tokens: AuthTokens | None = None
    async with BoundedPluginCode(within, UNENDED) as code:
        client = runtime.client(
            plan, events.events, handler=handler, explaining=handler is not None
        )
        client.payloads = events.payloads
        call.client = client
        client.mask = plan.secrets.mask_wires(client.mask, events.wires)
        tokens = client.auth
        value = await enter(client, getattr(plan.action, method), given)
        call.errors = _checked(client, plan.action, method, value, len(events))
    call.error = code.error
    if handler is None and call.client is not None and call.client.auth is tokens:
        call.errors = await _repeat_refused(runtime, plan, call.client, events, call.errors, within)
    return call


async def _repeat_refused(  # noqa: PLR0913, PLR0917 - a call, and what came of it
    runtime: InstanceRuntime,
    plan: Plan,
    client: Client[Any],
    events: PreparedBatch,
    errors: Mapping[int, DeliveryError],
    within: float,
) -> Mapping[int, DeliveryError]:
    """Send those events again, with new tokens, for which the action reports a 401.

    Whatever comes of that, the outcomes of the other events stay, as they may be delivered.
    """
    refused = [index for index, error in errors.items() if error.status == UNAUTHORIZED]
    if not refused:
        return errors
    again: Mapping[int, DeliveryError] = {}
    async with BoundedPluginCode(within, UNENDED) as code:
        if not await runtime.refresh(client.auth):
            return errors
        runtime.renew(client)
        picked = events.pick(refused)
        client.show(picked.payloads, picked.events)
        value = await finished(client, plan.action.perform_batch, list(picked.payloads))
        again = _checked(client, plan.action, "perform_batch", value, len(refused))
    if code.error is not None:
        again = dict.fromkeys(range(len(refused)), as_delivery_error(code.error))
    others = {index: error for index, error in errors.items() if index not in refused}
    return others | {refused[at]: error for at, error in again.items()}


def _checked(
    client: Client[Any], action: Action[Any, Any], method: str, value: Any, count: int
) -> Mapping[int, DeliveryError]:
    """Return the errors of payloads by index, after `perform` or `perform_batch` gave a value.

    Raises `PluginFailedError` if nothing was delivered, whatever the value is, and
    `RejectedError` if the value says nothing of what the partner accepted.
    """
    # The result of `perform` is ignored.
    errors = errors_of(None if method == "perform" else value, count)
    if isinstance(errors, DeliveryError):
        raise _final_if_sent(client, errors)
    errors = {index: _final_if_sent(client, error) for index, error in errors.items()}
    nothing_sent = client.made.nothing
    if nothing_sent and action.may_send_nothing:
        return errors
    # Without a request no payload was accepted; otherwise errors in the outcomes are trusted.
    claims = len(errors) < count if nothing_sent else not errors
    undelivered = client.made.undelivered() if claims else None
    if undelivered is not None:
        raise PluginFailedError(f"{_place_of(action, method)} {undelivered}")
    return errors


def _place_of(action: Action[Any, Any], method: str) -> str:
    if isinstance(action, DeleteUser):
        return with_place(action.function, ON_DELETE)
    return with_place(getattr(type(action), method), method)


def _final_if_sent(client: Client[Any], error: DeliveryError) -> DeliveryError:
    """The error itself, but a final one for a wrong result after requests that all succeeded.

    The partner has the payloads: they are not sent again before somebody has looked.
    """
    if not isinstance(error, WrongResultError):
        return error
    if client.made.nothing or client.made.undelivered() is not None:
        return error
    # The status must not blame the content, or the batch would be halved and sent again.
    return RejectedError(
        f"{error.message}; its requests had succeeded, so it is not sent again by itself",
        code=PLUGIN_FAILED,
        status=error.status,
    )
