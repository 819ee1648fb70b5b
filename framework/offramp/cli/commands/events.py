"""`offramp events`: the deliveries of one event, or a search among the latest events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs
from rich.console import Group

from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Period
from offramp.cli.progress import show_progress
from offramp.cli.render.event import MINUTES, clock, render_event_record
from offramp.cli.render.tables import render_events
from offramp.errors import OfframpError, counted

#: The most events that one request lists; what it looks through is bounded by the host.
PAGE: Final = 500


async def events(  # noqa: PLR0913 - each is an option of the command
    context: Context,
    message_id: str | None = None,
    *,
    where: str | None = None,
    period: Period | None = None,
    subscription: str | None = None,
    outcome: Literal["waiting", "retrying", "delivered", "filtered", "rejected", "expired"]
    | None = None,
    reason: str | None = None,
    source: str | None = None,
    limit: int = 20,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Show the delivery of one event to each subscription, and why; or search accepted events.

    Parameters
    ----------
    message_id
        The event's messageId; without it, events are listed, latest first.
    where
        Only events that meet this condition, in FQL: properties.customer = "acme".
    subscription
        Only events with a delivery to this subscription, filtered ones among them.
    outcome
        Only events with a delivery in this stage.
    reason
        Only events with a delivery that stands there for this reason, such as 422.
    source
        Only events of this source.
    limit
        The most events to list.
    """
    query = {
        "where": where,
        **(period or Period()).as_query(),
        "subscription": subscription,
        "outcome": outcome,
        "reason": reason,
    }
    async with open_api(host) as api:
        if message_id is None:
            search = _Search(context=context, api=api, as_json=host.json)
            await search.run({**query, "source": source}, limit)
            return
        if any(value is not None for value in query.values()):
            raise OfframpError("give a message id, or conditions for a search, but not both")
        answer = await api.get("events", message_id, source=source)
    for record in answer["events"]:
        if host.json:
            write_line(record)
        else:
            context.out.print(Group(render_event_record(record), ""))


@attrs.define(kw_only=True)
class _Search:
    """A search, page by page: each request looks through a bounded number of events."""

    context: Context
    api: Api
    as_json: bool
    rows: list[Any] = attrs.field(factory=list)
    counts: Counter[str] = attrs.field(factory=Counter)

    async def run(self, query: Mapping[str, Any], limit: int) -> None:
        """List up to `limit` events, and say what could not be looked at."""
        cursor = None
        with show_progress(self.context, "searching") as note:
            while True:
                asked = min(limit - len(self.rows), PAGE)
                page = await self.api.get("events", **query, limit=asked, cursor=cursor)
                self._add(page)
                cursor = page["cursor"]
                if cursor is None or len(self.rows) >= limit:
                    break
                note(self._progress(page))
        if not self.as_json:
            is_search = any(value is not None for value in query.values())
            shown = {"rows": self.rows, "cursor": cursor}
            self.context.out.print(render_events(shown, is_search=is_search))
        self._warn()

    def _add(self, page: Mapping[str, Any]) -> None:
        self.rows += page["rows"]
        self.counts.update({name: page[name] for name in ("scanned", "damaged", "without_body")})
        if self.as_json:
            for row in page["rows"]:
                write_line(row)

    def _progress(self, page: Mapping[str, Any]) -> str:
        back = f" back to {clock(page['reached_at'])[:MINUTES]}Z" if page["reached_at"] else ""
        return f"searched {self.counts['scanned']:,} events{back}, {len(self.rows):,} found"

    def _warn(self) -> None:
        if self.counts["damaged"]:
            left_out = counted(self.counts["damaged"], "event is", "events are")
            named = "`offramp status --reconcile` names the blocks"
            self.context.warn(f"{left_out} damaged on disk and left out; {named}")
        if self.counts["without_body"]:
            left_out = counted(self.counts["without_body"], "event was", "events were")
            self.context.warn(
                f"{left_out} not searched, as the JSON is no longer kept (`keep_delivered_days`)"
            )
