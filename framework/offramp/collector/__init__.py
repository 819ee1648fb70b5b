"""Segment's tracking API: takes events in, checks them, and stores them before it answers."""

from offramp.collector.intake import EventTaker, Intake
from offramp.collector.limits import Limits
from offramp.collector.metrics import CollectorMetrics, Count
from offramp.collector.routes import collector_routes

__all__ = ["CollectorMetrics", "Count", "EventTaker", "Intake", "Limits", "collector_routes"]
