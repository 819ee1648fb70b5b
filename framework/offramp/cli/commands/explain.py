"""`offramp explain`: what a subscription would make of events; nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from offramp.cli.compiled import Compiled, chosen, show
from offramp.cli.context import Context
from offramp.cli.events import read_events
from offramp.cli.load import DEFAULT_FILE
from offramp.cli.options import ConfigFile, Json
from offramp.cli.render.explanation import render_event, render_explanation
from offramp.delivery import (
    explain as explain_event,
)
from offramp.web import complete


async def explain(
    context: Context,
    subscription: str | None = None,
    *,
    config: ConfigFile = DEFAULT_FILE,
    json: Json = False,
) -> int:
    """Show what a subscription would make of events on standard input; nothing is sent.

    The status is 1 where a plugin's own code failed for an event that the trigger wants, also where
    it keeps the whole instance from running.

    Parameters
    ----------
    subscription
        Its id, INSTANCE/NAME; without it, every enabled subscription is asked.
    """
    failed = False
    async with Compiled(context, config) as snapshot:
        for event in map(complete, read_events()):
            if not json:
                context.out.print(render_event(event))
            for pipeline in chosen(snapshot, subscription):
                runtime = snapshot.runtime_of(pipeline)
                explanation = await explain_event(pipeline, runtime, event, now=time.time())
                show(context, explanation, render_explanation, as_json=json)
                place = f"instances.{pipeline.subscription.instance}"
                broken = place in snapshot.of_plugins or _plugin_failed(explanation)
                failed = failed or (explanation["matches"] and broken)
    return int(failed)


def _plugin_failed(explanation: Mapping[str, Any]) -> bool:
    """Whether an explanation ended in the plugin's own code."""
    return any("method" in error for error in explanation["errors"])
