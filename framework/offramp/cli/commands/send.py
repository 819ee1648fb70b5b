"""`offramp send`: sends events to their destinations now, without a host."""

from __future__ import annotations

import time
from typing import Any

from offramp.cli.compiled import Compiled, chosen, show
from offramp.cli.context import Context
from offramp.cli.events import read_events
from offramp.cli.load import DEFAULT_FILE
from offramp.cli.options import ConfigFile, Json
from offramp.cli.render.explanation import render_answers, render_event
from offramp.delivery import (
    Parcel,
    Pipeline,
    Snapshot,
    as_delivery_error,
)
from offramp.delivery import (
    send as send_batch,
)
from offramp.errors import DeliveryError, NotFoundError
from offramp.http import Mask
from offramp.web import complete


async def send(
    context: Context,
    subscription: str | None = None,
    *,
    config: ConfigFile = DEFAULT_FILE,
    json: Json = False,
) -> int:
    """Send events on standard input to their destinations now, for real, and show the answers.

    The host and its queue have no part in it. The status is 1 where an event was not taken.

    Parameters
    ----------
    subscription
        Its id, INSTANCE/NAME; without it, every enabled subscription whose trigger matches.
    """
    failed = False
    async with Compiled(context, config) as snapshot:
        for event in map(complete, read_events()):
            if not json:
                context.out.print(render_event(event))
            for pipeline in chosen(snapshot, subscription):
                if pipeline.matches(event):
                    result = await _send_one(snapshot, pipeline, event)
                    show(context, result, render_answers, as_json=json)
                    failed = failed or result["error"] is not None
    return int(failed)


async def _send_one(
    snapshot: Snapshot, pipeline: Pipeline, event: dict[str, Any]
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "subscription": pipeline.subscription.id,
        "messageId": event["messageId"],
        "error": None,
        "exchange": None,
    }
    runtime = snapshot.runtime_of(pipeline)
    if runtime is None:
        raise NotFoundError(f"the instance of {pipeline.subscription.id} could not be started")
    try:
        prepared = pipeline.prepare(event, now=time.time())
    except Exception as error:  # noqa: BLE001 - a plugin's own checks may raise anything
        return result | {
            "error": _error(as_delivery_error(error), pipeline.mask_of(runtime.mask, event))
        }
    [sent] = await send_batch(runtime, pipeline, [Parcel(prepared=prepared, event=event)])
    if sent.exchange is not None:
        result["exchange"] = sent.exchange.as_data()
    mask = pipeline.secrets.mask_wires(runtime.mask, [prepared.wire])
    return result | {"error": None if sent.error is None else _error(sent.error, mask)}


def _error(error: DeliveryError, mask: Mask) -> dict[str, Any]:
    return {"message": mask(error.message), "code": error.code, "status": error.status}
