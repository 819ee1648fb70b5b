"""`offramp status`: queues, outcomes and latencies, and whether the sums hold."""

from __future__ import annotations

import time

from offramp.cli.client import API_DEFAULTS, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Flag
from offramp.cli.render.tables import render_status
from offramp.cli.times import parse_since


async def status(
    context: Context,
    *,
    since: str = "24h",
    reconcile: Flag = False,
    host: ApiOptions = API_DEFAULTS,
) -> int:
    """Show each subscription's queue, outcomes and latency, and whether the sums hold.

    The exit status is 1 if they do not, or if something does not run as configured.

    Parameters
    ----------
    since
        Count from this time on: 90m, 24h or 7d ago, or a time in ISO 8601.
    reconcile
        Recount all deliveries and compare them with the counters; reads the whole ledger.
    """
    async with open_api(host) as api:
        status = await api.get("status", since=parse_since(since, now=time.time()))
        if reconcile:
            recounted = await api.get("reconciliation")
            status["sums"] = {"ok": recounted["ok"], "faults": recounted["faults"]}
    if host.json:
        write_line(status)
    else:
        context.out.print(render_status(status))
    return int(bool(status["degraded"]) or not status["sums"]["ok"])
