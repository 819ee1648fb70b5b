"""Forms, saved mappings, custom events and forgotten persons, at the emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from offramp import AuthTokens, Choice, RejectedError
from offramp.testing import TEST_TIME, MakeIntegration, TestIntegration, create_test_event
from offramp_hubspot import Occurrence, hubspot
from offramp_hubspot.emulator import Emulator

TOKEN = "token-of-the-test"


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN) as running:
        monkeypatch.setenv("HUBSPOT_BASE_URL", running.url)
        yield running


@pytest.fixture
def account(integration: MakeIntegration, emulator: Emulator) -> TestIntegration:
    return integration(hubspot, settings={}, auth=AuthTokens(access_token=TOKEN))


def values(found: Iterable[Choice]) -> list[str]:
    return [each.value for each in found]


async def test_contacts_are_found_by_their_unique_properties(account: TestIntegration) -> None:
    """The email address, and what the account made unique."""
    found = await account.test_dynamic_field("upsertContact", "idProperty")
    assert values(found.choices) == ["email", "user_id"]


async def test_an_event_sets_properties_that_can_be_set(account: TestIntegration) -> None:
    """All properties with their labels, but for those that HubSpot sets itself."""
    found = await account.test_dynamic_field("upsertContact", "properties.__keys__")
    assert Choice("firstname", "First name") in found.choices
    assert "createdate" not in values(found.choices)


async def test_object_types_are_those_of_the_account(account: TestIntegration) -> None:
    """HubSpot's own, and the custom objects by their id."""
    found = await account.test_dynamic_field("upsertObject", "objectType")
    assert {"companies", "deals", "2-1001"} <= {*values(found.choices)}


@pytest.mark.parametrize("field", ["idProperty", "properties.__keys__"])
@pytest.mark.parametrize(
    ("kind", "wanted"), [("companies", "domain"), ("2-1001", "licence_key"), (None, None)]
)
async def test_properties_are_those_of_the_chosen_type(
    account: TestIntegration, field: str, kind: str | None, wanted: str | None
) -> None:
    """Without an object type there is nothing to choose from yet."""
    found = await account.test_dynamic_field(
        "upsertObject", field, payload={} if kind is None else {"objectType": kind}
    )
    assert wanted in values(found.choices) if wanted else not found.choices


async def test_events_come_a_page_at_a_time_and_are_searched(
    account: TestIntegration, emulator: Emulator
) -> None:
    """HubSpot lists a hundred at most, and narrows them itself."""
    for n in range(120):
        emulator._state.define(f"event_{n}", f"Event {n}", [])
    first = await account.test_dynamic_field("sendEvent", "eventName")
    assert len(first.choices) == 100
    second = await account.test_dynamic_field("sendEvent", "eventName", page=first.next_page)
    assert (len(second.choices), second.next_page) == (21, None)
    found = await account.test_dynamic_field("sendEvent", "eventName", search="Event_11")
    assert len(found.choices) == 11
    [one] = (await account.test_dynamic_field("sendEvent", "eventName", search="plan")).choices
    assert one == Choice("pe424242_plan_changed", "Plan changed")


async def test_properties_of_an_event(account: TestIntegration) -> None:
    """Those that the chosen event has."""
    payload = {"eventName": "pe424242_plan_changed"}
    found = await account.test_dynamic_field("sendEvent", "properties.__keys__", payload=payload)
    assert values(found.choices) == ["plan", "source", "amount"]
    assert not (await account.test_dynamic_field("sendEvent", "properties.__keys__")).choices


async def test_an_event_is_defined_when_a_mapping_is_saved(
    account: TestIntegration, emulator: Emulator
) -> None:
    """Saving twice, or after somebody else, finds the event that there is."""
    inputs = {"name": "signed_up", "label": "Signed up", "properties": ["via"]}
    for _ in range(2):
        outputs = await account.test_save_hook("sendEvent", "onMappingSave", inputs)
        assert outputs == {"eventName": "pe424242_signed_up"}
    found = emulator._state.definitions["pe424242_signed_up"]
    assert [each["name"] for each in found["properties"]] == ["via"]


async def test_an_occurrence_is_sent(account: TestIntegration, emulator: Emulator) -> None:
    """The defaults of a track call."""
    event = create_test_event(
        event="Plan Changed",
        messageId="m1",
        context={"traits": {"email": "ada@example.com"}},
        properties={"plan": "pro", "amount": 5},
    )
    mapping = {"eventName": "pe424242_plan_changed"}
    (await account.test_action("sendEvent", event=event, mapping=mapping)).assert_delivered()
    [sent] = emulator.occurrences
    assert sent["email"] == "ada@example.com"
    assert sent["uuid"] == "m1"
    assert sent["properties"] == {"plan": "pro", "amount": "5"}


def test_an_event_that_was_defined_goes_before_the_mapped_one() -> None:
    """The name that the save hook gave takes the place of the field's."""
    sent = Occurrence(
        event_name="Plan Changed",
        email="ada@example.com",
        object_id=None,
        utk=None,
        occurred_at=TEST_TIME,
        uuid="m1",
        properties=None,
    )
    assert sent.on_the_wire("pe424242_signed_up")["eventName"] == "pe424242_signed_up"
    assert sent.on_the_wire(None)["eventName"] == "Plan Changed"


async def forget(account: TestIntegration, **event: Any) -> None:
    """Give an event of type delete to the destination."""
    settings = {"userIdProperty": "user_id"} if event.pop("by_user_id", False) else {}
    async with account._runtime(settings) as (runtime, _):
        erase = hubspot.on_delete
        assert erase is not None
        await runtime.perform(runtime.client(), erase, {"type": "delete", **event})


@pytest.mark.parametrize(
    "event",
    [
        {"traits": {"email": "ada@example.com"}},
        {"userId": "u1", "context": {"traits": {"email": "Ada@example.com"}}},
        {"userId": "ada@example.com"},
        {"userId": "U1", "by_user_id": True},
    ],
)
async def test_a_person_is_forgotten(
    account: TestIntegration, emulator: Emulator, event: dict[str, Any]
) -> None:
    """The contact is found by its address, or by the user ID in a property; no other is harmed."""
    emulator.create("contacts", email="ada@example.com", user_id="u1")
    other = emulator.create("contacts", email="bob@example.com", user_id="u2")
    await forget(account, **event)
    assert emulator.records() == [other]


async def test_forgetting_who_is_not_there(account: TestIntegration, emulator: Emulator) -> None:
    """An unknown address is blocked; an unknown user ID is done, unless no property has it."""
    await forget(account, traits={"email": "nobody@example.com"})
    assert emulator.blocked() == {"nobody@example.com"}
    await forget(account, userId="u9", by_user_id=True)
    with pytest.raises(RejectedError, match="set `userIdProperty`"):
        await forget(account, userId="u9")
