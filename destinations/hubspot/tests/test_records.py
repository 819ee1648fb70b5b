"""Records at the emulator: each sync mode, races, searches, and an outcome for each event."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offramp import AuthTokens
from offramp.testing import ActionRun, MakeIntegration, TestIntegration, create_test_event
from offramp_hubspot import hubspot
from offramp_hubspot.emulator import Emulator, Fault

TOKEN = "token-of-the-test"


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN, search_lag=60.0) as running:
        monkeypatch.setenv("HUBSPOT_BASE_URL", running.url)
        yield running


@pytest.fixture
def account(integration: MakeIntegration, emulator: Emulator) -> TestIntegration:
    return integration(hubspot, settings={}, auth=AuthTokens(access_token=TOKEN))


def paths(emulator: Emulator) -> list[str]:
    """The last parts of the requests that wrote or searched, such as `batch/upsert`."""
    return ["/".join(each["path"].split("/")[5:]) for each in emulator.received]


async def contacts(
    account: TestIntegration, *given: dict[str, Any], mode: str | None = None, by: str = "email"
) -> ActionRun:
    """Send an identify call for each contact."""
    events = [create_test_event(type="identify", traits=each) for each in given]
    mapping = {
        "idProperty": by,
        "id": {"@path": f"$.traits.{by}"},
        "properties": {"city": {"@path": "$.traits.city"}, "plan": {"@path": "$.traits.plan"}},
    }
    return await account.test_action(
        "upsertContact", events=events, mapping=mapping, sync_mode=mode
    )


ADA: dict[str, Any] = {"email": "ada@example.com", "user_id": "u1", "city": "London"}
BOB: dict[str, Any] = {"email": "bob@example.com", "user_id": "u2", "city": "Prague"}
BAD: dict[str, Any] = {"email": "bad@example.com", "user_id": "u3", "plan": "gold"}


@pytest.mark.parametrize("by", ["email", "user_id"])
async def test_a_unique_property_needs_one_request(
    account: TestIntegration, emulator: Emulator, by: str
) -> None:
    """Whether a record exists is HubSpot's business; a batch with one bad record is taken else."""
    emulator.create("contacts", **{by: ADA[by]})
    run = await contacts(account, ADA, BAD, BOB, by=by)
    assert run.outcomes == ("delivered", "rejected", "delivered")
    assert "INVALID_OPTION" in run.deliveries[1].message
    assert paths(emulator) == ["batch/upsert"]
    assert [each.properties["city"] for each in emulator.records()] == ["London", "Prague"]


async def test_events_of_one_record_are_written_in_their_order(
    account: TestIntegration, emulator: Emulator
) -> None:
    """HubSpot refuses a request that names a record twice; the last event has the last word."""
    cities = ["A", "B", "C"]
    given = [{**ADA, "city": city} for city in cities]
    run = await contacts(account, given[0], BOB, given[1], {**given[2], "email": "ADA@example.com"})
    run.assert_delivered()
    assert paths(emulator) == ["batch/upsert"] * 3
    ada, bob = emulator.records()
    assert (ada.properties["city"], ada.writes) == ("C", 3)
    assert bob.writes == 1


@pytest.mark.parametrize("by", ["email", "user_id"])
async def test_add_leaves_existing_records_as_they_are(
    account: TestIntegration, emulator: Emulator, by: str
) -> None:
    """Only what is missing is created; a repeat, after a lost answer, changes nothing."""
    emulator.create("contacts", **{by: BOB[by]}, city="Brno")
    for _ in range(2):
        run = await contacts(account, ADA, BOB, BAD, mode="add", by=by)
        assert run.outcomes == ("delivered", "delivered", "rejected")
    assert [each.properties["city"] for each in emulator.records()] == ["Brno", "London"]
    assert all(each.writes == 1 for each in emulator.records())


@pytest.mark.parametrize("by", ["email", "user_id"])
async def test_update_creates_nothing(
    account: TestIntegration, emulator: Emulator, by: str
) -> None:
    """An event whose record does not exist is rejected, with the way out."""
    emulator.create("contacts", **{by: BOB[by]})
    run = await contacts(account, ADA, BOB, mode="update", by=by)
    assert run.outcomes == ("rejected", "delivered")
    assert run.deliveries[0].code == "RECORD_NOT_FOUND"
    assert "choose another mode" in run.deliveries[0].message
    assert [each.properties["city"] for each in emulator.records()] == ["Prague"]


async def test_an_address_of_a_contact_besides_its_first_one_finds_it(
    account: TestIntegration, emulator: Emulator
) -> None:
    """The contact is updated, and keeps its first address."""
    more = "old@example.com;ada@example.com"
    known = emulator.create("contacts", email="first@example.com", hs_additional_emails=more)
    (await contacts(account, ADA, mode="update")).assert_delivered()
    assert (known.properties["city"], known.properties["email"]) == ("London", "first@example.com")


async def companies(
    account: TestIntegration, *domains: str, mode: str | None = None, name: str = "Acme"
) -> ActionRun:
    """Send a group call for each company, which is found by its domain."""
    events = [create_test_event(type="group", traits={"domain": each}) for each in domains]
    mapping = {
        "objectType": "companies",
        "idProperty": "domain",
        "id": {"@path": "$.traits.domain"},
        "properties": {"name": name},
    }
    return await account.test_action("upsertObject", events=events, mapping=mapping, sync_mode=mode)


async def test_without_a_unique_property_records_are_searched(
    account: TestIntegration, emulator: Emulator
) -> None:
    """One search for the batch, then one request for what is new and one for what is known."""
    emulator._state.records.search_lag = 0.0
    known = emulator.create("companies", domain="known.example")
    run = await companies(account, "known.example", "New.example", "other.example")
    run.assert_delivered()
    assert paths(emulator) == ["search", "batch/create", "batch/update"]
    assert known.properties["name"] == "Acme"
    assert len(emulator.records("companies")) == 3


async def test_what_was_just_created_is_remembered(
    account: TestIntegration, emulator: Emulator
) -> None:
    """The search lags behind, so a second event of the batch would create a second company."""
    run = await companies(account, "new.example", "new.example")
    run.assert_delivered()
    assert paths(emulator) == ["search", "batch/create", "search", "batch/update"]
    [company] = emulator.records("companies")
    assert company.writes == 2


async def test_several_records_of_one_value_are_a_fault_of_the_account(
    account: TestIntegration, emulator: Emulator
) -> None:
    """Which of them is meant cannot be known; the event is rejected with their ids."""
    emulator._state.records.search_lag = 0.0
    twins = [emulator.create("companies", domain="twin.example") for _ in range(2)]
    run = await companies(account, "twin.example", "new.example")
    assert run.outcomes == ("rejected", "delivered")
    assert run.deliveries[0].code == "SEVERAL_RECORDS"
    assert all(each.id in run.deliveries[0].message for each in twins)


async def test_a_record_that_was_created_meanwhile_is_updated(
    account: TestIntegration, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HubSpot's conflict names the record; no event is rejected because of a race."""
    monkeypatch.setattr("offramp_hubspot.records.is_unique", _never)
    monkeypatch.setattr("offramp_hubspot.finding.is_unique", _never)
    emulator.create("contacts", email="ada@example.com")  # not in the index of the search yet
    run = await contacts(account, ADA, BOB)
    run.assert_delivered()
    assert paths(emulator) == ["search", "batch/create", "batch/update"]
    assert [each.properties["city"] for each in emulator.records()] == ["London", "Prague"]


async def _never(*_: object) -> bool:
    return False


async def test_the_properties_of_a_type_are_asked_for_once(
    account: TestIntegration, emulator: Emulator
) -> None:
    """Whether a property is unique is kept in the cache of the instance."""
    asked = Counter[str]()

    async def count(outgoing: Any, handler: Any) -> Any:
        asked[outgoing.url.rpartition("/")[2]] += 1
        return await handler(outgoing)

    account.middleware = [count]
    events = [{**ADA, "user_id": f"u{n}", "email": f"{n}@example.com"} for n in range(250)]
    (await contacts(account, *events, by="user_id")).assert_delivered()
    assert asked == {"contacts": 1, "upsert": 3}


async def test_an_answer_that_is_lost_creates_nothing_twice(
    account: TestIntegration, emulator: Emulator
) -> None:
    """The events are sent again, and find what the first attempt created."""
    for mode in ("upsert", "add"):
        path = "batch/upsert" if mode == "upsert" else "batch/create"
        emulator.fail(Fault(status=None, path=path, done=True))
        given = [{**each, "email": f"{mode}-{each['email']}"} for each in (ADA, BOB)]
        (await contacts(account, *given, mode=mode)).assert_retrying()
        (await contacts(account, *given, mode=mode)).assert_delivered()
    assert len(emulator.records()) == 4
    assert max(emulator.creations[key] for key in emulator.creations if key[1] == "email") == 1
