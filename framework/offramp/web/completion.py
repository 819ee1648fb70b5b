"""Completes an event that a command or an API request gives, as the collector completes one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from offramp.event import normalize


def new_id() -> str:
    """Make a messageId for a message that has none."""
    return str(uuid.uuid4())


def complete(message: dict[str, Any]) -> dict[str, Any]:
    """Make an event of a message as if it arrived now; one without a type is a track call."""
    kind = None if "type" in message else "track"
    return normalize(message, kind=kind, received_at=datetime.now(UTC), new_id=new_id)
