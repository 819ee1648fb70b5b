"""The emulator: it refuses what HubSpot is known to refuse, and keeps what it was given."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from offramp_hubspot.emulator import CLIENT_ID, CLIENT_SECRET, Emulator, Fault

TOKEN = "token-of-the-test"
CONTACTS = "/crm/objects/2026-03/contacts"
BACK = "http://localhost:1/callback"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def emulator(clock: Clock) -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN, now=clock, search_lag=5.0) as running:
        yield running


@pytest.fixture
async def session(emulator: Emulator) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(emulator.url, headers=headers) as opened:
        yield opened


async def post(session: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
    async with session.post(path, json=body) as answer:
        return answer.status, await answer.json() if answer.content_type.endswith("json") else None


async def batch(
    session: aiohttp.ClientSession, what: str, *inputs: dict[str, Any], kind: str = "contacts"
) -> tuple[int, Any]:
    path = f"/crm/objects/2026-03/{kind}/batch/{what}"
    return await post(session, path, {"inputs": list(inputs)})


def contact(email: str, trace: str | None = None, **properties: Any) -> dict[str, Any]:
    traced = {} if trace is None else {"objectWriteTraceId": trace}
    return {"id": email, "idProperty": "email", "properties": properties, **traced}


async def test_an_upsert_creates_once_and_then_updates(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """The second write of an address, in any case of letters, changes the same record."""
    assert (await batch(session, "upsert", contact("Ada@Example.com", firstname="Ada")))[0] == 200
    assert (await batch(session, "upsert", contact("ada@example.com", city="London")))[0] == 200
    [record] = emulator.records()
    assert record.properties == {"firstname": "Ada", "email": "ada@example.com", "city": "London"}
    assert record.writes == 2


async def test_with_trace_ids_a_bad_record_is_refused_alone(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """The answer is 207, and names the record by its trace id."""
    status, body = await batch(
        session, "upsert", contact("good@example.com", "a"), contact("bad@example.com", "b", no="x")
    )
    assert (status, body["numErrors"], len(body["results"])) == (207, 1, 1)
    [error] = body["errors"]
    assert error["context"]["objectWriteTraceId"] == ["b"]
    assert error["category"] == "VALIDATION_ERROR"
    assert "PROPERTY_DOESNT_EXIST" in error["message"]
    assert [each.properties["email"] for each in emulator.records()] == ["good@example.com"]


async def test_without_trace_ids_a_batch_is_refused_as_a_whole(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """As HubSpot did before there were trace ids."""
    good, bad = contact("good@example.com"), contact("bad@example.com", no="x")
    assert (await batch(session, "upsert", good, bad))[0] == 400
    assert emulator.records() == []


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"unknown": "x"}, "PROPERTY_DOESNT_EXIST"),
        ({"createdate": "2026-01-01"}, "READ_ONLY_VALUE"),
        ({"seats": "many"}, "INVALID_LONG"),
        ({"plan": "gold"}, "INVALID_OPTION"),
        ({"last_login": "yesterday"}, "INVALID_DATE"),
        ({"city": {"name": "Prague"}}, "INVALID_TYPE"),
        ({"email": "nobody"}, "INVALID_EMAIL"),
    ],
)
async def test_values_that_a_property_does_not_take(
    session: aiohttp.ClientSession, properties: dict[str, Any], code: str
) -> None:
    """Each with HubSpot's own code."""
    status, body = await batch(session, "create", {"properties": properties})
    assert status == 400
    assert code in body["message"]


@pytest.mark.parametrize(
    "properties",
    [
        {"seats": 5},
        {"seats": "5.5"},
        {"plan": "pro"},
        {"city": ""},
        {"last_login": "1767322800000"},
    ],
)
async def test_values_that_a_property_takes(
    session: aiohttp.ClientSession, properties: dict[str, Any]
) -> None:
    """Numbers as numbers and as texts, and the empty text, which clears a property."""
    assert (await batch(session, "create", {"properties": properties}))[0] == 201


async def test_a_second_contact_of_an_address_is_a_conflict(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """The message names the record that exists."""
    existing = emulator.create("contacts", email="ada@example.com")
    status, body = await batch(session, "create", {"properties": {"email": "Ada@example.com"}})
    assert (status, body["category"]) == (409, "CONFLICT")
    assert body["message"] == f"Contact already exists. Existing ID: {existing.id}"


async def test_a_batch_names_each_record_once(session: aiohttp.ClientSession) -> None:
    """Two inputs of one address are refused, with trace ids too."""
    status, body = await batch(
        session, "upsert", contact("a@example.com", "1"), contact("A@example.com", "2")
    )
    assert status == 400
    assert "Duplicate IDs found in batch input" in body["message"]


async def test_a_batch_has_a_hundred_records_at_most(session: aiohttp.ClientSession) -> None:
    """The hundredth is taken, and one more refuses all."""
    inputs = [contact(f"c{n}@example.com", str(n)) for n in range(101)]
    assert (await batch(session, "upsert", *inputs))[0] == 400
    assert (await batch(session, "upsert", *inputs[:100]))[0] == 200


async def test_reading_lists_what_does_not_exist(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """What exists is there, and the others are one error that names them."""
    emulator.create("contacts", email="ada@example.com")
    body = {"idProperty": "email", "inputs": [{"id": "ADA@example.com"}, {"id": "no@example.com"}]}
    status, answer = await post(session, f"{CONTACTS}/batch/read", body)
    assert status == 207
    assert [each["properties"]["email"] for each in answer["results"]] == ["ada@example.com"]
    assert answer["errors"][0]["context"]["ids"] == ["no@example.com"]


async def test_only_a_unique_property_identifies(session: aiohttp.ClientSession) -> None:
    """The domain of companies is not unique, at HubSpot neither."""
    given = {"id": "example.com", "idProperty": "domain", "properties": {}}
    status, body = await batch(session, "upsert", given, kind="companies")
    assert status == 400
    assert "not a unique property" in body["message"]


async def test_a_search_lags_behind(
    session: aiohttp.ClientSession, emulator: Emulator, clock: Clock
) -> None:
    """It finds records after some seconds, a page at a time."""
    for _ in range(3):
        emulator.create("companies", domain="example.com")
    wanted = {"propertyName": "domain", "operator": "IN", "values": ["example.com"]}
    body: dict[str, Any] = {"filterGroups": [{"filters": [wanted]}], "limit": 2}
    path = "/crm/objects/2026-03/companies/search"
    assert (await post(session, path, body))[1]["total"] == 0
    clock.advance(5)
    _, first = await post(session, path, body)
    assert (first["total"], len(first["results"])) == (3, 2)
    _, second = await post(session, path, {**body, "after": first["paging"]["next"]["after"]})
    assert len(second["results"]) == 1
    assert "paging" not in second
    wanted["values"] = ["Example.com"]
    assert (await post(session, path, body))[0] == 400


async def test_erasing_removes_the_contact_and_blocks_unknown_addresses(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """An address without a contact cannot become one any more."""
    emulator.create("contacts", email="ada@example.com")
    for email in ("ada@example.com", "bob@example.com"):
        body = {"idProperty": "email", "objectId": email}
        assert (await post(session, f"{CONTACTS}/gdpr-delete", body))[0] == 204
    assert emulator.records() == []
    assert emulator.blocked() == {"bob@example.com"}
    assert (await batch(session, "upsert", contact("bob@example.com")))[0] == 400
    assert (await batch(session, "upsert", contact("ada@example.com")))[0] == 200


async def test_rate_limits(
    session: aiohttp.ClientSession, emulator: Emulator, clock: Clock
) -> None:
    """190 requests in ten seconds, and five searches in one."""
    statuses = []
    for _ in range(191):
        async with session.get("/account-info/2026-03/details") as answer:
            statuses.append(answer.status)
    assert statuses == [200] * 190 + [429]
    searches = [await post(session, f"{CONTACTS}/search", {}) for _ in range(6)]
    assert [status for status, _ in searches] == [200] * 5 + [429]
    assert searches[-1][1]["policyName"] == "SECONDLY"
    clock.advance(10)
    async with session.get("/account-info/2026-03/details") as answer:
        assert answer.headers["X-HubSpot-RateLimit-Remaining"] == "189"


async def token(emulator: Emulator, **form: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{emulator.url}/oauth/2026-03/token", data=form) as answer,
    ):
        return answer.status, await answer.json()


async def code_for(emulator: Emulator, **query: str) -> str:
    params = {"client_id": CLIENT_ID, "redirect_uri": BACK, "state": "s", **query}
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{emulator.url}/oauth/authorize", params=params, allow_redirects=False
        ) as answer,
    ):
        assert answer.status == 302
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["s"]
    return back["code"][0]


APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


async def test_oauth_from_consent_to_refresh(emulator: Emulator, clock: Clock) -> None:
    """A code is good once, an access token for its time, a refresh token until it is revoked."""
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    code = await code_for(emulator, code_challenge=challenge, code_challenge_method="S256")
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **APP}
    status, issued = await token(emulator, **grant, code_verifier=verifier)
    assert (status, issued["expires_in"]) == (200, 1800)
    assert (await token(emulator, **grant, code_verifier=verifier))[1]["error"] == "invalid_grant"

    refresh = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"], **APP}
    clock.advance(1800)
    headers = {"Authorization": f"Bearer {issued['access_token']}"}
    async with aiohttp.ClientSession(emulator.url, headers=headers) as session:
        status, body = await batch(session, "upsert", contact("ada@example.com"))
    assert (status, body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    status, renewed = await token(emulator, **refresh)
    assert (status, renewed["refresh_token"]) == (200, issued["refresh_token"])
    headers = {"Authorization": f"Bearer {renewed['access_token']}"}
    async with aiohttp.ClientSession(emulator.url, headers=headers) as session:
        assert (await batch(session, "upsert", contact("ada@example.com")))[0] == 200
    revoke = {"token": issued["refresh_token"], **APP}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{emulator.url}/oauth/2026-03/token/revoke", data=revoke) as answer,
    ):
        assert answer.status == 200
    assert (await token(emulator, **refresh))[1]["error"] == "invalid_grant"


async def test_oauth_refuses(emulator: Emulator) -> None:
    """Another app, a wrong verifier, another address to return to, an unknown grant."""
    code = await code_for(emulator, code_challenge="x" * 43)
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **APP}
    assert (await token(emulator, **{**grant, "client_secret": "wrong"}))[0] == 400
    assert (await token(emulator, **grant, code_verifier="y" * 43))[0] == 400
    elsewhere = {**grant, "code": await code_for(emulator), "redirect_uri": "http://elsewhere"}
    assert (await token(emulator, **elsewhere))[0] == 400
    assert (await token(emulator, **{**APP, "grant_type": "password"}))[0] == 400


@pytest.mark.parametrize(
    ("redirect_uri", "status"),
    [
        ("https://offramp.example.com/api/oauth/callback", 302),
        ("http://localhost:8976/callback", 302),
        ("http://127.0.0.1:8976/callback", 400),
        ("https://192.0.2.7/callback", 400),
        ("https://[::1]/callback", 400),
        ("http://offramp.example.com/callback", 400),
    ],
)
async def test_redirect_uris_have_a_name(
    emulator: Emulator, redirect_uri: str, status: int
) -> None:
    """HubSpot takes https, and http for localhost, but no IP address."""
    params = {"client_id": CLIENT_ID, "redirect_uri": redirect_uri}
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{emulator.url}/oauth/authorize", params=params, allow_redirects=False
        ) as answer,
    ):
        assert answer.status == status


async def test_faults_happen_as_often_as_planned(
    session: aiohttp.ClientSession, emulator: Emulator
) -> None:
    """Before or after the request is carried out, or with no answer at all."""
    emulator.fail(
        Fault(status=503, path="batch/upsert", headers={"Retry-After": "7"}),
        Fault(status=500, done=True),
        Fault(status=None),
    )
    async with session.post(f"{CONTACTS}/batch/upsert", json={}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert emulator.records() == []
    assert (await batch(session, "upsert", contact("ada@example.com")))[0] == 500
    assert len(emulator.records()) == 1
    with pytest.raises(aiohttp.ClientConnectionError):
        await batch(session, "upsert", contact("ada@example.com"))
    assert (await batch(session, "upsert", contact("ada@example.com")))[0] == 200


async def test_custom_events(session: aiohttp.ClientSession, emulator: Emulator) -> None:
    """An event is defined once, takes its own properties, and a bad one refuses the batch."""
    path = "/events/2026-03/event-definitions"
    defined = {"name": "signed_up", "label": "Signed up", "propertyDefinitions": [{"name": "via"}]}
    status, body = await post(session, path, defined)
    assert (status, body["fullyQualifiedName"]) == (200, "pe424242_signed_up")
    assert (await post(session, path, defined))[0] == 409
    async with session.get(path, params={"limit": "1"}) as answer:
        first = await answer.json()
    assert [each["name"] for each in first["results"]] == ["plan_changed"]
    async with session.get(path, params={"after": first["paging"]["next"]["after"]}) as answer:
        assert [each["name"] for each in (await answer.json())["results"]] == ["signed_up"]

    good = {"eventName": "pe424242_signed_up", "email": "a@example.com", "properties": {"via": "x"}}
    for bad in ({"email": None}, {"eventName": "pe424242_no"}, {"properties": {"no": "x"}}):
        inputs = {"inputs": [good, {**good, **bad}]}
        assert (await post(session, "/events/2026-03/send/batch", inputs))[0] == 400
    assert emulator.occurrences == []
    status, _ = await post(session, "/events/2026-03/send/batch", {"inputs": [good]})
    assert status == 204
    assert emulator.occurrences == [good]
