"""`offramp send`: sends events to their destinations directly, without a host."""

from __future__ import annotations

import time
from typing import Any

from offramp.cli.compiled import TRIAL_DEFAULTS, TrialOptions, compiled, show, trials
from offramp.cli.context import Context
from offramp.cli.render.explanation import render_answers
from offramp.delivery import Plan, Snapshot, as_delivery_error, deliver_batch
from offramp.errors import DeliveryError, NotFoundError
from offramp.http import Mask


async def send(
    context: Context,
    subscription: str | None = None,
    *,
    options: TrialOptions = TRIAL_DEFAULTS,
) -> int:
    """Send events on standard input to their destinations now, for real, and show the answers.

    No host and no queue is used. The exit status is 1 if an event was not accepted.

    Parameters
    ----------
    subscription
        Its id, INSTANCE/NAME; without it, every enabled subscription whose trigger matches.
    """
    failed = False
    async with compiled(context, options.config) as snapshot:
        async for plan, event in trials(context, snapshot, subscription, as_json=options.json):
            if plan.matches(event):
                result = await _send_one(snapshot, plan, event)
                show(context, result, render_answers, as_json=options.json)
                failed = failed or result["error"] is not None
    return int(failed)


async def _send_one(snapshot: Snapshot, plan: Plan, event: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "subscription": plan.subscription.id,
        "messageId": event["messageId"],
        "error": None,
        "exchange": None,
    }
    runtime = snapshot.runtime_of(plan)
    if runtime is None:
        raise NotFoundError(f"the instance of {plan.subscription.id} could not be started")
    try:
        batch = plan.prepare_one(event, now=time.time(), settings_of=runtime.settings_of)
    except Exception as error:  # noqa: BLE001 - a plugin's own checks may raise anything
        return result | {
            "error": _error(as_delivery_error(error), plan.mask_of(runtime.mask, event))
        }
    [verdict] = await deliver_batch(runtime, plan, batch)
    if verdict.exchange is not None:
        result["exchange"] = verdict.exchange.as_data()
    mask = plan.secrets.mask_wires(runtime.mask, batch.wires)
    return result | {"error": None if verdict.error is None else _error(verdict.error, mask)}


def _error(error: DeliveryError, mask: Mask) -> dict[str, Any]:
    return {"message": mask(error.message), "code": error.code, "status": error.status}
