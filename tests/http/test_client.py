"""The client that an action is given: what leaves, what comes back, what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from offramp import (
    AuthTokens,
    Form,
    HTTPError,
    OutgoingRequest,
    RequestOptions,
    Response,
    dumps,
)
from offramp.definition import Handler
from offramp.errors import ConnectionFailedError
from offramp.http import DEFAULT_TIMEOUT, Client, compose, make_mask
from offramp.http.exchange import MAX_BODY_CHARACTERS

URL = "https://partner.example/items"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
TOKEN = "made-up-token"


class Partner:
    """A last handler: remembers what reaches it, and answers as it was told."""

    def __init__(
        self, status: int = 200, body: bytes = b"{}", headers: Mapping[str, str] | None = None
    ) -> None:
        self.answer = Response(
            status=status, reason=f"for {TOKEN}", headers=headers or {}, body=body, url=URL
        )
        self.seen: list[OutgoingRequest] = []

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        self.seen.append(outgoing)
        return self.answer


def client_of(handler: Handler, **parts: Any) -> Client[Any]:
    declared = {"settings": None, "mask": make_mask([TOKEN]), "now": lambda: NOW, **parts}
    return Client(handler=handler, **declared)


async def test_json_goes_out_exactly() -> None:
    """Numbers leave with every digit, and the content type says what it is."""
    partner = Partner()
    await client_of(partner).post(URL, json={"n": Decimal("0.10"), "big": 2**70, "none": None})
    [outgoing] = partner.seen
    assert outgoing.method == "POST"
    assert outgoing.url == URL
    assert outgoing.body == b'{"n":0.10,"big":1180591620717411303424,"none":null}'
    assert outgoing.headers == {"User-Agent": "Offramp", "Content-Type": "application/json"}
    assert outgoing.timeout == DEFAULT_TIMEOUT


async def test_what_is_signed_is_what_json_sends() -> None:
    """`dumps` writes the very bytes that `json=` sends, so that a signature fits them."""
    partner = Partner()
    value = {"n": Decimal("0.10"), "big": 2**70, "text": "ž \ud83d", "at": NOW}
    await client_of(partner).post(URL, json=value)
    assert partner.seen[0].body == dumps(value)


FORMS: Mapping[str, tuple[Form, bytes]] = {
    "texts in their order": ({"b": "1 &=+é", "a": ""}, b"b=1+%26%3D%2B%C3%A9&a="),
    "a list repeats its name": ({"id": ["x", "y"], "n": ("z",)}, b"id=x&id=y&n=z"),
    "numbers and booleans as in JSON": (
        {"n": Decimal("0.10"), "big": 2**70, "f": 1.5, "yes": True, "no": False},
        b"n=0.10&big=1180591620717411303424&f=1.5&yes=true&no=false",
    ),
    "what is None is left out": ({"a": None, "b": [None, "2"]}, b"b=2"),
    "half a character": ({"a": "x\ud83d"}, b"a=x%EF%BF%BD"),
    "nothing": ({}, b""),
}


@pytest.mark.parametrize("name", FORMS)
async def test_forms_and_queries_are_written_alike(name: str) -> None:
    """Encoded as forms are, in the body by `form=` and in the URL by `params=`."""
    form, written = FORMS[name]
    partner = Partner()
    client = client_of(partner)
    await client.post(URL, form=form)
    await client.get(URL, params=form)
    sent, asked = partner.seen
    assert sent.body == written
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.url == (f"{URL}?{written.decode()}" if written else URL)


async def test_a_form_of_objects_is_refused() -> None:
    """The name is told; nothing leaves."""
    partner = Partner()
    wrong: Any = {"item": {"a": 1}}
    with pytest.raises(TypeError, match="'item' of a form or a query is a dict"):
        await client_of(partner).post(URL, form=wrong)
    assert not partner.seen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jsn": {}}, "a request has no option 'jsn'; there are json, form, data, params, headers"),
        ({"json": None, "form": {}}, "a request has one body: give json or form"),
        ({"form": {}, "data": b""}, "a request has one body: give form or data"),
        ({"json": 1, "data": "1"}, "a request has one body: give json or data"),
    ],
)
def test_wrong_options_are_told_before_anything_is_sent(options: Any, message: str) -> None:
    """By name, where the request is made; no body is dropped in silence."""
    with pytest.raises(TypeError, match=message):
        _ = client_of(Partner()).post(URL, **options)


async def test_null_is_a_body_and_no_json_is_none() -> None:
    """JSON's null can be sent; without `json` and `data` there is no body."""
    partner = Partner()
    client = client_of(partner)
    await client.post(URL, json=None)
    await client.get(URL)
    await client.put(URL, data="text é")
    await client.patch(URL, data=b"\x00\x01")
    await client.delete(URL)
    assert [outgoing.body for outgoing in partner.seen] == [
        b"null",
        None,
        "text é".encode(),
        b"\x00\x01",
        None,
    ]
    assert [outgoing.method for outgoing in partner.seen] == [
        "POST",
        "GET",
        "PUT",
        "PATCH",
        "DELETE",
    ]


async def test_options_of_the_destination_reach_every_request() -> None:
    """Headers, parameters, basic authentication and time-out, each overridden by the call's own."""
    partner = Partner()
    client = client_of(
        partner,
        extend=lambda _: RequestOptions(
            headers={"X-Region": "eu", "X-Team": "a"},
            params={"v": "1", "w": "2"},
            username="user",
            password="pass",
            timeout=timedelta(seconds=3),
        ),
    )
    await client.get(URL)
    await client.get(
        f"{URL}?q=x",
        headers={"x-region": "us"},
        params={"w": "a b&c=d+é"},
        timeout=timedelta(seconds=1),
    )
    first, second = partner.seen
    assert first.url == f"{URL}?v=1&w=2"
    assert first.headers["Authorization"] == "Basic dXNlcjpwYXNz"
    assert first.timeout == timedelta(seconds=3)
    assert second.url == f"{URL}?q=x&v=1&w=a+b%26c%3Dd%2B%C3%A9"
    assert second.timeout == timedelta(seconds=1)
    assert {name: second.headers[name] for name in ("x-region", "X-Team")} == {
        "x-region": "us",
        "X-Team": "a",
    }
    assert "X-Region" not in second.headers


async def test_the_destination_sees_each_request_as_it_was_made() -> None:
    """Body, parameters, headers, payloads and tokens; what it changes in them does not leave."""
    partner, seen = Partner(), []

    def extend(outgoing: OutgoingRequest) -> RequestOptions:
        seen.append((outgoing.method, outgoing.url, outgoing.body, outgoing.payloads))
        outgoing.headers["X-Changed"] = "here"
        kind = {k.lower(): v for k, v in outgoing.headers.items()}["content-type"]
        token = "" if outgoing.auth is None else outgoing.auth.access_token
        return RequestOptions(headers={"X-Seen": f"{kind} {token}"}, params={"v": "1"})

    client = client_of(partner, extend=extend, payloads=["p1"])
    await client.post(URL, json={"n": 1}, params={"q": "a b"})
    client.auth = AuthTokens(access_token="new")
    await client.put(URL, data=b"2", headers={"content-type": "text/plain"})
    assert seen == [
        ("POST", f"{URL}?q=a+b", b'{"n":1}', ["p1"]),
        ("PUT", URL, b"2", ["p1"]),
    ]
    first, second = partner.seen
    assert (first.url, first.headers["X-Seen"]) == (f"{URL}?v=1&q=a+b", "application/json ")
    assert (second.url, second.headers["X-Seen"]) == (f"{URL}?v=1", "text/plain new")
    assert "X-Changed" not in first.headers


async def test_a_header_replaces_another_in_any_case() -> None:
    """`content-type` of a call is not sent beside the client's own `Content-Type`."""
    partner = Partner()
    await client_of(partner).post(URL, json={}, headers={"content-type": "application/vnd.a+json"})
    [outgoing] = partner.seen
    assert [name for name in outgoing.headers if name.lower() == "content-type"] == ["content-type"]


@pytest.mark.parametrize("status", [301, 304, 400, 401, 429, 500, 503])
async def test_a_status_outside_200_to_299_is_an_error(status: int) -> None:
    """The error tells status, address and answer; `check=False` leaves the status to the caller."""
    partner = Partner(status, b"not today", {"retry-after": "7"})
    with pytest.raises(HTTPError) as caught:
        await client_of(partner).get(URL)
    error = caught.value
    assert (error.status, error.code, error.body) == (status, str(status), "not today")
    assert error.retry_after == 7.0
    assert str(error) == f"{URL} answered {status}: not today"
    assert (await client_of(partner).get(URL, check=False)).status == status


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_success_is_answered(status: int) -> None:
    """Any status of the success class comes back as a response, with exact numbers."""
    response = await client_of(Partner(status, b'{"n": 0.10}')).get(URL)
    assert (response.status, response.ok) == (status, True)
    assert str(response.json()["n"]) == "0.10"


async def test_an_error_quotes_little_and_no_secret() -> None:
    """A secret is masked before the quote is cut, so that no half of it is left at the end."""
    body = b"x" * 490 + TOKEN.encode() + b"y" * 1000
    with pytest.raises(HTTPError) as caught:
        await client_of(Partner(400, body)).get(URL)
    assert len(caught.value.body) == 500
    assert caught.value.body.endswith("x***yyyyyyy")
    assert "made" not in str(caught.value)


async def test_exchanges_are_masked_wherever_a_secret_can_stand() -> None:
    """Address, headers, both bodies: what is kept of an exchange can be shown to anybody."""
    partner = Partner(200, f'{{"echo": "{TOKEN}"}}'.encode(), {"X-Echo": TOKEN, "Set-Cookie": "a"})
    client = client_of(
        partner,
        auth=AuthTokens(access_token=TOKEN),
        extend=lambda _: RequestOptions(headers={"Authorization": f"Bearer {TOKEN}"}),
    )
    await client.post(URL, json={"token": TOKEN}, params={"key": TOKEN}, headers={"X-Own": TOKEN})
    [exchange] = client.exchanges
    assert exchange.url == f"{URL}?key=***"
    assert exchange.request_headers["Authorization"] == "***"
    assert exchange.request_headers["X-Own"] == "***"
    assert exchange.request_body == '{"token":"***"}'
    assert exchange.response_headers == {"X-Echo": "***", "Set-Cookie": "***"}
    assert exchange.response_body == '{"echo": "***"}'
    assert (exchange.status, exchange.reason) == (200, "for ***")
    assert exchange.seconds >= 0
    assert TOKEN not in repr(exchange.as_data())
    assert TOKEN not in repr(client)
    assert partner.seen[0].headers["Authorization"] == f"Bearer {TOKEN}", "what leaves is real"


async def test_a_request_without_an_answer_is_remembered_with_its_error() -> None:
    """The record tells what was tried and why nothing came; the error itself goes on."""

    async def broken(outgoing: OutgoingRequest) -> Response:
        raise ConnectionFailedError(f"{outgoing.url}: refused for {TOKEN}")

    client = client_of(broken)
    with pytest.raises(ConnectionFailedError):
        await client.get(URL)
    [exchange] = client.exchanges
    assert (exchange.status, exchange.error) == (None, f"{URL}: refused for ***")


async def test_a_cancelled_request_is_remembered_too() -> None:
    """A host that stops can still tell what was on its way."""

    async def never(_: OutgoingRequest) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    client = client_of(never)
    task = asyncio.create_task(client.get(URL))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [exchange.error for exchange in client.exchanges] == ["CancelledError"]


async def test_long_bodies_are_cut_in_the_record() -> None:
    """The record of an exchange has a bound, and says how long the whole was."""
    client = client_of(Partner(200, b"a" * (MAX_BODY_CHARACTERS + 5)))
    response = await client.get(URL)
    assert len(response.body) == MAX_BODY_CHARACTERS + 5
    [exchange] = client.exchanges
    assert exchange.response_body.endswith(f"… ({MAX_BODY_CHARACTERS + 5} characters in all)")
    assert len(exchange.response_body) < MAX_BODY_CHARACTERS + 50


async def test_middleware_stands_in_order() -> None:
    """The first is outermost: it sees the request first and the answer last."""
    order: list[str] = []

    def layer(name: str) -> Any:
        async def middleware(outgoing: OutgoingRequest, handler: Handler) -> Response:
            order.append(f"{name} in")
            outgoing.headers[name] = str(len(outgoing.headers))
            response = await handler(outgoing)
            order.append(f"{name} out")
            return response

        return middleware

    partner = Partner()
    handler = compose([layer("a"), layer("b"), layer("c")], partner)
    await client_of(handler).get(URL)
    assert order == ["a in", "b in", "c in", "c out", "b out", "a out"]
    assert list(partner.seen[0].headers)[-3:] == ["a", "b", "c"]


async def test_middleware_may_answer_itself_or_try_again() -> None:
    """It is handed a handler, which it may call never, once or several times."""

    async def twice(outgoing: OutgoingRequest, handler: Handler) -> Response:
        await handler(outgoing)
        return await handler(outgoing)

    async def cached(_: OutgoingRequest, __: Handler) -> Response:
        return Response(status=203, headers={}, body=b"from memory")

    partner = Partner()
    await client_of(compose([twice], partner)).get(URL)
    assert len(partner.seen) == 2
    response = await client_of(compose([cached, twice], partner)).get(URL)
    assert response.text == "from memory"
    assert len(partner.seen) == 2


async def test_without_middleware_the_handler_is_itself() -> None:
    """Nothing stands between where nothing was asked for."""
    partner = Partner()
    assert compose([], partner) is partner


async def test_what_the_record_shows_is_what_middleware_made() -> None:
    """A header that a middleware added was sent, so it stands in the record."""

    async def sign(outgoing: OutgoingRequest, handler: Handler) -> Response:
        outgoing.headers["X-Signature"] = "abc"
        return await handler(outgoing)

    client = client_of(compose([sign], Partner()))
    await client.get(URL)
    assert client.exchanges[0].request_headers["X-Signature"] == "abc"


async def test_a_refused_redirect_names_where_it_points() -> None:
    """So that the operator can set that address; secrets in it are masked."""

    async def moved(outgoing: OutgoingRequest) -> Response:
        headers = {"location": "https://new.example/v2?key=s3cr3t-token"}
        return Response(status=308, headers=headers, body=b"", url=outgoing.url)

    client = Client(handler=moved, settings=None, mask=make_mask(["s3cr3t-token"]))
    with pytest.raises(HTTPError) as caught:
        await client.post("https://old.example/v1")
    assert caught.value.message == (
        "https://old.example/v1 answered 308 and points to https://new.example/v2?key=***, "
        "where Offramp does not follow"
    )
    assert not caught.value.retryable


async def test_a_large_record_leaves_out_the_oldest() -> None:
    """Bodies of many requests are kept within a bound, and the last is kept whatever it has."""

    async def echo(outgoing: OutgoingRequest) -> Response:
        return Response(status=200, headers={}, body=b"", url=outgoing.url)

    client = Client(handler=echo, settings=None)
    for number in range(5):
        await client.post(f"https://a.example/{number}", data="x" * MAX_BODY_CHARACTERS)
    kept = client.kept()
    assert kept is not None
    assert [each.url[-1] for each in kept.earlier] == ["2", "3"]
    assert (kept.url[-1], kept.left_out) == ("4", 2)
