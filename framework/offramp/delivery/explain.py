"""Explains what a subscription makes of an event, by the production code; nothing is ever sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from offramp import _json
from offramp.definition import OutgoingRequest, Response
from offramp.delivery.attempt import call_action
from offramp.delivery.batch import PreparedBatch
from offramp.delivery.failures import PluginCode, PluginFailedError, as_delivery_error
from offramp.delivery.plan import Plan
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.secrecy import masked_origin, masked_texts
from offramp.errors import DeliveryError, Fault, FaultyError, TransformError
from offramp.fql import why_not
from offramp.http import MAX_EARLIER, Client, Exchange, Mask, readable
from offramp.pointers import ErrorShape, describe_errors

#: Seconds for an action. Nothing is sent or waited for, so one that takes longer never ends.
LONGEST_EXPLANATION_SECONDS: Final = 10.0
OK: Final = 200


class _NotSentError(BaseException):
    """Ends an action after enough requests; a plugin's `except Exception` cannot catch it."""


@attrs.define(kw_only=True)
class _StandIn:
    """Answers requests in the partner's place, so that an action goes on to its next one."""

    #: How many requests it has answered.
    answered: int = 0

    async def send(self, outgoing: OutgoingRequest) -> Response:
        if self.answered == MAX_EARLIER:
            raise _NotSentError(f"after {MAX_EARLIER + 1} requests the dry run ends")
        self.answered += 1
        headers = {"Content-Type": "application/json"}
        return Response(status=OK, headers=headers, body=b"{}", url=outgoing.url)


async def explain(
    plan: Plan, runtime: InstanceRuntime | None, event: dict[str, Any], *, now: float
) -> dict[str, Any]:
    """Explain what would happen: trigger, values and their origins, errors, the exact request.

    `now` in epoch seconds. Without a runtime (the instance's settings are not known) the action's
    `validate` and the request are left out. Each request is answered with 200 and `{}`; where the
    action cannot go on with that, `stopped` says why.
    """
    # Names in the configuration are not secret, even if a secret has the same text.
    names = {
        "subscription": plan.subscription.id,
        "action": plan.offered.slug,
        "sync_mode": plan.sync_mode,
    }
    origin = plan.transform.explain(plan.laid(event))
    shown: dict[str, Any] = {
        "matches": plan.matches(event),
        "trigger": plan.matches.explain(event),
        "why": why_not(plan.matches, event),
        "audience": None if plan.audiences is None else plan.audiences.origin(event),
        "fields": masked_origin(attrs.asdict(origin), plan.secrets),
        "payload": None,
        "errors": [],
        "request": None,
        "stopped": None,
    }
    unmasked = str if plan.audiences is None else plan.audiences.mask
    mask = plan.mask_of(unmasked if runtime is None else runtime.mask, event)
    settings_of = None if runtime is None else runtime.settings_of
    batch: PreparedBatch
    with PluginCode() as code:  # includes errors of the plugin's own checks
        batch = plan.prepare_one(event, now=now, settings_of=settings_of)
    if code.error is not None:
        shown["errors"] = _errors_of(code.error, "validate", mask)
        return {**names, **masked_texts(shown, mask)}
    payload = _json.loads(batch.wire(0))
    mask = plan.secrets.mask(mask, [payload])
    shown["payload"] = plan.secrets.shown(payload)
    if runtime is not None:
        shown |= await _request(plan, runtime, batch, mask)
    return {**names, **masked_texts(shown, mask)}


async def _request(
    plan: Plan, runtime: InstanceRuntime, batch: PreparedBatch, mask: Mask
) -> dict[str, Any]:
    partner = _StandIn()
    handler = runtime.around(partner.send)
    call = await call_action(
        runtime, plan, batch, handler=handler, within=LONGEST_EXPLANATION_SECONDS
    )
    request = _shown(call.client)
    # `perform_batch` may name the error of the payload in place of raising it.
    error = call.errors.get(0) if call.error is None else call.error
    if error is None:
        return {"request": request}
    if partner.answered:  # the partner's own answer would have led elsewhere
        return {"request": request, "stopped": _why_stopped(error, mask)}
    return {"request": request, "errors": _errors_of(error, plan.method, mask)}


def _why_stopped(error: BaseException, mask: Mask) -> str:
    """What ended an action that a stand-in had answered."""
    if isinstance(error, BaseExceptionGroup):
        error = next((each for each in error.exceptions if isinstance(each, _NotSentError)), error)
    message = str(error) if isinstance(error, _NotSentError) else as_delivery_error(error).message
    return readable(mask(message))


def _errors_of(error: BaseException, method: str, mask: Mask) -> list[ErrorShape]:
    """Convert an exception to errors; a plugin's bug is part of the explanation."""
    failure = as_delivery_error(error)
    of_plugin = failure is not error or isinstance(failure, PluginFailedError)
    if of_plugin or (method != "validate" and not isinstance(failure, FaultyError)):
        return [{"method": method, "detail": readable(mask(failure.message))}]
    return describe_errors(
        Fault(fault.place, readable(mask(fault.message))) for fault in _faults_of(failure)
    )


def _faults_of(error: DeliveryError) -> Iterable[Fault]:
    # A plugin's own check may give objects that are not faults.
    if isinstance(error.__cause__, TransformError):
        return [Fault(error.__cause__.place, error.__cause__.message)]
    if isinstance(error, FaultyError) and all(isinstance(each, Fault) for each in error.faults):
        return error.faults
    return [Fault("$", error.message)]


def _shown(client: Client[Any] | None) -> dict[str, Any] | None:
    """The requests that would have been sent: the last, linked to the earlier ones."""
    exchange = None if client is None else client.kept()
    if exchange is None:
        return None
    shown = _request_of(exchange)
    if exchange.earlier:
        shown["earlier"] = [_request_of(each) for each in exchange.earlier]
    if exchange.left_out:
        shown["left_out"] = exchange.left_out
    return shown


def _request_of(exchange: Exchange) -> dict[str, Any]:
    return {
        "method": exchange.method,
        "url": exchange.url,
        "headers": dict(exchange.request_headers),
        "body": exchange.request_body,
    }
