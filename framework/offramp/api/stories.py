"""Events, deliveries and their latencies from the ledger, as JSON data."""

from __future__ import annotations

from typing import Any, cast

from offramp import _json
from offramp.api.shapes import DeliveryRow, DeliveryShape, LatencyShape, StoryRow
from offramp.api.times import write_optional, write_time
from offramp.queue import Delivery, Latency, Story


def tell(story: Story) -> dict[str, Any]:
    """One event's whole story: the event, and what became of it at each subscription."""
    return {
        **_head(story),
        "event": None if story.body is None else _json.loads(story.body),
        "deliveries": [delivery_shape(each) for each in story.deliveries],
    }


def story_row(story: Story) -> StoryRow:
    """One event in a listing."""
    rows = [delivery_row(each) for each in story.deliveries]
    return cast("StoryRow", {**_head(story), "deliveries": rows})


def delivery_row(delivery: Delivery) -> DeliveryRow:
    """One delivery in a listing."""
    return {
        "id": delivery.id,
        "subscription": delivery.lane,
        "source": delivery.source,
        "message_id": delivery.message_id,
        "type": delivery.type,
        "name": delivery.name,
        "stage": delivery.stage.value,
        "reason": delivery.reason,
        "message": delivery.message,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "accepted_at": write_time(delivery.accepted_at),
        "updated_at": write_time(delivery.updated_at),
        "due_at": write_optional(delivery.due_at),
        "replayed_at": write_optional(delivery.replayed_at),
    }


def delivery_shape(delivery: Delivery) -> DeliveryShape:
    """One delivery with what was last sent and answered."""
    return {
        **delivery_row(delivery),
        "payload": _parsed(delivery.payload),
        "exchange": _parsed(delivery.exchange),
    }


def latency_shape(latency: Latency | None) -> LatencyShape | None:
    """A latency, where something was delivered."""
    if latency is None:
        return None
    return {"n": latency.n, "p50": latency.p50, "p95": latency.p95, "p99": latency.p99}


def _head(story: Story) -> dict[str, Any]:
    return {
        "message_id": story.message_id,
        "source": story.source,
        "type": story.type,
        "name": story.name,
        "received_at": write_time(story.received_at),
        "accepted_at": write_time(story.accepted_at),
    }


def _parsed(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return _json.loads(data)
    except ValueError:  # masking a secret that JSON spells as a number may have broken it
        return data.decode(errors="replace")
