"""Who gets in: the token, the origin, and the bounds of a body."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.api.conftest import TOKEN, Running
from tests.collector.parts import heard

from offramp.api import load_token, read_token
from offramp.errors import ConfigError

ENDPOINTS = ["/api/status", "/api/events", "/api/openapi.json", "/api/nothing"]


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic d3Jvbmc6", f"Bearer {TOKEN}x", "Bearer ü"],
)
async def test_without_the_token_nothing_is_told(
    host: Running, path: str, authorization: str
) -> None:
    """401 as a problem that says where the token is, and nothing else, whatever the path."""
    heard = await host.ask("GET", path, headers={"Authorization": authorization})
    assert heard.status == 401
    assert heard.headers["WWW-Authenticate"].startswith("Bearer")
    assert heard.headers["Content-Type"] == "application/problem+json"
    assert "`token` of the data folder" in heard.data["detail"]
    assert TOKEN not in heard.text


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Authorization: Bearer \xff", b"401"),
        (b"Authorization: Bearer \xff\xfe\xc3", b"401"),
        (b"Authorization: \xff", b"401"),
        (b"Authorization: Bearer %s\r\nOrigin: http://\xff" % TOKEN.encode(), b"403"),
        (b"Authorization: Bearer %s\r\nX-Offramp-Actor: \xff" % TOKEN.encode(), b"200"),
        (b"Authorization: Bearer %s\r\nContent-Encoding: \xff" % TOKEN.encode(), b"415"),
    ],
)
async def test_headers_that_are_no_utf8_are_answered(
    host: Running, caplog: pytest.LogCaptureFixture, header: bytes, status: bytes
) -> None:
    """Any byte may stand in a header; none makes a traceback."""
    body = b'{"text": "type = \\"track\\""}'
    request = b"POST /api/triggers/parse HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n"
    request += b"Content-Length: %d\r\n\r\n%s"
    answer = await heard(host.url, request % (header, len(body), body))
    assert answer.split()[1] == status, answer
    assert "Traceback" not in caplog.text


async def test_the_scheme_is_read_in_any_case(host: Running) -> None:
    """`bearer` is `Bearer`, as HTTP has it."""
    assert (
        await host.ask("GET", "/api/status", headers={"Authorization": f"bearer {TOKEN}"})
    ).status == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("", 200),
        ("SELF", 200),
        ("SELF.evil.example", 403),
    ],
)
async def test_a_page_of_another_origin_changes_nothing(
    host: Running, origin: str, status: int
) -> None:
    """Of state-changing calls with an Origin only those of the host's own pages are served."""
    headers = {"Origin": origin.replace("SELF", host.url)} if origin else {}
    heard = await host.ask("POST", "/api/triggers/parse", {"text": 'type = "track"'}, headers)
    assert heard.status == status, heard.text


async def test_no_page_may_read_an_answer_of_another_origin(host: Running) -> None:
    """No CORS header is ever sent, and nothing is left in a cache."""
    heard = await host.ask("GET", "/api/status", headers={"Origin": "https://evil.example"})
    assert not [name for name in heard.headers if name.startswith("Access-Control")]
    assert heard.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 422),
        (b"{no json", 400),
        (b'{"text": NaN}', 400),
        (b'{"text": 1e999999999999999999999}', 400),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"text": 5}', 422),
        (b'{"txt": "type"}', 422),
        (b'{"text": ' + b"[" * 70 + b"]" * 70 + b"}", 422),
        (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"text": "' + b"x" * 5_000_000 + b'"}', 413),
        (b"\xff\xfe", 400),
    ],
)
async def test_a_bad_body_is_told_as_what_it_is(host: Running, raw: bytes, status: int) -> None:
    """Not JSON, not an object, too deep, too large, unknown or mistyped keys: never a 500."""
    heard = await host.ask("POST", "/api/triggers/parse", raw=raw)
    assert heard.status == status, heard.text
    assert heard.data["status"] == status
    assert heard.data["detail"]


async def test_what_is_not_there_is_told(host: Running) -> None:
    """404 with where to look, 405 with the methods that there are."""
    heard = await host.ask("GET", "/api/nothing")
    assert heard.status == 404
    assert "/api/openapi.json" in heard.data["detail"]
    heard = await host.ask("DELETE", "/api/status")
    assert (heard.status, heard.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/events?limit=0", "limit"),
        ("/api/events?limit=many", "limit"),
        ("/api/events?limit=501", "limit"),
        ("/api/events?cursor=nonsense", "cursor"),
        ("/api/events?cursor=99999999999999999999-1", "cursor"),
        ("/api/events?sorce=site", "sorce"),
        ("/api/events?limit=1&limit=2", "limit"),
        ("/api/status?since=yesterday", "since"),
        ("/api/status?since=1e300", "since"),
    ],
)
async def test_a_bad_query_is_told_with_its_name(host: Running, path: str, parameter: str) -> None:
    """A misspelt filter is refused rather than passed over."""
    heard = await host.ask("GET", path)
    assert heard.status == 422, heard.text
    assert heard.data["errors"][0]["parameter"] == parameter


def test_a_token_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """0600, long, the same at the next start; a configured one is taken instead."""
    made = load_token(tmp_path, None)
    path = tmp_path / "token"
    assert made.fresh
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(made.value) >= 40
    again = load_token(tmp_path, None)
    assert (again.value, again.fresh) == (made.value, False)
    assert load_token(tmp_path, "configured").value == "configured"
    assert made.value not in repr(made)


def test_a_configured_token_may_be_a_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`env:NAME` is followed, and told where it leads nowhere."""
    monkeypatch.setenv("CONTROL", "from-the-environment")
    assert load_token(tmp_path, "env:CONTROL").value == "from-the-environment"
    with pytest.raises(ConfigError, match=r"host\.api_token"):
        load_token(tmp_path, "env:NOT_THERE")


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("x\n", 0o644), ("\u00fc", 0o600)])
def test_a_token_file_that_is_no_good_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    """Empty, open to others, or no text: the message names the file."""
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="token"):
        read_token(path)
