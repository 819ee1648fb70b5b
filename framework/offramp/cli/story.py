"""One event's whole story as JSON data: the event, and what became of it at each subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from offramp import _json
from offramp.queue import Delivery, Story


def tell(story: Story) -> dict[str, Any]:
    """A story as JSON data; times in ISO 8601, UTC."""
    return {
        "message_id": story.message_id,
        "source": story.source,
        "type": story.type,
        "name": story.name,
        "received_at": _time(story.received_at),
        "accepted_at": _time(story.accepted_at),
        "event": None if story.body is None else _json.loads(story.body),
        "deliveries": [_delivery(delivery) for delivery in story.deliveries],
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "subscription": delivery.lane,
        "stage": delivery.stage.value,
        "reason": delivery.reason,
        "message": delivery.message,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "updated_at": _time(delivery.updated_at),
        "due_at": None if delivery.due_at is None else _time(delivery.due_at),
        "payload": _parsed(delivery.payload),
        "exchange": _parsed(delivery.exchange),
    }


def _parsed(data: bytes | None) -> Any:
    return None if data is None else _json.loads(data)


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
