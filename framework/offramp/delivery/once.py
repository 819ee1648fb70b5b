"""Performs an action for one event at once: no queue, no ledger, no retry, no bisection."""

from __future__ import annotations

import time
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp import _json
from offramp.delivery.attempt import call_action
from offramp.delivery.batch import PreparedBatch
from offramp.delivery.breaker import refuses_credentials
from offramp.delivery.failures import PluginCode, as_delivery_error
from offramp.delivery.plan import Plan
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.secrecy import masked_texts, shown_code
from offramp.errors import DeliveryError
from offramp.http import Exchange, Mask, readable

#: What a delivery with this result would become: `held` if the partner refuses the credentials, and
#: `unsent` if the event cannot become a payload.
SentOutcome: TypeAlias = Literal["delivered", "retrying", "held", "rejected", "unsent"]
#: Seconds for the action, however many requests it makes: somebody waits for the answer.
LONGEST_SEND_SECONDS: Final = 30.0


@attrs.frozen(kw_only=True)
class Sent:
    """What became of one event that was sent at once; secrets are masked."""

    outcome: SentOutcome
    #: Reason code and message of a failure.
    reason: str = ""
    message: str = ""
    #: The status that the failure stands for.
    status: int | None = None
    payload: Any = None
    #: The last request and its answer, with the earlier ones; `None` if no request was made.
    exchange: Exchange | None = None
    #: How long the action took.
    seconds: float = 0.0


async def send_once(
    plan: Plan,
    runtime: InstanceRuntime,
    event: dict[str, Any],
    *,
    now: float,
) -> Sent:
    """Send one event now, whether the trigger selects it or not; `now` in epoch seconds.

    Everything that the plugin raises is in the result. The circuit breaker, the bounds and the
    queue of the instance neither hold it back nor learn of it.
    """
    batch: PreparedBatch
    with PluginCode() as code:  # includes errors of the plugin's own checks
        batch = plan.prepare_one(event, now=now, settings_of=runtime.settings_of)
    if code.error is not None:
        mask = plan.mask_of(runtime.mask, event)
        return attrs.evolve(_failed(as_delivery_error(code.error), mask), outcome="unsent")
    payload = _json.loads(batch.wire(0))
    started = time.monotonic()
    call = await call_action(runtime, plan, batch, within=LONGEST_SEND_SECONDS)
    seconds = time.monotonic() - started
    mask = plan.secrets.mask(runtime.mask if call.client is None else call.client.mask, [payload])
    error = call.error or call.errors.get(0)
    sent = Sent(outcome="delivered") if error is None else _failed(as_delivery_error(error), mask)
    return attrs.evolve(
        sent,
        payload=masked_texts(plan.secrets.shown(payload), mask),
        exchange=None if call.client is None else call.client.kept(),
        seconds=seconds,
    )


def _failed(error: DeliveryError, mask: Mask) -> Sent:
    outcome: SentOutcome = "retrying" if error.retryable else "rejected"
    return Sent(
        outcome="held" if refuses_credentials(error) else outcome,
        reason=shown_code(error, mask),
        message=readable(mask(error.message)),
        status=error.status,
    )
