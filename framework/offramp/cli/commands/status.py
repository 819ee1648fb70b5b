"""Commands that ask a running host: `events` and `status`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter
from rich.console import Group

from offramp.cli.client import Where, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.render.event import render_story
from offramp.cli.render.tables import render_events, render_status
from offramp.cli.times import moment
from offramp.hooks import Command

Flag = Annotated[bool, Parameter(negative="")]


class Asking:
    """Ask a running host."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.events, self.status]

    async def events(
        self,
        message_id: str | None = None,
        *,
        source: str | None = None,
        limit: int = 20,
        json: Flag = False,
        where: Where | None = None,
    ) -> None:
        """Tell what became of one event at each subscription, and why; or list the latest.

        Parameters
        ----------
        message_id
            The event's messageId; without it, the latest events are listed.
        source
            Only what this source sent.
        limit
            Events of the list, at the most.
        json
            Write one JSON text a line instead of words.
        """
        async with open_api(where) as api:
            if message_id is None:
                page = await api.get("events", source=source, limit=limit)
                self._context.show(page["rows"], lambda: render_events(page), as_json=json)
                return
            told = await api.get("events", message_id, source=source)
        for story in told["stories"]:
            if json:
                write_line(story)
            else:
                self._context.out.print(Group(render_story(story), ""))

    async def status(
        self,
        *,
        since: str = "24h",
        audit: Flag = False,
        json: Flag = False,
        where: Where | None = None,
    ) -> int:
        """Show each subscription's queue, outcomes and latency, and whether the sums hold.

        The status is 1 where they do not, or where something that is configured does not run.

        Parameters
        ----------
        since
            Count from then on: 90m, 24h, 7d, or a time in ISO 8601.
        audit
            Recount everything instead of trusting the counters; reads the whole ledger.
        json
            Write JSON instead of tables.
        """
        async with open_api(where) as api:
            status = await api.get("status", since=moment(since, now=time.time()))
            if audit:
                recounted = await api.get("reconciliation")
                status["sums"] = {"ok": recounted["ok"], "faults": recounted["faults"]}
        if json:
            write_line(status)
        else:
            self._context.out.print(render_status(status))
        return int(bool(status["problems"]) or not status["sums"]["ok"])
