"""Segment's tracking API: takes events in, checks them, and stores them before it answers."""

from offramp.collector.limits import Limits
from offramp.collector.metrics import CollectorMetrics, Count
from offramp.collector.routes import Intake, collector_routes

__all__ = ["CollectorMetrics", "Count", "Intake", "Limits", "collector_routes"]
