"""`offramp explain`: what a subscription would make of events; nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from offramp.cli.compiled import TRIAL_DEFAULTS, TrialOptions, compiled, show, trials
from offramp.cli.context import Context
from offramp.cli.render.explanation import render_explanation
from offramp.delivery import (
    explain as explain_event,
)


async def explain(
    context: Context,
    subscription: str | None = None,
    *,
    options: TrialOptions = TRIAL_DEFAULTS,
) -> int:
    """Show what a subscription would make of events on standard input; nothing is sent.

    The exit status is 1 if a plugin's own code failed for an event that matches the trigger, or
    keeps the whole instance from running.

    Parameters
    ----------
    subscription
        Its id, INSTANCE/NAME; without it, every enabled subscription is explained.
    """
    failed = False
    async with compiled(context, options.config) as snapshot:
        async for plan, event in trials(context, snapshot, subscription, as_json=options.json):
            runtime = snapshot.runtime_of(plan)
            explanation = await explain_event(plan, runtime, event, now=time.time())
            show(context, explanation, render_explanation, as_json=options.json)
            place = f"instances.{plan.subscription.instance}"
            broken = place in snapshot.of_plugins or _plugin_failed(explanation)
            failed = failed or (explanation["matches"] and broken)
    return int(failed)


def _plugin_failed(explanation: Mapping[str, Any]) -> bool:
    """Whether the plugin's own code failed."""
    return any("method" in error for error in explanation["errors"])
