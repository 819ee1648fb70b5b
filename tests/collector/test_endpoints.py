"""Every endpoint of the tracking API: who may enter, and what comes of it."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.clocks import START, MovedClock

from offramp.event import Discard, parse_time

if TYPE_CHECKING:
    from tests.collector.conftest import Running, Start

WRITE_KEY = "write-key-of-the-web"
SINGLES = {
    "track": {"event": "A", "userId": "u"},
    "identify": {"userId": "u"},
    "page": {"anonymousId": "a"},
    "screen": {"anonymousId": "a"},
    "group": {"userId": "u", "groupId": "g"},
    "alias": {"userId": "u", "previousId": "p"},
}
SINGLE_ENDPOINTS = [(endpoint, kind) for kind in SINGLES for endpoint in (kind, kind[0])]
BATCH_ENDPOINTS = ["batch", "b", "import"]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


HEADERS = basic(f"{WRITE_KEY}:")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("endpoint", "kind"), SINGLE_ENDPOINTS)
async def test_a_single_endpoint_takes_its_event(
    collector: Running, http: aiohttp.ClientSession, endpoint: str, kind: str, slash: str
) -> None:
    """The answer is 200 and `success`; the event has its type from the endpoint."""
    url = f"{collector.url}/v1/{endpoint}{slash}"
    async with http.post(url, json=SINGLES[kind], headers=HEADERS) as response:
        assert response.status == 200
        assert await response.json() == {"success": True}
    [(source, event)] = collector.intake.accepted
    assert source == "web"
    assert event.items() >= {**SINGLES[kind], "type": kind}.items()
    assert len(event["messageId"]) == 36
    assert event["timestamp"] == event["receivedAt"]


@pytest.mark.parametrize("endpoint", ["track", "batch"])
async def test_while_the_clock_is_in_doubt_no_time_is_corrected(
    start: Start, http: aiohttp.ClientSession, endpoint: str
) -> None:
    """A sender's times stay as they were sent, and what the host adds goes on from before."""
    clock = MovedClock()
    collector = await start(clock=clock)
    clock.step(2 * 3_600)
    clock.move(30)
    message = {"type": "track", "timestamp": "2026-09-21T12:00:00.000Z", **SINGLES["track"]}
    body: dict[str, Any] = {"batch": [message]} if endpoint == "batch" else dict(message)
    body["sentAt"] = "2026-09-21T13:00:00.000Z"
    async with http.post(f"{collector.url}/v1/{endpoint}", json=body, headers=HEADERS) as response:
        assert response.status == 200
    [event] = collector.intake.events
    assert event["timestamp"] == event["originalTimestamp"] == message["timestamp"]
    received = parse_time(event["receivedAt"])
    assert received is not None
    assert received.timestamp() == pytest.approx(START + 30, abs=0.01)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("endpoint", BATCH_ENDPOINTS)
async def test_a_batch_endpoint_takes_all_events(
    collector: Running, http: aiohttp.ClientSession, endpoint: str, slash: str
) -> None:
    """All types in one batch, with the batch's context, integrations and sentAt."""
    batch = [{"type": kind, "messageId": kind, **body} for kind, body in SINGLES.items()]
    body = {
        "batch": batch,
        "context": {"groupId": "g"},
        "integrations": {"All": False},
        "sentAt": "2026-11-23T12:00:00Z",
    }
    url = f"{collector.url}/v1/{endpoint}{slash}"
    async with http.post(url, json=body, headers=HEADERS) as response:
        assert response.status == 200
        assert await response.json() == {"success": True}
    assert [event["messageId"] for event in collector.intake.events] == list(SINGLES)
    for event in collector.intake.events:
        assert event["context"] == {"groupId": "g"}
        assert event["integrations"] == {"All": False}
        assert event["sentAt"] == "2026-11-23T12:00:00.000Z"


async def test_the_sdk_metrics_endpoint_takes_and_drops(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """Whatever is sent to /v1/m is answered with success and goes nowhere."""
    async with http.post(f"{collector.url}/v1/m", data=b'{"series":[]}') as response:
        assert response.status == 200
        assert await response.json() == {"success": True}
    assert collector.intake.accepted == []


AUTHS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "basic": (basic(f"{WRITE_KEY}:"), {}),
    "basic without colon": (basic(WRITE_KEY), {}),
    "basic with a password": (basic(f"{WRITE_KEY}:x"), {}),
    "basic in lower case": (
        {"Authorization": HEADERS["Authorization"].replace("Basic", "basic")},
        {},
    ),
    "body": ({}, {"writeKey": WRITE_KEY}),
    "bearer and body": ({"Authorization": "Bearer a.b.c"}, {"writeKey": WRITE_KEY}),
    "unknown basic and body": (basic("nobody:"), {"writeKey": WRITE_KEY}),
    "broken basic and body": ({"Authorization": "Basic %%%"}, {"writeKey": WRITE_KEY}),
    "both": (HEADERS, {"writeKey": WRITE_KEY}),
    "basic and another in the body": (HEADERS, {"writeKey": "write-key-of-the-app"}),
}


@pytest.mark.parametrize("endpoint", ["track", "batch"])
@pytest.mark.parametrize("auth", AUTHS)
async def test_a_write_key_is_found_in_header_or_body(
    collector: Running, http: aiohttp.ClientSession, auth: str, endpoint: str
) -> None:
    """The header goes before the body, and the event never holds the key."""
    headers, extra = AUTHS[auth]
    event = {"type": "track", "event": "A", "userId": "u"}
    body = {**event, **extra} if endpoint == "track" else {"batch": [event], **extra}
    async with http.post(f"{collector.url}/v1/{endpoint}", json=body, headers=headers) as response:
        assert response.status == 200
    [(source, accepted)] = collector.intake.accepted
    assert source == "web"
    assert WRITE_KEY not in json.dumps(accepted)


async def test_a_write_key_that_is_taken_away_is_unknown_at_once(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """That a header was read before decides nothing: the source is asked for each time."""
    statuses = []
    for source in ("web", "shop", None):
        collector.intake.sources = {} if source is None else {WRITE_KEY: source}
        body = {"event": "A", "userId": "u"}
        async with http.post(f"{collector.url}/v1/t", json=body, headers=HEADERS) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 401]
    assert [source for source, _ in collector.intake.accepted] == ["web", "shop"]


async def test_many_spellings_of_a_key_are_taken(
    collector: Running, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many headers there are, few are kept, and each is read rightly."""
    monkeypatch.setattr("offramp.collector.callers.KEPT_HEADERS", 2)
    for number in range(5):
        headers = basic(f"{WRITE_KEY}:{number}")
        body = {"event": "A", "userId": "u"}
        async with http.post(f"{collector.url}/v1/t", json=body, headers=headers) as response:
            assert response.status == 200


STRANGERS: dict[str, tuple[dict[str, str], Any, str]] = {
    "none": ({}, None, "no write key"),
    "bearer alone": ({"Authorization": "Bearer a.b.c"}, None, "no write key"),
    "broken base64": ({"Authorization": "Basic %%%"}, None, "no write key"),
    "not utf-8": ({"Authorization": "Basic /////w=="}, None, "no write key"),
    "no token": ({"Authorization": "Basic"}, None, "no write key"),
    "empty": (basic(":"), "", "no write key"),
    "a number": ({}, 7, "no write key"),
    "unknown in the header": (basic("key-of-nobody-at-all:"), None, "write key ...-all;"),
    "unknown in the body": ({}, "key-of-nobody-at-all", "write key ...-all;"),
    "short": ({}, "secret", "write key ...;"),
    "not ascii": ({}, "schlüssel-von-niemand", "write key ...mand;"),
    "control characters": ({}, WRITE_KEY + "\0", "write key "),
}


@pytest.mark.parametrize("endpoint", ["track", "batch"])
@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_stranger_is_told_why(
    collector: Running, http: aiohttp.ClientSession, stranger: str, endpoint: str
) -> None:
    """The answer is 401, masks the key, and asks no browser for a password."""
    headers, key, shown = STRANGERS[stranger]
    event = {"type": "track", "event": "A", "userId": "u"}
    body = (
        {**event, "writeKey": key} if endpoint == "track" else {"batch": [event], "writeKey": key}
    )
    async with http.post(f"{collector.url}/v1/{endpoint}", json=body, headers=headers) as response:
        assert response.status == 401
        assert "WWW-Authenticate" not in response.headers
        answer = await response.json()
    assert answer["success"] is False
    assert answer["error"]["code"] == answer["code"] == "unknown_source"
    assert shown in answer["error"]["message"]
    assert "nobody" not in answer["message"]
    assert collector.intake.accepted == []
    assert collector.intake.refused == {(None, "unknown_source"): 1}


@pytest.mark.parametrize("endpoint", ["track", "batch"])
@pytest.mark.parametrize("in_header", [True, False])
async def test_a_source_that_was_disabled_long_ago_is_refused_by_name(
    collector: Running, http: aiohttp.ClientSession, endpoint: str, in_header: bool
) -> None:
    """The answer is 401 with a code of its own, and its events are counted for the source."""
    collector.intake.closed["key-of-old"] = "old"
    event = {"type": "track", "event": "A", "userId": "u"}
    body: dict[str, Any] = event if endpoint == "track" else {"batch": [event]}
    headers = basic("key-of-old") if in_header else {}
    body = body if in_header else {**body, "writeKey": "key-of-old"}
    async with http.post(f"{collector.url}/v1/{endpoint}", json=body, headers=headers) as response:
        assert response.status == 401
        answer = await response.json()
    assert answer["code"] == "source_disabled"
    assert answer["message"] == "the source 'old' is disabled: enable it, or send with another key"
    assert collector.intake.refused == {("old", "source_disabled"): 1}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain;charset=UTF-8", "text/plain", "application/octet-stream", "?"],
)
async def test_any_content_type_is_json(
    collector: Running, http: aiohttp.ClientSession, content_type: str
) -> None:
    """SDKs send text/plain, JSON, or nothing."""
    headers = {**HEADERS, "Content-Type": content_type}
    body = b'{"event": "\xc3\xa4", "userId": "u"}'
    async with http.post(f"{collector.url}/v1/t", data=body, headers=headers) as response:
        assert response.status == 200
    assert collector.intake.events[0]["event"] == "ä"


async def test_numbers_arrive_as_they_were_sent(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """Big integers and all decimal digits survive."""
    body = b'{"event":"A","userId":"u","properties":{"n":12345678901234567890123,"d":1.10}}'
    async with http.post(f"{collector.url}/v1/t", data=body, headers=HEADERS) as response:
        assert response.status == 200
    properties = collector.intake.events[0]["properties"]
    assert properties["n"] == 12345678901234567890123
    assert str(properties["d"]) == "1.10"


async def test_a_duplicate_is_a_success(collector: Running, http: aiohttp.ClientSession) -> None:
    """A client that sends again after a lost answer must hear that all is well."""
    body = {"event": "A", "userId": "u", "messageId": "m"}
    for _ in range(2):
        async with http.post(f"{collector.url}/v1/t", json=body, headers=HEADERS) as response:
            assert response.status == 200
            assert await response.json() == {"success": True}
    assert collector.metric("offramp_collector_events_accepted_total") == 1
    assert collector.metric("offramp_collector_events_duplicate_total") == 1


@pytest.mark.parametrize("path", ["track", "t/", "batch", "b", "import/", "m"])
async def test_a_browser_may_send_from_any_page(
    collector: Running, http: aiohttp.ClientSession, path: str
) -> None:
    """The preflight allows the headers that the browser SDK sets, for the page that asks."""
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-retry-count",
    }
    async with http.options(f"{collector.url}/v1/{path}", headers=headers) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert response.headers["Vary"] == "Origin"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        allowed = response.headers["Access-Control-Allow-Headers"].lower()
    for header in ("authorization", "content-type", "x-retry-count"):
        assert header in allowed


@pytest.mark.parametrize("headers", [HEADERS, {}])
async def test_a_page_may_read_every_answer(
    collector: Running, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    """Success and refusal both carry the origin, and expose the pause that is asked for."""
    body = {"event": "A", "userId": "u"}
    headers = {**headers, "Origin": "https://shop.example"}
    async with http.post(f"{collector.url}/v1/t", json=body, headers=headers) as response:
        assert response.status in (200, 401)
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]


async def test_without_an_origin_there_are_no_cors_headers(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A server that sends events gets a plain answer."""
    async with http.post(f"{collector.url}/v1/m") as response:
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_browser_sdk_learns_where_to_send(
    collector: Running, http: aiohttp.ClientSession, slash: str
) -> None:
    """The settings name this host, as the request reached it."""
    url = f"{collector.url}/v1/projects/{WRITE_KEY}/settings{slash}"
    async with http.get(url, headers={"Origin": "https://shop.example"}) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        settings = await response.json()
    host = collector.url.removeprefix("http://")
    expected = {"apiKey": WRITE_KEY, "apiHost": f"{host}/v1", "protocol": "http"}
    assert settings == {"integrations": {"Segment.io": expected}}


async def test_behind_a_proxy_the_settings_name_the_public_url(
    start: Start, http: aiohttp.ClientSession
) -> None:
    """The scheme and the path are those that browsers use."""
    collector = await start(public_url="https://events.example/seg/")
    async with http.get(f"{collector.url}/v1/projects/{WRITE_KEY}/settings") as response:
        endpoint = (await response.json())["integrations"]["Segment.io"]
    assert (endpoint["apiHost"], endpoint["protocol"]) == ("events.example/seg/v1", "https")


@pytest.mark.parametrize("key", ["nobody", "%00", "schl%C3%BCssel", "%20"])
async def test_an_unknown_project_has_no_settings(
    collector: Running, http: aiohttp.ClientSession, key: str
) -> None:
    """The SDK then says so on the page's console; no event was refused."""
    async with http.get(f"{collector.url}/v1/projects/{key}/settings") as response:
        assert response.status == 404
        assert (await response.json())["code"] == "unknown_source"
    assert not collector.intake.refused


@pytest.mark.parametrize(
    ("forwarded", "proxies", "ip"),
    [
        (None, 0, "127.0.0.1"),
        ("203.0.113.9", 0, "127.0.0.1"),
        ("6.6.6.6, 203.0.113.9", 1, "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.0.1", 2, "203.0.113.9"),
        ("203.0.113.9", 2, None),
        (None, 1, None),
        ("<script>", 1, None),
        ("2001:db8::1", 1, None),
    ],
)
async def test_the_callers_address_is_the_last_one_that_cannot_be_forged(
    start: Start,
    http: aiohttp.ClientSession,
    forwarded: str | None,
    proxies: int,
    ip: str | None,
) -> None:
    """Only as many X-Forwarded-For entries are believed as there are proxies; IPv4 only."""
    collector = await start(proxies=proxies)
    headers = {**HEADERS, **({} if forwarded is None else {"X-Forwarded-For": forwarded})}
    body = {"event": "A", "userId": "u", "context": {"direct": True}}
    async with http.post(f"{collector.url}/v1/t", json=body, headers=headers) as response:
        assert response.status == 200
    assert collector.intake.events[0]["context"].get("ip") == ip


async def test_an_ipv6_address_is_not_told(start: Start, http: aiohttp.ClientSession) -> None:
    """As with Segment, `context.ip` is IPv4 or nothing."""
    collector = await start(host="::1")
    body = {"event": "A", "userId": "u", "context": {"direct": True}}
    async with http.post(f"{collector.url}/v1/t", json=body, headers=HEADERS) as response:
        assert response.status == 200
    assert collector.intake.events[0]["context"] == {"direct": True}


async def test_a_gzip_body_needs_no_declaration(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """The C# and Kotlin SDKs always zip; a proxy may have unzipped, or dropped the header."""
    text = json.dumps({"event": "A", "userId": "u"}).encode()
    for body, encoding in ((gzip.compress(text), None), (gzip.compress(text), "gzip")):
        headers = {**HEADERS, **({} if encoding is None else {"Content-Encoding": encoding})}
        async with http.post(f"{collector.url}/v1/t", data=body, headers=headers) as response:
            assert response.status == 200
    assert len(collector.intake.events) == 2


def test_the_reference_names_every_discard_code_and_endpoint() -> None:
    """Whoever reads a code in an answer finds it in the docs."""
    page = Path(__file__).parents[2].joinpath("docs/reference/collector.md").read_text()
    for code in Discard:
        assert f"| `{code}` |" in page
    for endpoint in ("batch", "b", "import", "m", *(endpoint for endpoint, _ in SINGLE_ENDPOINTS)):
        assert f"/v1/{endpoint}`" in page
