"""Bodies that are broken, too large, or in disguise: each has its clear answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import pytest

from offramp.collector.limits import Limits
from offramp.event import Discard
from offramp.web.bodies import _gunzip

if TYPE_CHECKING:
    from tests.collector.conftest import Running, Start

HEADERS = {"Authorization": "Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6"}
EVENT = {"event": "A", "userId": "u"}
TEXT = json.dumps(EVENT).encode()
#: No UTF-8.
CYRILLIC = '{"event": "A", "userId": "Зоя"}'.encode("windows-1251")
BOM = b"\xef\xbb\xbf"
KB = 1024

GOOD: dict[str, tuple[bytes, dict[str, str]]] = {
    "plain": (TEXT, {}),
    "BOM": (BOM + TEXT, {}),
    "gzip": (gzip.compress(TEXT), {"Content-Encoding": "gzip"}),
    "gzip by its old name": (gzip.compress(TEXT), {"Content-Encoding": "X-GZIP"}),
    "two gzip members": (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), {}),
    "gzip with bytes behind": (gzip.compress(TEXT) + b"\0\0", {}),
    "declared gzip, already unzipped": (TEXT, {"Content-Encoding": "gzip"}),
    "identity": (TEXT, {"Content-Encoding": "identity"}),
    "latin-1": (TEXT, {"Content-Type": "application/json; charset=ISO-8859-1"}),
    "quoted charset": (TEXT, {"Content-Type": 'text/plain; charset="utf-8"'}),
    "utf-16": (TEXT.decode().encode("utf-16"), {"Content-Type": "text/plain; charset=utf-16"}),
    "NULs behind it": (TEXT + bytes(70), {}),
    "NULs behind it, in gzip": (gzip.compress(TEXT + bytes(70)), {}),
    "many empty gzip members": (gzip.compress(b"") * 1_000 + gzip.compress(TEXT), {}),
    "white space around": (b"\n " + TEXT + b"\r\n", {}),
    "half a surrogate": (rb'{"event": "A", "userId": "u", "properties": {"a": "\ud83d"}}', {}),
    "exactly 32 KB": (TEXT.ljust(32 * KB), {}),
    "64 levels": (
        b'{"event": "A", "userId": "u", "properties": %s%s}' % (b'{"a":' * 62 + b"{}", b"}" * 62),
        {},
    ),
}


@pytest.mark.parametrize("body", GOOD)
async def test_a_good_body_is_read(
    collector: Running, http: aiohttp.ClientSession, body: str
) -> None:
    """Whatever stands for the event's JSON is taken for it."""
    data, headers = GOOD[body]
    url = f"{collector.url}/v1/track"
    async with http.post(url, data=data, headers={**HEADERS, **headers}) as response:
        assert (response.status, await response.json()) == (200, {"success": True})
    assert collector.intake.events[0].items() >= EVENT.items()


ZOE = "Zoë-😀-Зоя"
#: Charsets that clients declare, and the bytes that they send with them: all are UTF-8.
DECLARED = ["ISO-8859-1", "us-ascii", "null", "undefined", "binary", "windows-1251", "gb18030"]
DECLARED += ["utf-16", "utf-7", "idna", "zip", "base64", "utf8mb4", '"', "\xff"]


@pytest.mark.parametrize("charset", DECLARED)
@pytest.mark.parametrize("endpoint", ["t", "b"])
async def test_valid_utf8_is_utf8_whatever_is_declared(
    collector: Running, http: aiohttp.ClientSession, charset: str, endpoint: str
) -> None:
    """Bills reach the customer whose name was sent."""
    event = {"type": "track", "event": "A", "userId": ZOE}
    body = json.dumps(event if endpoint == "t" else {"batch": [event]}, ensure_ascii=False).encode()
    headers = {**HEADERS, "Content-Type": f"application/json; charset={charset}"}
    async with http.post(f"{collector.url}/v1/{endpoint}", data=body, headers=headers) as response:
        assert (response.status, await response.json()) == (200, {"success": True})
    assert collector.intake.events[0]["userId"] == ZOE


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("Zoë", "ISO-8859-1"),
        ("Зоя", "windows-1251"),
        ("Зоя", "koi8-r"),
        ("佐江", "gb18030"),
        ("佐江", "Shift_JIS"),
        ("佐江", "utf-16"),
        ("Zoe", "utf-16-le"),
        ("Zoe", "utf-16be"),
        ("佐江", "utf-32"),
    ],
)
async def test_what_is_no_utf8_is_in_the_declared_charset(
    collector: Running, http: aiohttp.ClientSession, text: str, charset: str
) -> None:
    """Whichever Python knows, those among them whose bytes could be UTF-8 with NULs."""
    body = json.dumps({**EVENT, "userId": text}, ensure_ascii=False).encode(charset)
    headers = {**HEADERS, "Content-Type": f"application/json; charset={charset}"}
    async with http.post(f"{collector.url}/v1/t", data=body, headers=headers) as response:
        assert response.status == 200
    assert collector.intake.events[0]["userId"] == text


async def test_a_bad_byte_harms_one_event_whatever_is_declared(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A body that is called ASCII and is not: the events beside the bad one arrive."""
    body = b'{"batch":[{"type":"page","userId":"%s"},{"type":"page","userId":"u"}]}' % b"\xff"
    headers = {**HEADERS, "Content-Type": "application/json; charset=us-ascii"}
    async with http.post(f"{collector.url}/v1/b", data=body, headers=headers) as response:
        assert (await response.json())["accepted"] == 1


def test_gzip_members_are_read_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a body of nothing but small members, zlib gets each byte some times, not each time."""
    fed = []
    inflater = zlib.decompressobj

    class Counting:
        def __init__(self, window: int) -> None:
            self.member = inflater(window)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.member, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            fed.append(len(data))
            return self.member.decompress(data, most)

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    body = gzip.compress(b"") * 10_000
    assert _gunzip(body, 512_000, Discard.BATCH_TOO_LARGE) == b""
    assert sum(fed) <= 60 * len(body)


@attrs.frozen(kw_only=True)
class Bad:
    """A body, and what the answer to it says."""

    body: bytes
    code: str = "bad_request"
    message: str
    status: int = 400
    headers: dict[str, str] = attrs.field(factory=dict)


def not_json(body: bytes, message: str = "this is not JSON that can be read") -> Bad:
    return Bad(body=body, code="not_json", message=message)


def too_large(body: bytes) -> Bad:
    return Bad(body=body, code="event_too_large", message="larger than 32768 bytes")


def unread(message: str, body: bytes = TEXT, **headers: str) -> Bad:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Bad(body=body, message=message, status=415, headers=named)


BAD = {
    "empty": not_json(b"", "this is not JSON that can be read: Input data was truncated"),
    "a BOM alone": not_json(BOM),
    "a form": not_json(b"event=A&userId=u", "byte 0"),
    "cut off": not_json(TEXT[:-4]),
    "NaN": not_json(b'{"userId":"u","event":"A","properties":{"n":NaN}}', "byte 44"),
    "no utf-8": not_json(b'{"userId":"\xff"}', "utf-8"),
    "an integer of 5,000 digits": not_json(b'{"n":%s}' % (b"1" * 5000)),
    "an exponent beyond all": not_json(b'{"n":1e%s}' % (b"9" * 30)),
    "10,000 levels": not_json(b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
    "gzip of nothing": not_json(gzip.compress(b"")),
    "larger than 32 KB": too_large(TEXT.ljust(32 * KB + 1)),
    "a gzip bomb": too_large(gzip.compress(bytes(16 << 20))),
    "a bomb of many members": too_large(gzip.compress(bytes(9000)) * 99),
    "a list": Bad(body=b"[]", message="the body is list; send one event, an object"),
    "text": Bad(body=b'"x"', message="the body is string"),
    "null": Bad(body=b"null", message="the body is null"),
    "gzip cut off": Bad(body=gzip.compress(TEXT)[:-3], message="the gzip body ends too early"),
    "gzip damaged": Bad(body=b"\x1f\x8b\x08" + b"\xff" * 40, message="the gzip body is damaged"),
    "65 levels": Bad(
        body=b'{"event":"A","userId":"u","properties":%s}' % (b'{"a":' * 64 + b"1" + b"}" * 64),
        code="nested_too_deeply",
        message="$: nests deeper than 64 levels",
    ),
    "a faulty event": Bad(
        body=b'{"event":7}', code="no_user_anon_id", message="$: neither userId nor anonymousId"
    ),
    "brotli": unread("Content-Encoding 'br' is not supported", Content_Encoding="br"),
    "gzip twice": unread("'gzip, gzip'", Content_Encoding="gzip, gzip"),
    "an unknown charset": unread("send UTF-8", body=CYRILLIC, Content_Type="a; charset=klingon"),
    "a codec that is no charset": unread("'idna'", body=CYRILLIC, Content_Type="a; charset=idna"),
    "a codec that is for no texts": unread("'zip'", body=CYRILLIC, Content_Type="a; charset=zip"),
    "a charset that makes it too large": Bad(
        body=b'{"event":"%s"}' % (b"\xe4" * 20 * KB),
        code="event_too_large",
        message="larger than 32768 bytes",
        headers={"Content-Type": "text/plain; charset=latin-1"},
    ),
    "not in its charset": Bad(
        body=b"\xff\xff\xff", message="not utf-16", headers={"Content-Type": "a/b; charset=utf-16"}
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_bad_body_is_told_from_a_good_one(
    collector: Running, http: aiohttp.ClientSession, bad: Bad
) -> None:
    """The status is one that no SDK retries; code and message say what is wrong, and where."""
    url, headers = f"{collector.url}/v1/track", {**HEADERS, **bad.headers}
    async with http.post(url, data=bad.body, headers=headers) as response:
        answer = await response.json()
        assert (response.status, answer["success"]) == (bad.status, False)
    assert answer["error"] == {"code": answer["code"], "message": answer["message"]}
    assert answer["code"] == bad.code
    assert bad.message in answer["message"]
    assert collector.intake.accepted == []
    assert collector.intake.refused == {("web", bad.code): 1}
    assert collector.metric("offramp_collector_events_refused_total", reason=bad.code) == 1


BAD_BATCHES: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "not_json", "$: the body is not JSON"),
    "not JSON": (b"batch", "not_json", "not JSON"),
    "a list": (b"[]", "bad_request", "Expected `object`, got `array`; a batch is an object"),
    "no batch": (b"{}", "bad_request", "missing required field `batch`"),
    "a batch that is no list": (b'{"batch":{}}', "bad_request", "$.batch"),
    "a context that is no object": (
        b'{"batch":[{}],"context":"x"}',
        "bad_request",
        "$.context: is string; send an object",
    ),
    "integrations that are no object": (
        b'{"batch":[{}],"integrations":[1]}',
        "bad_request",
        "$.integrations: is list",
    ),
    "a context that is not JSON": (b'{"batch":[{}],"context":{"n":NaN}}', "not_json", "$.context"),
    "larger than 500 KB": (b'{"batch":[]}'.ljust(500 * KB + 1), "batch_too_large", "512000 bytes"),
    "a gzip bomb": (gzip.compress(bytes(16 << 20)), "batch_too_large", "512000 bytes"),
}


@pytest.mark.parametrize("body", BAD_BATCHES)
async def test_a_batch_that_cannot_be_opened_is_refused(
    collector: Running, http: aiohttp.ClientSession, body: str
) -> None:
    """Where no event can be told from another, the whole request gets one located answer."""
    data, code, message = BAD_BATCHES[body]
    async with http.post(f"{collector.url}/v1/b", data=data, headers=HEADERS) as response:
        answer = await response.json()
        assert (response.status, answer["success"]) == (400, False)
    assert answer["code"] == code
    assert message in answer["message"]
    assert collector.intake.refused == {("web", code): 1}


async def test_a_batch_of_500_kb_is_read(collector: Running, http: aiohttp.ClientSession) -> None:
    """A body that comes in many pieces is put together."""
    body = json.dumps({"batch": [{"type": "track", **EVENT}]}).encode().ljust(500 * KB)
    async with http.post(f"{collector.url}/v1/b", data=body, headers=HEADERS) as response:
        assert response.status == 200
    assert len(collector.intake.events) == 1


async def test_a_body_without_length_is_bounded(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A chunked body is read no further than its bound."""

    async def endless() -> Any:
        for _ in range(100):
            yield b" " * KB

    async with http.post(f"{collector.url}/v1/t", data=endless(), headers=HEADERS) as response:
        assert response.status == 400
        assert (await response.json())["code"] == "event_too_large"


async def converse(url: str, *parts: bytes) -> bytes:
    """Send parts over a bare socket, each a little later, and return all that is answered."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(reader.read(64 * KB), timeout=5)
    finally:
        writer.close()
        await writer.wait_closed()


HEAD = (
    b"POST /v1/t HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n" % HEADERS["Authorization"].encode()
)


async def test_a_body_that_does_not_come_is_given_up(start: Start) -> None:
    """A client that stops in the middle hears 408, which SDKs try again."""
    collector = await start(limits=Limits(read_seconds=0.1))
    answer = await converse(collector.url, HEAD + b"Content-Length: 50\r\n\r\n", b'{"event"')
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Retry-After: 1" in answer
    assert not collector.intake.refused


async def test_a_body_in_pieces_is_put_together(collector: Running) -> None:
    """The length that was announced is waited for."""
    length = b"Content-Length: %d\r\n\r\n" % len(TEXT)
    answer = await converse(collector.url, HEAD + length, TEXT[:5], TEXT[5:])
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_malformed_chunk_is_no_hang(start: Start) -> None:
    """The transfer's own faults end in 400, or in 408 where the parser keeps waiting."""
    collector = await start(limits=Limits(read_seconds=0.1))
    head, chunk = HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n{}\r\n0\r\n\r\n"
    assert b" 400 " in (await converse(collector.url, head + chunk)).splitlines()[0]
    assert b" 40" in (await converse(collector.url, head, chunk)).splitlines()[0]


async def test_a_client_that_hangs_up_leaves_no_mark(
    collector: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken connection is no event, no discard, and no traceback."""
    host, port = collector.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD + b"Content-Length: 50\r\n\r\n" + b'{"event"')
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)
    assert collector.intake.accepted == []
    assert not collector.intake.refused
    assert caplog.text == ""
    assert collector.metric("offramp_collector_requests_total", endpoint="t", status="408") == 1
