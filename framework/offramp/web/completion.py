"""An event as a request means it, completed as the collector completes what comes in."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from offramp.event import normalize


def new_id() -> str:
    """Make an id for a message that came without one."""
    return str(uuid.uuid4())


def complete(message: dict[str, Any]) -> dict[str, Any]:
    """Make an event of a message as if it came in now: a bare track call is enough."""
    kind = None if "type" in message else "track"
    return normalize(message, kind=kind, received_at=datetime.now(UTC), new_id=new_id)
