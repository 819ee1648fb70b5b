"""Events, deliveries and their latencies from the ledger, as JSON data."""

from __future__ import annotations

from typing import Any, cast

from offramp import _json
from offramp.api.shapes import DeliveryRow, DeliveryShape, EventRow, LatencyShape
from offramp.api.times import write_optional, write_time
from offramp.queue import Delivery, EventRecord, Latency


def event_record(record: EventRecord) -> dict[str, Any]:
    """One event: its body, and its delivery to each subscription."""
    return {
        **_head(record),
        "event": None if record.body is None else _json.loads(record.body),
        "deliveries": [delivery_shape(each) for each in record.deliveries],
    }


def event_row(record: EventRecord) -> EventRow:
    """One event in a list."""
    rows = [delivery_row(each) for each in record.deliveries]
    return cast("EventRow", {**_head(record), "deliveries": rows})


def delivery_row(delivery: Delivery) -> DeliveryRow:
    """One delivery in a list."""
    return {
        "id": delivery.id,
        "subscription": delivery.subscription,
        "source": delivery.source,
        "message_id": delivery.message_id,
        "type": delivery.type,
        "name": delivery.name,
        "stage": delivery.stage.value,
        "reason": delivery.reason,
        "message": delivery.message,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "unknown_answers": delivery.unknown_answers,
        "accepted_at": write_time(delivery.accepted_at),
        "updated_at": write_time(delivery.updated_at),
        "due_at": write_optional(delivery.due_at),
        "replayed_at": write_optional(delivery.replayed_at),
    }


def delivery_shape(delivery: Delivery) -> DeliveryShape:
    """One delivery with its last request and answer."""
    return {
        **delivery_row(delivery),
        "payload": _parsed(delivery.payload),
        "exchange": _parsed(delivery.exchange),
    }


def latency_shape(latency: Latency | None) -> LatencyShape | None:
    """A latency; `None` if nothing was delivered."""
    if latency is None:
        return None
    return {"n": latency.n, "p50": latency.p50, "p95": latency.p95, "p99": latency.p99}


def _head(record: EventRecord) -> dict[str, Any]:
    return {
        "message_id": record.message_id,
        "source": record.source,
        "type": record.type,
        "name": record.name,
        "received_at": write_time(record.received_at),
        "accepted_at": write_time(record.accepted_at),
    }


def _parsed(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        return _json.loads(data)
    except ValueError:  # masking a number may have made the JSON invalid
        return data.decode(errors="replace")
