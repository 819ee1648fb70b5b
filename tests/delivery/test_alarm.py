"""The log tells of failing deliveries, soon and not too often."""

from __future__ import annotations

import logging

import pytest

from offramp.delivery.alarm import QUIET_SECONDS, Alarm
from offramp.queue import Lease, Outcome, Stage


def outcome(message_id: str, stage: Stage = Stage.REJECTED, reason: str = "403") -> Outcome:
    lease = Lease(
        id="1",
        token="t",
        lane="metering/Usage",
        source="site",
        message_id=message_id,
        type="track",
        name="usage",
        body=b"{}",
        attempt=1,
        accepted_at=0,
        opened_at=0,
        expires_at=0,
    )
    retry_at = 9.0 if stage is Stage.RETRYING else None
    return Outcome(
        lease=lease, stage=stage, reason=reason, message="refused the token", retry_at=retry_at
    )


@pytest.fixture
def seconds() -> list[float]:
    return [100.0]


@pytest.fixture
def alarm(seconds: list[float], caplog: pytest.LogCaptureFixture) -> Alarm:
    caplog.set_level(logging.WARNING)
    return Alarm(lambda: seconds[0])


def test_the_first_failure_is_told_at_once(alarm: Alarm, caplog: pytest.LogCaptureFixture) -> None:
    """Who watches the log sees subscription, event, reason and the partner's words."""
    alarm.note([outcome("m1")])
    [record] = caplog.records
    assert record.getMessage() == "metering/Usage: m1 is rejected, 403: refused the token"
    extras = {key: vars(record)[key] for key in ("action", "subscription", "stage", "reason")}
    assert extras == {
        "action": "delivery_failed",
        "subscription": "metering/Usage",
        "stage": "rejected",
        "reason": "403",
    }


def test_the_same_again_is_told_once_a_minute_with_how_many(
    alarm: Alarm, seconds: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """A storm of failures makes one line a minute."""
    alarm.note([outcome(f"m{number}") for number in range(250)])
    seconds[0] += QUIET_SECONDS
    alarm.note([outcome("m251")])
    assert len(caplog.messages) == 2
    assert "and 249 more" in caplog.messages[1]


def test_another_reason_is_told_beside_it(alarm: Alarm, caplog: pytest.LogCaptureFixture) -> None:
    """Each reason and each stage has a line of its own; what went well has none."""
    alarm.note(
        [
            outcome("m1"),
            outcome("m2", reason="400"),
            outcome("m3", stage=Stage.RETRYING, reason="503"),
            outcome("m4", stage=Stage.DELIVERED, reason="OK"),
        ]
    )
    assert len(caplog.messages) == 3
