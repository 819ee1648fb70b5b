"""The figures of the HTTP doors, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

#: Bounds of the histogram, in seconds: one fsync is near the first, an SDK's patience the last.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CollectorMetrics:
    """What the collector counts, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "offramp_collector_requests",
            "Requests answered, by door and status.",
            ("door", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "offramp_collector_request_seconds",
            "From the headers' arrival to the answer, body and storage included.",
            ("door",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.body_bytes = Counter(
            "offramp_collector_body_bytes",
            "Bytes of the bodies that were read, after gunzip.",
            ("door",),
            registry=registry,
        )
        self.accepted = Counter(
            "offramp_collector_events_accepted",
            "Events stored durably.",
            registry=registry,
        )
        self.duplicates = Counter(
            "offramp_collector_events_duplicate",
            "Events whose messageId had been accepted before; their senders hear success.",
            registry=registry,
        )
        self.refused = Counter(
            "offramp_collector_events_refused",
            "Events refused for good, by discard code.",
            ("reason",),
            registry=registry,
        )
