"""The log tells of failing deliveries, soon and not too often."""

from __future__ import annotations

import logging

import pytest

from offramp.delivery.alarm import QUIET_SECONDS, Alarm
from offramp.delivery.outcomes import Settlement
from offramp.queue import EventHead, Lease, LeasePart, Outcome, Stage


def failed(*ids: str, stage: Stage = Stage.REJECTED, reason: str = "403") -> Settlement:
    """Deliveries that all fared alike."""
    part = LeasePart(
        block=0,
        positions=range(len(ids)),
        bodies=[b"{}"] * len(ids),
        accepted_at=0,
        opened_at=0,
        head=lambda position: EventHead("site", ids[position], "track", "usage", 0),
    )
    retry_at = 9.0 if stage is Stage.RETRYING else None
    return Settlement(
        lease=Lease(subscription="metering/Usage", number=1, token="t", parts=(part,)),
        outcome=Outcome(stage=stage, reason=reason, message="refused the token", retry_at=retry_at),
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
    alarm.note(failed("m1"))
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
    alarm.note(failed(*(f"m{number}" for number in range(250))))
    seconds[0] += QUIET_SECONDS
    alarm.note(failed("m251"))
    assert len(caplog.messages) == 2
    assert "and 249 more" in caplog.messages[1]


def test_another_reason_is_told_beside_it(alarm: Alarm, caplog: pytest.LogCaptureFixture) -> None:
    """Each reason and each stage has a line of its own; what went well has none."""
    alarm.note(failed("m1"))
    alarm.note(failed("m2", reason="400"))
    alarm.note(failed("m3", stage=Stage.RETRYING, reason="503"))
    alarm.note(failed("m4", stage=Stage.DELIVERED, reason="OK"))
    assert len(caplog.messages) == 3


def test_what_another_holder_settled_is_not_told(
    alarm: Alarm, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure that was not stored, as its lease was lost, is none."""
    alarm.note(failed("m1", "m2"), lost=[0])
    [message] = caplog.messages
    assert message.startswith("metering/Usage: m2 is rejected")
