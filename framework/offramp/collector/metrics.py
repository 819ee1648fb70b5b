"""Metrics of the HTTP endpoints, for Prometheus.

The counters are plain numbers, and a scrape makes metric families of them. That is cheaper than
the client library's counters, each of which has a lock. Only the event loop's thread uses them.
"""

from __future__ import annotations

import itertools
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

#: Bounds of the histogram, in seconds, from about one fsync to about an SDK's timeout.
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OK: Final = HTTPStatus.OK.value
_BOUNDS: Final = (*map(floatToGoString, _SECONDS), "+Inf")


class Count:
    """A number that only grows, and the time since which it is counted."""

    __slots__ = ("since", "total")

    def __init__(self) -> None:
        self.since = time.time()
        self.total = 0


class EndpointMetrics:
    """Counters of one endpoint."""

    def __init__(self) -> None:
        self.since = time.time()
        self.seconds = 0.0
        self.within = [0] * len(_BOUNDS)
        self._served = Count()
        self.statuses: dict[int, Count] = {_OK: self._served}

    def answered(self, status: int, seconds: float) -> None:
        """Count one request, by the status of its answer and by its duration in seconds."""
        if status == _OK:
            self._served.total += 1
        else:
            self.statuses.setdefault(status, Count()).total += 1
        self.within[bisect_left(_SECONDS, seconds)] += 1
        self.seconds += seconds


class CollectorMetrics(Collector):
    """Counters of the collector, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.accepted = Count()
        self.duplicates = Count()
        #: Requests that were not valid HTTP.
        self.malformed = Count()
        self._refused: dict[str, Count] = {}
        self._endpoints: dict[str, EndpointMetrics] = {}
        self._body_bytes: dict[str, Count] = {}
        registry.register(self)

    def endpoint(self, name: str) -> EndpointMetrics:
        """Add the counters of one endpoint."""
        return self._endpoints.setdefault(name, EndpointMetrics())

    def body_bytes(self, name: str) -> Count:
        """Add the counter of the bytes of bodies that one endpoint reads."""
        return self._body_bytes.setdefault(name, Count())

    def refused(self, reason: str, count: int) -> None:
        """Count events that were refused for good."""
        self._refused.setdefault(reason, Count()).total += count

    def collect(self) -> Iterator[Metric]:
        """List all metrics with their present values."""
        yield _counters(
            "offramp_collector_requests",
            "Requests answered, by endpoint and status.",
            ("endpoint", "status"),
            (
                ((name, str(status)), count)
                for name, endpoint in self._endpoints.items()
                for status, count in endpoint.statuses.items()
            ),
        )
        yield self._request_seconds()
        yield _counters(
            "offramp_collector_body_bytes",
            "Bytes of the bodies that were read, after gunzip.",
            ("endpoint",),
            (((name,), count) for name, count in self._body_bytes.items()),
        )
        yield _counters(
            "offramp_collector_events_accepted",
            "Events stored durably.",
            (),
            [((), self.accepted)],
        )
        yield _counters(
            "offramp_collector_events_duplicate",
            "Events whose messageId had been accepted before; they are answered with 200.",
            (),
            [((), self.duplicates)],
        )
        yield _counters(
            "offramp_http_malformed",
            "Requests to any endpoint that were not valid HTTP.",
            (),
            [((), self.malformed)],
        )
        yield _counters(
            "offramp_collector_events_refused",
            "Events refused for good, by discard code.",
            ("reason",),
            (((reason,), count) for reason, count in self._refused.items()),
        )

    def _request_seconds(self) -> Metric:
        family = HistogramMetricFamily(
            "offramp_collector_request_seconds",
            "Seconds from the arrival of the headers to the answer, including body and storage.",
            labels=("endpoint",),
        )
        for name, endpoint in self._endpoints.items():
            buckets = list(zip(_BOUNDS, itertools.accumulate(endpoint.within), strict=True))
            family.add_metric([name], buckets, endpoint.seconds)
            family.add_sample(f"{family.name}_created", {"endpoint": name}, endpoint.since)
        return family


def _counters(
    name: str,
    message: str,
    labels: tuple[str, ...],
    counts: Iterable[tuple[tuple[str, ...], Count]],
) -> Metric:
    family = CounterMetricFamily(name, message, labels=labels)
    for values, count in counts:
        family.add_metric(values, count.total, created=count.since)
    return family
