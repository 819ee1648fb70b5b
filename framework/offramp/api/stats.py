"""Statistics: counts of outcomes over time, and latencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Query, Reply
from offramp.api.problems import refuse_parameter
from offramp.api.records import latency_shape
from offramp.api.shapes import CountShape, LatencyAnswer, Series
from offramp.api.times import write_optional, write_time
from offramp.queue import Count, Counted

#: Name of a step -> its seconds.
STEPS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
#: The longest range with each step, in seconds: at most some thousand steps.
RANGES: Final = {"minute": 86_400, "hour": 34 * 86_400, "day": 366 * 86_400}
#: The number of steps if the caller gives no `since`.
DEFAULT_STEPS: Final = {"minute": 60, "hour": 24, "day": 34}


class StatsResource:
    """Counts by subscription, outcome and reason; latencies."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        since = Query(name="since", summary="From this time on", kind="time")
        yield Operation(
            method="GET",
            path="/api/stats",
            tag="stats",
            summary="Show counts by subscription, outcome and reason, for each step of time",
            serve=self.series,
            answer=Series,
            query=(
                since,
                Query(name="until", summary="Before this time; the default is now", kind="time"),
                Query(name="subscription", summary="Only counts of this subscription"),
                Query(name="source", summary="Only counts of this source"),
                Query(
                    name="granularity",
                    summary="Length of a step, in UTC",
                    default="hour",
                    choices=tuple(STEPS),
                ),
            ),
        )
        yield Operation(
            method="GET",
            path="/api/latency",
            tag="stats",
            summary="Show the delivery latency of a subscription",
            serve=self.latency,
            answer=LatencyAnswer,
            query=(Query(name="subscription", summary="Whose", required=True), since),
        )

    async def series(self, call: Call) -> Reply:
        """Answer with the series."""
        name = call.query["granularity"]
        step = STEPS[name]
        until = call.query["until"] or self._host.clock() + 1
        since = call.query["since"]
        since = max(until - DEFAULT_STEPS[name] * step, 0.0) if since is None else since
        if until - since > RANGES[name]:
            days = RANGES[name] // STEPS["day"]
            message = f"is more than {days} days before `until`, the longest range with step={name}"
            raise refuse_parameter("since", message)
        since = since // step * step
        counts = await self._host.ledger.counts(
            since, until, subscription=call.query["subscription"], source=call.query["source"]
        )
        answer: Series = {
            "since": write_time(since),
            "until": write_time(until),
            "granularity": name,
            "rows": list(_grouped(counts, step)),
        }
        return Reply(data=answer)

    async def latency(self, call: Call) -> Reply:
        """Answer with the quantiles."""
        subscription, since = call.query["subscription"], call.query["since"]
        latency = await self._host.ledger.latency(subscription, since=since)
        answer: LatencyAnswer = {
            "subscription": subscription,
            "since": write_optional(since),
            "latency": latency_shape(latency),
        }
        return Reply(data=answer)


def _grouped(counts: Iterable[Count], step: int) -> Iterable[CountShape]:
    sums: Counter[tuple[int, str, str, Counted, str]] = Counter()
    for c in counts:
        sums[c.minute // step * step, c.subscription, c.source, c.counted, c.reason] += c.n
    for (at, subscription, source, counted, reason), n in sorted(sums.items()):
        yield {
            "at": write_time(at),
            "subscription": subscription,
            "source": source,
            "counted": counted.value,
            "reason": reason,
            "n": n,
        }
