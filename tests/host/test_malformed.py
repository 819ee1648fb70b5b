"""What strangers send that is no request: a clear answer, a count, one line, no traceback."""

from __future__ import annotations

import logging

import pytest
from tests.collector.conftest import Running
from tests.collector.parts import heard

KEY = b"Authorization: Basic d3JpdGUta2V5LW9mLXRoZS13ZWI6\r\n"


MALFORMED = [
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"x" * 9_000),
    b"GET / HTTP/1.1\r\nX: %s\r\n\r\n" % (b"x" * 9_000),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@pytest.mark.parametrize("data", MALFORMED)
async def test_malformed_http_is_counted_and_told_in_a_line(
    collector: Running, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    """Nobody can fill the log with tracebacks, or with what they sent."""
    with caplog.at_level(logging.INFO):
        assert b" 400 " in (await heard(collector.url, data)).splitlines()[0]
    assert collector.metric("offramp_http_malformed_total") == 1
    [record] = caplog.records
    assert record.exc_info is None
    assert record.getMessage().startswith("127.0.0.1 sent invalid HTTP: ")
    assert len(record.getMessage()) < 200


@pytest.mark.parametrize("version", [b"0.9", b"2.0"])
async def test_other_versions_of_http_are_not_served(collector: Running, version: bytes) -> None:
    """An event that comes so is not accepted, and its sender hears why."""
    body = b'{"event":"A","userId":"u"}'
    head = b"POST /v1/t HTTP/%s\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n"
    answer = await heard(collector.url, head % (version, KEY, len(body)) + body)
    assert b" 505 " in answer.splitlines()[0] or b" 400 " in answer.splitlines()[0]
    assert collector.intake.accepted == []


@pytest.mark.parametrize(
    "header",
    [b"Authorization: Bearer \xff", b"Authorization: Basic \xff", b"Authorization: \xff"],
)
async def test_a_header_that_is_no_utf8_names_no_source(
    collector: Running, caplog: pytest.LogCaptureFixture, header: bytes
) -> None:
    """401, and no traceback."""
    body = b'{"event":"A","userId":"u"}'
    head = (
        b"POST /v1/t HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\nContent-Length: %d\r\n\r\n"
    )
    answer = await heard(collector.url, head % (header, len(body)) + body)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert caplog.text == ""


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Encoding: \xff",
        b"Content-Type: text/plain; charset=\xff",
        b"Origin: http://\xff",
        b"X-Forwarded-For: \xff",
        b"User-Agent: \xff",
        b"Host: \xff",
        b"Cookie: \xff",
    ],
)
async def test_no_header_breaks_a_endpoint(
    collector: Running, caplog: pytest.LogCaptureFixture, header: bytes
) -> None:
    """Bytes that are no UTF-8 are answered, with success or with what is wrong."""
    for path in (b"POST /v1/t", b"GET /v1/projects/write-key-of-the-web/settings", b"GET /metrics"):
        body = b'{"event":"A","userId":"u"}'
        head = b"%s HTTP/1.1\r\n%s%s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        answer = await heard(collector.url, head % (path, KEY, header, len(body)) + body)
        assert answer.split()[1] in (b"200", b"400", b"415"), answer
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("expected", [b"\xff", b"x", b"100-continue, x"])
async def test_what_cannot_be_met_is_refused(
    collector: Running, caplog: pytest.LogCaptureFixture, expected: bytes
) -> None:
    """Whatever bytes the header has; nothing is accepted, and nothing is logged."""
    for path in (b"POST /v1/t", b"GET /v1/projects/write-key-of-the-web/settings", b"GET /metrics"):
        head = b"%s HTTP/1.1\r\nHost: x\r\n%sConnection: close\r\nExpect: %s\r\n\r\n"
        answer = await heard(collector.url, head % (path, KEY, expected))
        assert answer.startswith(b"HTTP/1.1 417 ")
        assert b'"code":"bad_request"' in answer
    assert collector.intake.accepted == []
    assert caplog.text == ""
