"""The configuration of the demonstration, and the events that it sends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

SOURCE: Final = "product"
WRITE_KEY: Final = "demo-write-key"
TOKEN: Final = "demo-token"  # noqa: S105 - the emulator's, not a secret
SUBSCRIPTION: Final = "metronome/Billing events"
#: Number of additional events: enough to show that they are sent in batches.
MORE_EVENTS: Final = 40

CONFIG: Final[dict[str, Any]] = {
    "host": {"egress": {"allow": ["127.0.0.0/8", "::1"]}},
    "sources": {SOURCE: {"write_key": WRITE_KEY}},
    "instances": {
        "metronome": {
            "destination": "metronome-actions",
            "source": SOURCE,
            "settings": {"apiToken": TOKEN},
            "subscriptions": [
                {
                    "name": "Billing events",
                    "action": "sendEvent",
                    "trigger": (
                        'type = "track" and event = "billing_event" '
                        'and userId != null and !contains(userId, "@company.com")'
                    ),
                    "mapping": {
                        "customer_id": {"@path": "$.properties.cid"},
                        "timestamp": {"@path": "$.properties.ts"},
                        "event_type": {"@path": "$.properties.t"},
                        "properties": {"@path": "$.properties.data"},
                    },
                },
            ],
        },
    },
}


@attrs.frozen(kw_only=True)
class Call:
    """One call of the SDK, and what it demonstrates."""

    #: Name of the SDK's method.
    method: str
    arguments: dict[str, Any]
    shows: str

    @property
    def message_id(self) -> str:
        """The message id of the call's event."""
        return str(self.arguments["message_id"])


def calls(now: datetime) -> Iterator[Call]:
    """The calls of the demonstration, in order."""
    usage = {"action": "runJob", "jobId": "fd82-aa0f-45a7-a756", "username": "jsmith"}
    at = now.astimezone(UTC).replace(microsecond=0) - timedelta(days=1)
    yield _track("evt-1", "user_42", _billing("533c3db43f22", usage, at), "usage to be billed")
    yield _track(
        "evt-2", "ada@company.com", _billing("533c3db43f22", usage, at), "a colleague's usage"
    )
    yield Call(
        method="page",
        arguments={"user_id": "user_42", "name": "Pricing", "message_id": "evt-3"},
        shows="no usage at all",
    )
    nobody = _billing("", usage, at)
    del nobody["cid"]
    yield _track("evt-4", "user_43", nobody, "usage without `cid`, the customer")
    old = _billing("533c3db43f22", usage, at - timedelta(days=40))
    yield _track("evt-5", "user_42", old, "usage that is 41 days old")
    yield _track("evt-1", "user_42", _billing("533c3db43f22", usage, at), "evt-1 once more")
    for number in range(6, 6 + MORE_EVENTS):
        more = _billing("533c3db43f22", {**usage, "run": number}, at)
        yield _track(f"evt-{number}", "user_42", more, "more usage")


def _billing(customer: str, usage: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {"cid": customer, "data": usage, "t": "user_action", "ts": at.isoformat()}


def _track(message_id: str, user: str, properties: dict[str, Any], shows: str) -> Call:
    return Call(
        method="track",
        arguments={
            "user_id": user,
            "event": "billing_event",
            "properties": properties,
            "message_id": message_id,
        },
        shows=shows,
    )
