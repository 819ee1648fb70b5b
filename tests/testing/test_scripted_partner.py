"""The scripted partner: answers in order, remembers, and lets nothing reach the network."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from tests.listening import LOCAL
from tests.testing.billing import USAGE

from offramp.definition import Handler, OutgoingRequest, Response
from offramp.errors import ConnectionFailedError, RejectedError, RequestTimeoutError
from offramp.http import aiohttp_transport, open_session
from offramp.testing import Answer, LocalPartner, Partner, RecordedRequest

#: More than a reader takes before it pauses the connection, in bytes.
LARGE = 1_000_000


@pytest.fixture
async def transport() -> AsyncIterator[Handler]:
    async with open_session(LOCAL) as session:
        yield aiohttp_transport(session, LOCAL)


def outgoing_request(url: str = USAGE, method: str = "POST", **changes: Any) -> OutgoingRequest:
    return OutgoingRequest(
        **{"method": method, "url": url, "timeout": timedelta(seconds=5), **changes}
    )


async def test_an_answer_has_status_headers_and_body(partner: Partner, transport: Handler) -> None:
    """What the test scripts is what production's own transport reads."""
    partner.post(USAGE, status=201, payload={"id": 1}, headers={"X-Request-Id": "r1"})
    answer = await transport(outgoing_request())
    assert (answer.status, answer.json(), answer.url) == (201, {"id": 1}, USAGE)
    assert answer.headers["X-Request-Id"] == "r1"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 409, "reason": "Taken Already"}, "Taken Already"),
        ({"status": 409}, "Conflict"),
        ({"status": 409, "reason": ""}, ""),
        ({"status": 599}, ""),
    ],
)
async def test_an_answer_may_have_a_reason(
    partner: Partner,
    local_partner: LocalPartner,
    transport: Handler,
    answer: dict[str, Any],
    reason: str,
) -> None:
    """Both partners write it as given, and otherwise what servers usually write."""
    partner.post(USAGE, **answer)
    local_partner.post("/here", **answer)
    for url in (USAGE, f"{local_partner.url}/here"):
        response = await transport(outgoing_request(url))
        assert (response.status, response.reason) == (answer["status"], reason)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
async def test_every_method_can_be_scripted(
    partner: Partner, transport: Handler, method: str
) -> None:
    """Each method has its own answers."""
    getattr(partner, method)(USAGE, body="yes")
    assert (await transport(outgoing_request(method=method.upper()))).text == "yes"


async def test_a_large_answer_is_read_whole(partner: Partner, transport: Handler) -> None:
    """Answers larger than a connection's buffer come complete."""
    partner.post(USAGE, body="x" * LARGE)
    assert len((await transport(outgoing_request())).body) == LARGE


async def test_answers_come_in_order_and_as_often_as_scripted(
    partner: Partner, transport: Handler
) -> None:
    """Once, a number of times, and then for ever."""
    partner.post(USAGE, status=500)
    partner.post(USAGE, status=429, repeat=2)
    partner.post(USAGE, repeat=True)
    statuses = [(await transport(outgoing_request())).status for _ in range(6)]
    assert statuses == [500, 429, 429, 200, 200, 200]


async def test_exact_numbers_can_be_answered(partner: Partner, transport: Handler) -> None:
    """Scripted JSON is written as everywhere: integers of any size."""
    partner.post(USAGE, payload={"big": 2**70})
    assert (await transport(outgoing_request())).json() == {"big": 2**70}


async def test_an_address_may_be_a_pattern(partner: Partner, transport: Handler) -> None:
    """For addresses that hold an id or a query."""
    partner.post(re.compile(r"https://api\.billing\.example/v1/users/\d+.*"), payload={})
    assert (await transport(outgoing_request("https://api.billing.example/v1/users/7?a=b"))).ok


async def test_a_timeout_can_be_scripted(partner: Partner, transport: Handler) -> None:
    """A `TimeoutError` comes out as production's own."""
    partner.post(USAGE, exception=TimeoutError())
    with pytest.raises(RequestTimeoutError):
        await transport(outgoing_request())


async def test_a_broken_connection_can_be_scripted(partner: Partner, transport: Handler) -> None:
    """So does any failure of aiohttp."""
    partner.post(USAGE, exception=aiohttp.ServerDisconnectedError())
    with pytest.raises(ConnectionFailedError):
        await transport(outgoing_request())


async def test_what_is_asked_is_remembered(partner: Partner, transport: Handler) -> None:
    """Method, address, headers and body, whatever was answered."""
    partner.post(f"{USAGE}?a=1", status=500)
    await transport(outgoing_request(f"{USAGE}?a=1", headers={"x-key": "k"}, body=b'{"n":1.5}'))
    assert partner.request.params == {"a": "1"}
    assert partner.request.json == {"n": 1.5}
    assert partner.request.header("X-Key") == "k"
    assert (partner.request.method, partner.request.text) == ("POST", '{"n":1.5}')


async def test_the_only_request_is_not_one_of_several(partner: Partner, transport: Handler) -> None:
    """Asking for the one request where there were none, or two, tells which there were."""
    with pytest.raises(AssertionError, match="none"):
        _ = partner.request
    partner.post(USAGE, repeat=True)
    await transport(outgoing_request())
    await transport(outgoing_request())
    with pytest.raises(AssertionError, match=f"POST {USAGE}"):
        _ = partner.request


async def test_a_request_that_nothing_answers_fails_the_test(
    partner: Partner, transport: Handler
) -> None:
    """It is told what was asked, what is scripted, and what to add; no plugin can swallow it."""
    partner.get("https://api.billing.example/other")
    with pytest.raises(pytest.fail.Exception) as raised:
        await transport(outgoing_request())
    assert not isinstance(raised.value, Exception)
    message = str(raised.value)
    assert f"no answer left for POST {USAGE}" in message
    assert "GET https://api.billing.example/other" in message
    assert f'partner.post("{USAGE}", payload={{}})' in message


async def test_a_function_may_answer_what_is_not_scripted(
    partner: Partner, transport: Handler
) -> None:
    """For partners whose answer depends on what they are sent; scripted answers go first."""

    def respond(request: RecordedRequest) -> Answer:
        return Answer(status=400 if "bad" in request.text else 200)

    partner.otherwise(respond)
    partner.post(USAGE, status=503)
    bodies = [b"good", b"bad", b"good"]
    statuses = [(await transport(outgoing_request(body=body))).status for body in bodies]
    assert statuses == [503, 400, 200]


async def test_one_answer_may_be_given_to_everything(partner: Partner, transport: Handler) -> None:
    """Without a function around it."""
    partner.otherwise(Answer(status=409))
    assert [(await transport(outgoing_request())).status for _ in range(2)] == [409, 409]


def raising(_: RecordedRequest) -> Answer:
    raise KeyError("status")


@pytest.mark.parametrize(
    ("respond", "message"),
    [
        (lambda _: {"status": 200}, "answered {'status': 200}: let it return an Answer"),
        (lambda _: None, "answered None: let it return an Answer"),
        (raising, "raised KeyError: 'status' (test_scripted_partner.py:"),
    ],
)
async def test_a_function_that_answers_nothing_is_the_tests_own_fault(
    partner: Partner, transport: Handler, respond: Any, message: str
) -> None:
    """No plugin is blamed for it."""
    partner.otherwise(respond)
    with pytest.raises(pytest.fail.Exception) as raised:
        await transport(outgoing_request())
    assert "the test's argument of `partner.otherwise`" in str(raised.value)
    assert message in str(raised.value)


async def test_a_function_may_answer_with_an_exception(
    partner: Partner, transport: Handler
) -> None:
    """An answer can be a failure of the network."""
    partner.otherwise(Answer(exception=TimeoutError()))
    with pytest.raises(RequestTimeoutError):
        await transport(outgoing_request())


async def test_this_machine_can_still_be_reached(
    partner: Partner, local_partner: LocalPartner, transport: Handler
) -> None:
    """A server that the test runs is let through."""
    local_partner.post("/here")
    assert (await transport(outgoing_request(f"{local_partner.url}/here"))).ok
    assert partner.requests == []


async def test_without_the_fixture_aiohttp_is_itself_again(transport: Handler) -> None:
    """The patch ends with the test that asked for it."""
    with Partner():
        pass
    with pytest.raises(RejectedError):
        await transport(outgoing_request("no address"))


async def test_a_local_partner_is_a_real_server(
    local_partner: LocalPartner, transport: Handler
) -> None:
    """It answers in order, with status, headers and body, and remembers what it was asked."""
    local_partner.post("/usage", status=201, payload={"id": 1}, headers={"X-A": "b"})
    local_partner.post("/usage", repeat=2, body="again")
    url = f"{local_partner.url}/usage?q=1"
    answers = [await transport(outgoing_request(url, body=b"[1]")) for _ in range(3)]
    assert [(each.status, each.text) for each in answers] == [
        (201, '{"id":1}'), (200, "again"), (200, "again"),
    ]  # fmt: skip
    assert answers[0].headers["X-A"] == "b"
    first = local_partner.requests[0]
    assert (first.method, first.params, first.json) == ("POST", {"q": "1"}, [1])


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
async def test_a_local_partner_knows_every_method(
    local_partner: LocalPartner, transport: Handler, method: str
) -> None:
    """Each method has its own answers, and an answer may go on for ever."""
    getattr(local_partner, method)("/x", repeat=True)
    for _ in range(3):
        assert (await transport(outgoing_request(f"{local_partner.url}/x", method.upper()))).ok


async def test_a_local_partner_can_be_slow(local_partner: LocalPartner, transport: Handler) -> None:
    """A real time-out, and the test does not wait for the answer."""
    local_partner.post("/slow", delay=30.0)
    started = asyncio.get_running_loop().time()
    with pytest.raises(RequestTimeoutError):
        await transport(
            outgoing_request(f"{local_partner.url}/slow", timeout=timedelta(seconds=0.05))
        )
    assert asyncio.get_running_loop().time() - started < 5


async def test_a_local_partner_can_hang_up(local_partner: LocalPartner, transport: Handler) -> None:
    """A connection that really breaks."""
    local_partner.post("/cut", disconnect=True)
    with pytest.raises(ConnectionFailedError):
        await transport(outgoing_request(f"{local_partner.url}/cut"))
    assert len(local_partner.requests) == 1


async def test_what_a_local_partner_has_no_answer_for_is_final(transport: Handler) -> None:
    """It answers 501, which nothing tries again, and keeps it for the test to fail by."""
    with LocalPartner() as server:
        answer: Response = await transport(outgoing_request(f"{server.url}/other"))
        assert answer.status == 501
        assert server.unscripted == ["POST /other"]
