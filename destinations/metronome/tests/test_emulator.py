"""Metronome's own SDK finds in the emulator what it would find at Metronome."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import metronome
import pytest
from metronome import AsyncMetronome

from offramp_metronome.emulator import Emulator

TOKEN = "made-up"
START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
async def emulator(clock: _Clock) -> AsyncIterator[Emulator]:
    async with Emulator(token=TOKEN, now=clock) as running:
        yield running


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncMetronome]:
    async with AsyncMetronome(
        bearer_token=TOKEN, base_url=emulator.url, max_retries=0
    ) as connected:
        yield connected


def usage(transaction_id: str, **changes: Any) -> Any:
    return {
        "transaction_id": transaction_id,
        "customer_id": "acme",
        "event_type": "api_call",
        "timestamp": "2026-11-23T12:00:00Z",
        **changes,
    }


async def post(url: str, body: bytes | io.BytesIO, **headers: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}", **headers}) as session,
        session.post(url, data=body) as response,
    ):
        text = await response.read()
        return response.status, (await response.json() if text else None)


async def test_ingest_stores_events_as_they_were_sent(
    emulator: Emulator, client: AsyncMetronome
) -> None:
    await client.v1.usage.ingest(usage=[usage("a", properties={"n": "0.10"}), usage("b")])
    assert [(event.transaction_id, event.properties) for event in emulator.events] == [
        ("a", {"n": "0.10"}),
        ("b", None),
    ]
    assert emulator.events[0].customer_id == "acme"
    assert emulator.events[0].timestamp == "2026-11-23T12:00:00Z"
    assert emulator.events[0].processed_at == START


async def test_duplicates_are_ignored_in_silence_and_counted(
    emulator: Emulator, client: AsyncMetronome
) -> None:
    await client.v1.usage.ingest(usage=[usage("a"), usage("a"), usage("b")])
    await client.v1.usage.ingest(usage=[usage("b"), usage("c")])
    stats = emulator.stats()
    assert (stats.events_stored, stats.duplicates) == (3, 2)
    assert emulator.effects() == {"a": 1, "b": 1, "c": 1}


async def test_34_days_later_the_same_id_takes_effect_again(
    emulator: Emulator, client: AsyncMetronome, clock: _Clock
) -> None:
    await client.v1.usage.ingest(usage=[usage("a")])
    clock.now += timedelta(days=34, seconds=1)
    await client.v1.usage.ingest(usage=[usage("a", timestamp=clock.now.isoformat())])
    assert emulator.stats().repeated == {"a": 2}


@pytest.mark.parametrize(
    "bad",
    [
        usage("x" * 129),
        usage("old", timestamp="2026-10-20T11:59:59Z"),
        usage("ahead", timestamp="2026-11-24T12:00:01Z"),
        usage("nobody", customer_id=""),
    ],
)
async def test_one_bad_event_refuses_the_whole_batch_and_stores_nothing(
    emulator: Emulator, client: AsyncMetronome, bad: Any
) -> None:
    with pytest.raises(metronome.BadRequestError) as refused:
        await client.v1.usage.ingest(usage=[usage("a"), bad, usage("b")])
    assert isinstance(refused.value.body, dict)
    assert list(refused.value.body) == ["message"]
    stats = emulator.stats()
    assert emulator.events == []
    assert stats.events_refused == 3
    assert sum(stats.refusals.values()) == 1


async def test_an_empty_array_is_a_400_with_a_right_token(
    emulator: Emulator, client: AsyncMetronome
) -> None:
    with pytest.raises(metronome.BadRequestError, match="array is too short"):
        await client.v1.usage.ingest(usage=[])
    assert emulator.stats().refusals == {"batch: empty": 1}


@pytest.mark.parametrize("token", ["wrong", "made-up2", "näïve".encode().decode("latin-1")])
async def test_a_wrong_token_is_a_403_even_for_an_empty_array(
    emulator: Emulator, token: str
) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.post(
            f"{emulator.url}/v1/ingest", data=b"[]", headers=headers
        ) as response:
            assert response.status == 403
            assert await response.json() == {"message": "Unauthorized"}
    assert emulator.stats().refusals == {"token: unauthorized": 1}


async def test_another_token_takes_the_place_of_the_one_before(emulator: Emulator) -> None:
    """So a test rotates a partner's token."""
    emulator.change_token("another")
    async with aiohttp.ClientSession() as session:
        for token, status in ((TOKEN, 403), ("another", 400)):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post(
                f"{emulator.url}/v1/ingest", data=b"[]", headers=headers
            ) as response:
                assert response.status == status


async def test_a_token_of_bytes_that_are_no_text_is_a_403(emulator: Emulator) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(emulator.url.split(":")[2]))
    writer.write(
        b"POST /v1/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\n"
        b"Content-Length: 2\r\n\r\n[]"
    )
    assert b"403" in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_the_sdk_calls_a_wrong_token_a_denied_permission(emulator: Emulator) -> None:
    async with AsyncMetronome(bearer_token="wrong", base_url=emulator.url, max_retries=0) as client:
        with pytest.raises(metronome.PermissionDeniedError, match="Unauthorized"):
            await client.v1.usage.ingest(usage=[usage("a")])
    assert emulator.events == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "body: not JSON"),
        (b"[", "body: not JSON"),
        (b"[NaN]", "body: not JSON"),
        (b'"\xff"', "body: not JSON"),
        (b"[" * 100_000, "body: not JSON"),
        (b"{}", "batch: not an array"),
    ],
)
async def test_a_body_that_is_no_json_array_is_a_400(
    emulator: Emulator, body: bytes, reason: str
) -> None:
    status, answer = await post(f"{emulator.url}/v1/ingest", body)
    assert (status, list(answer)) == (400, ["message"])
    assert emulator.stats().refusals == {reason: 1}


async def test_numbers_keep_every_digit(emulator: Emulator) -> None:
    body = (
        b'[{"transaction_id":"a","customer_id":"c","event_type":"e",'
        b'"timestamp":"2026-11-23T12:00:00Z",'
        b'"properties":{"big":123456789012345678901234567890,"exact":0.10000000000000000001}}]'
    )
    assert (await post(f"{emulator.url}/v1/ingest", body))[0] == 200
    assert emulator.events[0].properties == {
        "big": 123456789012345678901234567890,
        "exact": Decimal("0.10000000000000000001"),
    }
    found = await post(f"{emulator.url}/v1/events/search", b'{"transactionIds":["a"]}')
    assert found[0] == 200


async def test_a_compressed_body_is_read_and_a_broken_one_is_a_400(emulator: Emulator) -> None:
    url = f"{emulator.url}/v1/ingest"
    headers = {"Content-Encoding": "gzip"}
    assert await post(url, gzip.compress(b"[]"), **headers) == (
        400,
        {"message": "[array is too short: it needs 1 event and has 0]"},
    )
    assert (await post(url, b"not gzip at all", **headers))[0] == 400


async def test_a_body_above_the_cap_is_a_413(emulator: Emulator) -> None:
    status, answer = await post(
        f"{emulator.url}/v1/ingest", io.BytesIO(b" " * (10 * 1024 * 1024 + 1))
    )
    assert (status, list(answer)) == (413, ["message"])


async def test_an_endpoint_that_is_not_there_answers_as_metronome_does(emulator: Emulator) -> None:
    assert await post(f"{emulator.url}/v1/nowhere", b"") == (404, {"message": "Not Found"})
    assert emulator.stats().answers == {"no such endpoint": {"404": 1}}


async def test_search_tells_duplicates_and_the_customer_retroactively(
    client: AsyncMetronome,
) -> None:
    await client.v1.usage.ingest(usage=[usage("a", properties={"n": "1"}), usage("b")])
    await client.v1.usage.ingest(usage=[usage("a")])
    before = await client.v1.usage.search(transaction_ids=["a", "b", "missing"])
    assert [(item.transaction_id, item.is_duplicate) for item in before] == [
        ("a", False),
        ("a", True),
        ("b", False),
    ]
    assert before[0].properties == {"n": "1"}
    assert before[0].matched_customer is None

    customer = (await client.v1.customers.create(name="Acme", ingest_aliases=["acme"])).data
    after = await client.v1.usage.search(transaction_ids=["b"])
    assert after[0].customer_id == "acme"
    assert after[0].matched_customer is not None
    assert (after[0].matched_customer.id, after[0].matched_customer.name) == (customer.id, "Acme")


async def test_search_wants_its_ids_in_camel_case(emulator: Emulator) -> None:
    status, answer = await post(f"{emulator.url}/v1/events/search", b'{"transaction_ids":["a"]}')
    assert (status, answer["message"]) == (400, "[transactionIds: must be an array of strings]")


async def test_an_event_may_name_a_customer_by_metronomes_own_id(client: AsyncMetronome) -> None:
    customer = (await client.v1.customers.create(name="Acme")).data
    await client.v1.usage.ingest(usage=[usage("a", customer_id=customer.id)])
    found = await client.v1.usage.search(transaction_ids=["a"])
    assert found[0].matched_customer is not None
    assert found[0].matched_customer.id == customer.id


async def test_a_customer_can_be_read_listed_and_archived(client: AsyncMetronome) -> None:
    created = (
        await client.v1.customers.create(
            name="Acme", ingest_aliases=["acme", "acme-eu"], custom_fields={"tier": "gold"}
        )
    ).data
    assert (created.external_id, created.ingest_aliases) == ("acme", ["acme", "acme-eu"])
    detail = (await client.v1.customers.retrieve(customer_id=created.id)).data
    assert (detail.name, detail.custom_fields, detail.archived_at) == (
        "Acme",
        {"tier": "gold"},
        None,
    )
    assert detail.created_at == START

    assert (await client.v1.customers.archive(id=created.id)).data.id == created.id
    assert [item async for item in client.v1.customers.list()] == []
    archived = [item async for item in client.v1.customers.list(only_archived=True)]
    assert [(item.id, item.archived_at) for item in archived] == [(created.id, START)]


async def test_a_list_of_customers_comes_in_pages_and_by_alias_or_id(
    client: AsyncMetronome,
) -> None:
    ids = [
        (await client.v1.customers.create(name=f"C{number}", ingest_aliases=[f"c{number}"])).data.id
        for number in range(5)
    ]
    first = await client.v1.customers.list(limit=2)
    assert [item.id for item in first.data] == ids[:2]
    assert first.next_page is not None
    assert [item.id async for item in client.v1.customers.list(limit=2)] == ids
    assert [item.id async for item in client.v1.customers.list(ingest_alias="c3")] == [ids[3]]
    assert [item async for item in client.v1.customers.list(ingest_alias="none")] == []
    some = client.v1.customers.list(customer_ids=[ids[4], ids[0]])
    assert [item.id async for item in some] == [ids[0], ids[4]]


@pytest.mark.parametrize("query", ["limit=101", "limit=x", "limit=-1", "next_page=bogus"])
async def test_a_wrong_query_is_a_400(emulator: Emulator, query: str) -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.get(f"{emulator.url}/v1/customers?{query}") as response,
    ):
        assert response.status == 400


async def test_aliases_are_replaced_as_a_set_and_refused_when_another_has_one(
    client: AsyncMetronome,
) -> None:
    first = (await client.v1.customers.create(name="First", ingest_aliases=["a", "b"])).data
    second = (await client.v1.customers.create(name="Second")).data
    with pytest.raises(metronome.ConflictError, match="'a' belongs"):
        await client.v1.customers.set_ingest_aliases(customer_id=second.id, ingest_aliases=["a"])
    with pytest.raises(metronome.ConflictError):
        await client.v1.customers.create(name="Third", ingest_aliases=["b"])
    await client.v1.customers.set_ingest_aliases(customer_id=first.id, ingest_aliases=["b"])
    await client.v1.customers.set_ingest_aliases(customer_id=second.id, ingest_aliases=["a"])
    owners = {item.name: item.ingest_aliases async for item in client.v1.customers.list()}
    assert owners == {"First": ["b"], "Second": ["a"]}


async def test_an_unknown_customer_is_a_404(client: AsyncMetronome) -> None:
    with pytest.raises(metronome.NotFoundError):
        await client.v1.customers.retrieve(customer_id="nobody")
    with pytest.raises(metronome.NotFoundError):
        await client.v1.customers.set_ingest_aliases(customer_id="nobody", ingest_aliases=[])
    with pytest.raises(metronome.NotFoundError):
        await client.v1.customers.archive(id="nobody")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("customers", b"[]"),
        ("customers", b"{}"),
        ("customers", b'{"name":"A","ingest_aliases":[""]}'),
        ("customers", b'{"name":"A","custom_fields":[]}'),
        ("customers/archive", b"{}"),
        ("customers/x/setIngestAliases", b"{}"),
        ("events/search", b'{"transactionIds":"a"}'),
        ("events/search", b'{"transactionIds":[1]}'),
    ],
)
async def test_a_body_of_the_wrong_shape_is_a_400_at_every_endpoint(
    emulator: Emulator, path: str, body: bytes
) -> None:
    status, answer = await post(f"{emulator.url}/v1/{path}", body)
    assert (status, list(answer)) == (400, ["message"])


async def test_stats_tell_every_answer_by_endpoint(
    emulator: Emulator, client: AsyncMetronome
) -> None:
    await client.v1.usage.ingest(usage=[usage("a")])
    with pytest.raises(metronome.BadRequestError):
        await client.v1.usage.ingest(usage=[])
    customer = (await client.v1.customers.create(name="Acme")).data
    await client.v1.customers.retrieve(customer_id=customer.id)
    stats = emulator.stats()
    assert stats.answers == {
        "/v1/ingest": {"200": 1, "400": 1},
        "/v1/customers": {"200": 1},
        "/v1/customers/{customer_id}": {"200": 1},
    }
    assert (stats.requests, stats.customers, stats.faults) == (4, 1, 0)


async def test_a_reset_forgets_everything(emulator: Emulator, client: AsyncMetronome) -> None:
    await client.v1.usage.ingest(usage=[usage("a")])
    await client.v1.customers.create(name="Acme", ingest_aliases=["acme"])
    emulator.reset()
    stats = emulator.stats()
    assert (stats.requests, stats.events_stored, stats.customers) == (0, 0, 0)
    await client.v1.usage.ingest(usage=[usage("a")])
    assert emulator.stats().duplicates == 0


async def test_a_long_run_may_keep_ids_alone() -> None:
    async with Emulator(token=TOKEN, now=_Clock(), keep_events=False) as emulator:
        async with AsyncMetronome(bearer_token=TOKEN, base_url=emulator.url) as client:
            await client.v1.usage.ingest(usage=[usage("a"), usage("b"), usage("a")])
            assert await client.v1.usage.search(transaction_ids=["a"]) == []
        stats = emulator.stats()
        assert (stats.events_stored, stats.duplicates, emulator.events) == (2, 1, [])
        assert emulator.effects() == {"a": 1, "b": 1}
