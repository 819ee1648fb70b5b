"""HubSpot as a destination: what every destination owes, and what leaves in its requests."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import pytest

from offramp import AuthTokens
from offramp.testing import (
    Answer,
    DestinationSuite,
    MakeIntegration,
    Partner,
    RecordedRequest,
    TestIntegration,
    create_test_event,
)
from offramp_hubspot import hubspot

API = "https://api.hubapi.com"
UPSERT = f"{API}/crm/objects/2026-03/contacts/batch/upsert"
#: Every setting that an instance can have.
SETTINGS = {"userIdProperty": "user_id"}
AUTH = AuthTokens(access_token="an-access-token", refresh_token="a-refresh-token")


class TestWhatEveryDestinationOwes(DestinationSuite):
    destination = hubspot
    settings = SETTINGS
    auth = AUTH

    def answer(self, request: RecordedRequest) -> Answer:
        """An account without properties of its own; every record exists if they are updated."""
        found = asked_for(request) if self.sync_mode == "update" else []
        return Answer(payload={"status": "COMPLETE", "results": found, "total": len(found)})


def asked_for(request: RecordedRequest) -> list[dict[str, Any]]:
    """The records that a request reads or searches."""
    if request.url.endswith("/batch/read"):
        by, values = request.json["idProperty"], [each["id"] for each in request.json["inputs"]]
    elif request.url.endswith("/search"):
        [wanted] = request.json["filterGroups"][0]["filters"]
        by, values = wanted["propertyName"], wanted["values"]
    else:
        return []
    return [{"id": str(crc32(each.encode())), "properties": {by: each}} for each in values]


@pytest.fixture
def account(integration: MakeIntegration) -> TestIntegration:
    return integration(hubspot, settings={}, auth=AUTH)


def identify(email: str, **traits: Any) -> dict[str, Any]:
    return create_test_event(type="identify", traits={"email": email, **traits})


async def test_an_identify_call_becomes_a_contact(
    account: TestIntegration, partner: Partner
) -> None:
    """The defaults, the token, and the request that HubSpot documents."""
    partner.post(UPSERT, payload={"status": "COMPLETE", "results": []})
    event = identify("Ada@example.com", firstName="Ada", address={"city": "London"}, age=36)
    run = await account.test_preset("Contacts from identify calls", event=event)
    run.assert_delivered()
    assert partner.request.header("Authorization") == "Bearer an-access-token"
    assert run.json == {
        "inputs": [
            {
                "id": "Ada@example.com",
                "idProperty": "email",
                "objectWriteTraceId": "ada@example.com",
                "properties": {"email": "Ada@example.com", "firstname": "Ada", "city": "London"},
            }
        ]
    }


VALUES = [
    (True, "true"),
    (5, "5"),
    (12345678901234567890123, "12345678901234567890123"),
    (["a", "b"], "a;b"),
    ("2026-01-02", "2026-01-02"),
    ("", ""),
]


@pytest.mark.parametrize(("given", "sent"), VALUES)
async def test_values_are_sent_as_texts(
    account: TestIntegration, partner: Partner, given: Any, sent: str
) -> None:
    """HubSpot stores texts; numbers keep every digit, and several choices are joined."""
    partner.post(UPSERT, payload={"results": []})
    run = await account.test_action(
        "upsertContact",
        event=identify("a@example.com"),
        mapping={"properties": {"@literal": {"value": given, "left_out": None}}},
    )
    run.assert_delivered()
    assert run.json["inputs"][0]["properties"] == {"email": "a@example.com", "value": sent}


@pytest.mark.parametrize("action", ["upsertContact", "upsertObject", "sendEvent"])
async def test_an_object_is_no_value_of_a_property(
    account: TestIntegration, partner: Partner, action: str
) -> None:
    """The event is rejected with the property at fault, and nothing is sent."""
    mapping = {
        "id": "x",
        "objectType": "deals",
        "idProperty": "order_id",
        "eventName": "pe1_x",
        "email": "a@example.com",
        "properties": {"@literal": {"plan": {"name": "pro"}}},
    }
    known = account.entry.action(action).fields
    run = await account.test_action(
        action, mapping={key: value for key, value in mapping.items() if key in known}
    )
    run.assert_rejected("PAYLOAD_VALIDATION_FAILED", saying="$.properties.plan: is an object")
    assert partner.requests == []


@pytest.mark.parametrize(
    ("answer", "code", "wait"),
    [
        (Answer(status=429), "429", 10),
        (Answer(status=429, headers={"Retry-After": "3"}), "429", 3),
        (Answer(status=477, headers={"Retry-After": "30"}), "477", 30),
    ],
)
async def test_hubspots_own_reasons_to_wait(
    account: TestIntegration, partner: Partner, answer: Answer, code: str, wait: float
) -> None:
    """A rate limit is reset after ten seconds; 477 says that the account is being moved."""
    partner.otherwise(answer)
    run = await account.test_action("upsertContact", event=identify("a@example.com"))
    run.assert_retrying(code)
    assert run.delivery.retry_in == wait


def errors(*given: dict[str, Any]) -> Answer:
    return Answer(
        status=207,
        payload={"status": "COMPLETE", "results": [], "numErrors": len(given), "errors": given},
    )


@pytest.mark.parametrize(
    ("category", "outcome"),
    [
        ("VALIDATION_ERROR", "rejected"),
        ("SOMETHING_NEW", "rejected"),
        ("RATE_LIMITS", "retrying"),
        ("INTERNAL_ERROR", "retrying"),
        (None, "rejected"),
    ],
)
async def test_an_error_within_a_batch_ends_its_own_events_only(
    account: TestIntegration, partner: Partner, category: str | None, outcome: str
) -> None:
    """Errors are told by trace id; whether their events are sent again depends on the category."""
    trace = {"objectWriteTraceId": ["b@example.com"]}
    partner.post(
        UPSERT, **_as_keywords(errors({"category": category, "message": "no", "context": trace}))
    )
    run = await account.test_action(
        "upsertContact", events=[identify("a@example.com"), identify("B@example.com")]
    )
    assert run.outcomes == ("delivered", outcome)
    assert run.deliveries[1].code == (category or "VALIDATION_ERROR")


def _as_keywords(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "payload": answer.payload}


async def test_an_error_without_a_trace_id_is_found_by_halving(
    account: TestIntegration, partner: Partner
) -> None:
    """HubSpot may not say which record it means: then the host sends halves of the batch."""

    def respond(request: RecordedRequest) -> Answer:
        if "bad@example.com" in request.text:
            return errors({"category": "VALIDATION_ERROR", "message": "one is bad"})
        return Answer(payload={"results": []})

    partner.otherwise(respond)
    emails = ["a@example.com", "b@example.com", "bad@example.com", "c@example.com"]
    run = await account.test_action("upsertContact", events=[identify(each) for each in emails])
    assert run.outcomes == ("delivered", "delivered", "rejected", "delivered")


@pytest.mark.parametrize(
    ("mapping", "saying"),
    [
        ({"email": None}, "objectId and utk"),
        ({"properties": {"@literal": {f"p{n}": n for n in range(51)}}}, "at most 50"),
    ],
)
async def test_an_occurrence_that_hubspot_would_refuse(
    account: TestIntegration, partner: Partner, mapping: dict[str, Any], saying: str
) -> None:
    """One bad occurrence would take the whole batch with it."""
    given = {"eventName": "pe1_x", "email": "a@example.com", **mapping}
    run = await account.test_action("sendEvent", mapping=given)
    run.assert_rejected("PAYLOAD_VALIDATION_FAILED", saying=saying)
    assert partner.requests == []
