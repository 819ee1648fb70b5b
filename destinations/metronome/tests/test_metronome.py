"""Metronome as a destination: what every destination owes, and what is Metronome's own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offramp.testing import (
    TEST_TIME,
    Answer,
    DestinationSuite,
    FakeClock,
    MakeIntegration,
    Partner,
    RecordedRequest,
    TestIntegration,
    create_test_event,
)
from offramp_metronome import UsageEvent, metronome

INGEST = "https://api.metronome.com/v1/ingest"
SETTINGS = {"apiToken": "a-secret-metronome-token"}


class TestWhatEveryDestinationOwes(DestinationSuite):
    destination = metronome
    settings = SETTINGS

    def answer(self, request: RecordedRequest) -> Answer:
        """Metronome takes events with an empty 200, and refuses an empty list with 400."""
        return Answer(status=200 if request.json else 400)


@pytest.fixture
def instance(integration: MakeIntegration) -> TestIntegration:
    return integration(metronome, settings=SETTINGS)


def usage(**changes: Any) -> dict[str, Any]:
    """A track call with what the default mappings look for."""
    event: dict[str, Any] = {
        "messageId": "m1",
        "event": "cpu_used",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "context": {"groupId": "customer-1"},
        "properties": {"cpu_seconds": 60},
    }
    return create_test_event(**event | changes)


async def test_defaults_take_a_usage_event_from_a_track_call(
    instance: TestIntegration, partner: Partner
) -> None:
    """The five fields, their defaults, and the request that Metronome documents."""
    partner.post(INGEST)
    run = await instance.test_action(
        "sendEvent", event=usage(timestamp=TEST_TIME.isoformat().replace("+00:00", "Z"))
    )
    run.assert_delivered()
    assert isinstance(run.payload, UsageEvent)
    assert partner.request.headers["Authorization"] == f"Bearer {SETTINGS['apiToken']}"
    assert run.json == [
        {
            "transaction_id": "m1",
            "customer_id": "customer-1",
            "timestamp": TEST_TIME.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event_type": "cpu_used",
            "properties": {"cpu_seconds": 60},
        }
    ]


TIME = "2020-04-02T00:10:25.000Z"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (TIME, TIME),
        ("2020-04-02T00:10:25Z", TIME),
        ("2020-04-02T02:10:25+02:00", TIME),
        ("2020-04-02T00:10:25.123456Z", "2020-04-02T00:10:25.123Z"),
        ("2020-04-02", "2020-04-02T00:00:00.000Z"),
        (1585786225000, TIME),
    ],
)
async def test_timestamps_are_sent_as_rfc_3339(
    instance: TestIntegration, partner: Partner, clock: FakeClock, given: Any, sent: str
) -> None:
    """ISO 8601 in any zone, a date alone, and epoch milliseconds become RFC 3339 in UTC."""
    clock.set(datetime(2020, 4, 2, 12, tzinfo=UTC))
    partner.post(INGEST)
    run = await instance.test_action("sendEvent", event=usage(timestamp=given))
    run.assert_delivered()
    assert run.json[0]["timestamp"] == sent


@pytest.mark.parametrize(
    ("mapping", "saying"),
    [
        ({"transaction_id": "x" * 129}, "at most 128"),
        ({"timestamp": "OLD"}, "34 days"),
        ({"timestamp": "AHEAD"}, "24 hours ahead"),
        ({"customer_id": None}, "customer_id"),
        ({"properties": {"@literal": {f"p{n}": n for n in range(2_001)}}}, "at most 2000"),
        ({"timestamp": "yesterday"}, "timestamp"),
    ],
)
async def test_what_metronome_refuses_is_rejected_before_it_is_sent(
    instance: TestIntegration, partner: Partner, mapping: Mapping[str, Any], saying: str
) -> None:
    """Documented limits are told with the field at fault; Metronome is not asked."""
    times = {
        "OLD": (TEST_TIME - timedelta(days=34, seconds=1)).isoformat(),
        "AHEAD": (TEST_TIME + timedelta(hours=24, seconds=1)).isoformat(),
    }
    given = {
        "timestamp": TEST_TIME.isoformat(),
        **{k: times.get(v, v) if isinstance(v, str) else v for k, v in mapping.items()},
    }
    run = await instance.test_action("sendEvent", event=usage(), mapping=given)
    run.assert_rejected("PAYLOAD_VALIDATION_FAILED", saying=saying)
    assert partner.requests == []


@pytest.mark.parametrize("edge", [timedelta(days=-34), timedelta(hours=24), timedelta(0)])
async def test_the_edges_of_the_window_are_sent(
    instance: TestIntegration, partner: Partner, edge: timedelta
) -> None:
    """Exactly 34 days old and exactly 24 hours ahead still go out."""
    partner.post(INGEST)
    time = (TEST_TIME + edge).isoformat()
    run = await instance.test_action("sendEvent", event=usage(timestamp=time))
    run.assert_delivered()


async def test_a_hundred_events_travel_together(
    instance: TestIntegration, partner: Partner
) -> None:
    """Batches of 100 make one request each, as Metronome asks for."""
    partner.post(INGEST, repeat=True)
    time = TEST_TIME.isoformat()
    events = [usage(messageId=f"m{n}", timestamp=time) for n in range(250)]
    run = await instance.test_action("sendEvent", events=events)
    run.assert_delivered()
    assert [len(request.json) for request in partner.requests] == [100, 100, 50]


async def test_one_bad_event_does_not_take_the_others_with_it(
    instance: TestIntegration, partner: Partner
) -> None:
    """Metronome refuses a batch whole; every good event arrives all the same."""
    partner.otherwise(
        lambda request: Answer(
            status=400 if any(e["event_type"] == "bad" for e in request.json) else 200
        )
    )
    time = TEST_TIME.isoformat()
    events = [
        usage(messageId=f"m{n}", event="bad" if n == 37 else "cpu_used", timestamp=time)
        for n in range(100)
    ]
    run = await instance.test_action("sendEvent", events=events)
    assert [n for n, outcome in enumerate(run.outcomes) if outcome == "rejected"] == [37]
    assert sum(outcome == "delivered" for outcome in run.outcomes) == 99


async def test_the_preset_wants_tracks_only(instance: TestIntegration, partner: Partner) -> None:
    """Segment's own preset: type is track."""
    partner.post(INGEST)
    name = "Send track events to Metronome"
    time = TEST_TIME.isoformat()
    (await instance.test_preset(name, event=usage(timestamp=time))).assert_delivered()
    page = create_test_event(type="page", messageId="m2")
    (await instance.test_preset(name, event=page)).assert_filtered()


@pytest.mark.parametrize("status", [400, 200])
async def test_a_good_token_is_called_good(
    instance: TestIntegration, partner: Partner, status: int
) -> None:
    """An empty list is refused with 400 only after the token was accepted; nothing is stored."""
    partner.post(INGEST, status=status)
    (await instance.test_authentication()).assert_good()
    assert partner.request.json == []


@pytest.mark.parametrize("status", [401, 403])
async def test_a_bad_token_is_called_bad(
    instance: TestIntegration, partner: Partner, status: int
) -> None:
    """Metronome answers 401 or 403 to a token that it does not know."""
    partner.post(INGEST, status=status, payload={"message": "Unauthorized"})
    run = await instance.test_authentication()
    run.assert_refused()
    assert "make a new one" in run.message


@pytest.mark.parametrize("status", [429, 500, 502, 503, 404])
async def test_an_outage_is_not_called_a_bad_token(
    instance: TestIntegration, partner: Partner, status: int
) -> None:
    """Anything else says nothing about the token."""
    partner.post(INGEST, status=status)
    run = await instance.test_authentication()
    run.assert_unclear()
    assert "could not find out" in run.message


async def test_numbers_reach_metronome_exact(instance: TestIntegration, partner: Partner) -> None:
    """An integer of any size arrives as it came."""
    partner.post(INGEST)
    event = usage(timestamp=TEST_TIME.isoformat(), properties={"big": 12345678901234567890123})
    run = await instance.test_action("sendEvent", event=event)
    assert b"12345678901234567890123" in partner.request.body
    run.assert_delivered()
