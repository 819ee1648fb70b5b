"""Metrics of deliveries for Prometheus, read from ledger and engine at each scrape."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from offramp.api import HostContext
from offramp.config import Kind
from offramp.delivery import REMEDIES
from offramp.errors import StorageError
from offramp.host.health import KINDS
from offramp.queue import Count, Depth, Latency

_log = logging.getLogger(__name__)

MINUTE_SECONDS: Final = 60
#: A time that never comes, in epoch seconds.
NEVER: Final = 1e12
#: Minutes whose counts may still grow, while writes reach the disk.
OPEN_MINUTES: Final = 2
#: Latencies are of the deliveries in this number of seconds.
LATENCY_SECONDS: Final = 3_600.0
_QUANTILES: Final = ("p50", "p95", "p99")


class DeliveryMetrics(Collector):
    """A Prometheus collector; call `refresh` before each scrape. Counters start with the host."""

    def __init__(
        self,
        host: HostContext,
        *,
        blocked: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._host = host
        #: Plugin -> seconds for which it blocked the event loop; only grows.
        self._blocked = blocked
        self._clock = host.clock
        self._from = _minute(self._clock())
        self._before: Counter[tuple[str, ...]] = Counter()
        self._recent: Counter[tuple[str, ...]] = Counter()
        #: Minute and labels -> what was counted in it before the clock was set back to it.
        self._counted: Counter[tuple[int, tuple[str, ...]]] = Counter()
        self._depths: Mapping[str, Depth] = {}
        self._latencies: dict[str, Latency] = {}
        #: Kind -> how many parts do not run.
        self._degraded: Counter[str] = Counter()

    async def refresh(self) -> None:
        """Read all values; minutes that are over and counted are not read again.

        Those of tables that cannot be read stay as they were: `offramp_degraded` counts that.
        """
        try:
            await self._read()
        except StorageError as error:
            _log.warning("metrics are not up to date: %s", error, extra={"action": "metrics"})
        self._degraded = Counter(each.kind for each in await self._host.degraded())

    async def _read(self) -> None:
        now = self._clock()
        if now < self._from:
            await self._begin_again(now)
        closed = max(_minute(now) - OPEN_MINUTES * MINUTE_SECONDS, self._from)
        counts = await self._host.ledger.counts(self._from, now + 1)
        recent: Counter[tuple[str, ...]] = Counter()
        for count in counts:
            n = count.n - self._counted[count.minute, _labels(count)]
            (self._before if count.minute < closed else recent)[_labels(count)] += n
        self._from, self._recent = closed, recent
        self._depths = await self._host.queue.depths()
        latencies = await self._host.ledger.latencies(since=now - LATENCY_SECONDS)
        running = self._host.engine.snapshot.plans
        self._latencies = {
            subscription: latencies[subscription]
            for subscription in running
            if subscription in latencies
        }

    async def _begin_again(self, now: float) -> None:
        """Go on from an earlier minute, since the clock was set back: minutes are counted twice.

        What was counted since then, but before this, is not told: no counter may fall.
        """
        counts = await self._host.ledger.counts(_minute(now), NEVER)
        for count in counts:
            if count.minute >= self._from:
                n = count.n - self._counted[count.minute, _labels(count)]
                self._before[_labels(count)] += n
        self._from, self._recent = _minute(now), Counter()
        self._counted = Counter({(each.minute, _labels(each)): each.n for each in counts})

    def collect(self) -> Iterator[Metric]:
        """List all metrics with their values at the last `refresh`."""
        yield from self._counts()
        yield from self._of_subscriptions()
        yield self._of_keys()
        yield from self._of_instances()
        yield self._of_plugins()
        yield self._of_paused()
        yield self._of_health()
        yield self._of_clock()

    def _counts(self) -> Iterator[Metric]:
        deliveries = CounterMetricFamily(
            "offramp_deliveries",
            "Deliveries by outcome; `accepted` and `replayed` are new deliveries, and `retrying` "
            "counts each failed attempt.",
            labels=("subscription", "outcome", "reason"),
        )
        events = CounterMetricFamily(
            "offramp_source_events", "Events of each source.", labels=("source", "outcome")
        )
        for labels, n in sorted((self._before + self._recent).items()):
            family = deliveries if labels[0] == "subscription" else events
            family.add_metric(list(labels[1:]), n)
        for (source, reason), n in sorted(self._host.engine.refused.items()):
            events.add_metric([source, f"refused: {reason}"], n)
        yield deliveries
        yield events

    def _of_subscriptions(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily(
            "offramp_queue_depth",
            "Deliveries in flight; `leased` ones are also counted in their own stage.",
            labels=("subscription", "state"),
        )
        for subscription, found in self._depths.items():
            for state in ("waiting", "retrying", "leased"):
                depth.add_metric([subscription, state], getattr(found, state))
        yield depth
        yield self._latency()

    def _latency(self) -> Metric:
        # The client library has no summary with quantiles.
        name = "offramp_delivery_latency_seconds"
        latency = Metric(name, "Seconds from acceptance to delivery, last hour.", "summary")
        for subscription, quantiles in self._latencies.items():
            for each in _QUANTILES:
                labels = {"subscription": subscription, "quantile": f"0.{each[1:]}"}
                latency.add_sample(name, labels, getattr(quantiles, each))
        return latency

    def _of_keys(self) -> Metric:
        used = GaugeMetricFamily(
            "offramp_write_key_last_used_timestamp_seconds",
            "When a write key was last used, since the host started; 0 if it was not.",
            labels=("source", "key"),
        )
        times = self._host.engine.key_used_at
        for source in self._host.config.sources.values():
            for label, key in source.labelled_keys.items():
                used.add_metric([source.name, label], times.get(key, 0.0))
        return used

    def _of_paused(self) -> Metric:
        paused = GaugeMetricFamily(
            "offramp_paused",
            "Sources, instances and subscriptions that are paused.",
            labels=("kind",),
        )
        found = Counter(each.kind for each in self._host.engine.snapshot.paused)
        kinds: tuple[Kind, ...] = ("source", "instance", "subscription")
        for kind in kinds:
            paused.add_metric([kind], found[kind])
        return paused

    def _of_instances(self) -> Iterator[Metric]:
        limit = GaugeMetricFamily(
            "offramp_instance_concurrency",
            "The most requests at the same time.",
            labels=("instance",),
        )
        breaker = GaugeMetricFamily(
            "offramp_circuit_breaker_open",
            "1 if the host holds an instance back for that reason, else 0.",
            labels=("instance", "reason"),
        )
        for name, runtime in self._host.engine.snapshot.runtimes.items():
            hold = runtime.gate.held
            for reason in REMEDIES:
                breaker.add_metric([name, reason], float(hold is not None and hold.code == reason))
            limit.add_metric([name], runtime.gate.limit)
        yield from (breaker, limit)

    def _of_plugins(self) -> Metric:
        blocked = CounterMetricFamily(
            "offramp_event_loop_blocked_seconds",
            "Seconds for which a plugin blocked the event loop.",
            labels=("plugin",),
        )
        none = {each.plugin: 0.0 for each in self._host.engine.catalog.listed}
        for plugin, seconds in sorted({**none, **self._blocked}.items()):
            blocked.add_metric([plugin], seconds)
        return blocked

    def _of_health(self) -> Metric:
        degraded = GaugeMetricFamily(
            "offramp_degraded",
            "Parts that do not run as configured, by kind of problem.",
            labels=("kind",),
        )
        for kind in KINDS:
            degraded.add_metric([kind.code], self._degraded[kind.code])
        return degraded

    def _of_clock(self) -> Metric:
        doubt = self._clock.doubt
        return GaugeMetricFamily(
            "offramp_clock_doubt_seconds",
            "How far the machine's clock is ahead (below 0: behind) of the time that the host "
            "expected; 0 unless the host doubts it.",
            value=0.0 if doubt is None else doubt.seconds,
        )


def _minute(seconds: float) -> int:
    return int(seconds // MINUTE_SECONDS) * MINUTE_SECONDS


def _labels(count: Count) -> tuple[str, ...]:
    if count.subscription:
        return ("subscription", count.subscription, count.counted.value, count.reason)
    return ("source", count.source, count.counted.value)
