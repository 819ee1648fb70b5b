"""Deliveries: the latest of a subscription, dead letters, and failures grouped by reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from offramp.api.host_context import HostContext
from offramp.api.operations import PAGE, Call, Operation, Query, Reply
from offramp.api.paging import paged
from offramp.api.records import delivery_row
from offramp.api.shapes import DeliveryPage, ErrorGroup, Errors
from offramp.queue import DEAD, DeadLetterFilter, Stage

ENDED_BADLY: Final = tuple(sorted(stage.value for stage in DEAD))
DEAD_LETTER_FILTER: Final = (
    Query(name="subscription", summary="Only those of this subscription"),
    Query(name="reason", summary="Only those that ended for this reason"),
    Query(name="stage", summary="Only rejected or only expired deliveries", choices=ENDED_BADLY),
    Query(name="since", summary="Ended at or after this time", kind="time"),
    Query(name="until", summary="Ended before this time", kind="time"),
)
STAGES: Final = tuple(stage.value for stage in Stage)
MAX_SAMPLES: Final = 20


class DeliveriesResource:
    """Lists of deliveries."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        subscription = Query(name="subscription", summary="The subscription listed", required=True)
        stage = Query(
            name="stage",
            summary="Only those in this stage; filtered deliveries are listed only with it",
            choices=STAGES,
        )
        yield Operation(
            method="GET",
            path="/api/deliveries",
            tag="deliveries",
            summary="List deliveries of a subscription, latest change first",
            serve=self.recent,
            answer=DeliveryPage,
            query=(subscription, stage, *PAGE),
        )
        yield Operation(
            method="GET",
            path="/api/dead-letters",
            tag="deliveries",
            summary="List rejected and expired deliveries, latest end first",
            serve=self.dead,
            answer=DeliveryPage,
            query=(*DEAD_LETTER_FILTER, *PAGE),
        )
        yield Operation(
            method="GET",
            path="/api/errors",
            tag="deliveries",
            summary="Group what is retrying, rejected or expired by reason, with samples",
            serve=self.errors,
            answer=Errors,
            query=(
                Query(name="subscription", summary="Only those of this subscription"),
                Query(name="since", summary="Only those that changed since then", kind="time"),
                Query(
                    name="samples",
                    summary="Samples of each group",
                    kind="integer",
                    default=3,
                    most=MAX_SAMPLES,
                ),
            ),
        )

    async def recent(self, call: Call) -> Reply:
        """Answer with a page of a subscription's deliveries."""
        stage = call.query["stage"]
        with paged():
            page = await self._host.ledger.recent(
                call.query["subscription"],
                stage=None if stage is None else Stage(stage),
                limit=call.query["limit"],
                cursor=call.query["cursor"],
            )
        rows = [delivery_row(each) for each in page.rows]
        return Reply(data=DeliveryPage(rows=rows, cursor=page.cursor))

    async def dead(self, call: Call) -> Reply:
        """Answer with a page of dead letters."""
        filters = dead_letter_filter(call.query)
        with paged():
            page = await self._host.queue.dead_letters(
                filters, limit=call.query["limit"], cursor=call.query["cursor"]
            )
        rows = [delivery_row(each) for each in page.rows]
        return Reply(data=DeliveryPage(rows=rows, cursor=page.cursor))

    async def errors(self, call: Call) -> Reply:
        """Answer with the groups, the largest first."""
        subscription = call.query["subscription"]
        subscriptions = (
            [subscription] if subscription is not None else list(await self._host.queue.depths())
        )
        groups: list[ErrorGroup] = []
        for each in subscriptions:
            found = await self._host.ledger.errors(
                each, since=call.query["since"], samples=call.query["samples"]
            )
            groups += [
                {
                    "subscription": each,
                    "stage": group.stage.value,
                    "reason": group.reason,
                    "n": group.n,
                    "samples": [delivery_row(sample) for sample in group.samples],
                }
                for group in found
            ]
        groups.sort(key=lambda group: -group["n"])
        return Reply(data=Errors(groups=groups))


def dead_letter_filter(
    given: Mapping[str, Any], ids: tuple[str, ...] | None = None
) -> DeadLetterFilter:
    """Make the filter of a query, or of a body with the same keys."""
    stage = given["stage"]
    return DeadLetterFilter(
        subscription=given["subscription"],
        ids=ids,
        reason=given["reason"],
        since=given["since"],
        until=given["until"],
        stages=DEAD if stage is None else frozenset({Stage(stage)}),
    )
