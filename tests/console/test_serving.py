"""The console as a host serves it: files, headers, revalidation; and a host without a bundle."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from tests.cli.parts import running
from tests.listening import listening

from offramp.console import CONSOLE_FILES, console_routes
from offramp.console.serving import STATIC
from offramp.host.run import Host

TYPES = {".js": "text/javascript", ".css": "text/css"}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
async def host(tmp_path: Path, bundle: None) -> AsyncIterator[Host]:
    async with running(None, tmp_path) as started:
        yield started


async def test_a_host_serves_every_file_that_the_pages_ask_for(
    host: Host, http: aiohttp.ClientSession
) -> None:
    """What index.html names is there, as what it is, and each file of the bundle has its path."""
    async with http.get(f"{host.url}/") as answer:
        page = await answer.text()
        assert answer.content_type == "text/html"
    named = re.findall(r'(?:href|src)="(?!data:)([^"]+)"', page)
    assert {"app.js", "app.css"} <= set(named)
    for name in named:
        async with http.get(f"{host.url}/{name}") as answer:
            assert answer.status == 200, name
            assert answer.content_type == TYPES[Path(name).suffix], name
    built = {path.name for path in STATIC.iterdir()} - {"sources.sha256"}
    assert built == {name for name, _ in CONSOLE_FILES.values()}


@pytest.mark.parametrize("path", [*CONSOLE_FILES])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_no_file_may_load_or_be_framed_by_anything_else(
    host: Host, http: aiohttp.ClientSession, method: str, path: str
) -> None:
    """The policy is on every answer; the browser guesses no type and sends no referrer."""
    async with http.request(method, f"{host.url}{path}") as answer:
        body, headers = await answer.read(), answer.headers
    assert answer.status == 200
    assert bool(body) == (method == "GET")
    assert int(headers["Content-Length"]) > 0
    policy = headers["Content-Security-Policy"].split("; ")
    assert dict(part.split(" ", 1) for part in policy) == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-cache"


async def test_a_file_that_the_browser_has_is_not_sent_again(
    host: Host, http: aiohttp.ClientSession
) -> None:
    """Compressed for who takes it, with an ETag of its own; 304 for that one, 200 for another."""
    tags = []
    for coding in ("gzip, deflate, br", "identity", "gzip;q=0"):
        headers = {"Accept-Encoding": coding}
        async with http.get(f"{host.url}/app.js", headers=headers) as answer:
            body, tag = await answer.read(), answer.headers["ETag"]
            compressed = answer.headers.get("Content-Encoding") == "gzip"
        assert compressed == (coding[:6] == "gzip, ")
        assert (gzip.decompress(body) if compressed else body) == (STATIC / "app.js").read_bytes()
        tags.append(tag)
        again = {**headers, "If-None-Match": f'"of-another", W/{tag}'}
        async with http.get(f"{host.url}/app.js", headers=again) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
            assert answer.headers["ETag"] == tag
    assert tags[0] != tags[1] == tags[2]


@pytest.mark.parametrize(
    "case",
    [
        ("GET", "/nothing.js", 404, "POST /v1/batch"),
        ("GET", "/static/app.js", 404, "POST /v1/batch"),
        ("GET", "/%2e%2e/console/serving.py", 404, "POST /v1/batch"),
        ("POST", "/", 404, "POST /v1/batch"),
        ("POST", "/app.js", 404, "POST /v1/batch"),
        ("GET", "/v1/batch", 405, "POST"),
    ],
)
async def test_all_other_paths_are_answered_as_without_a_console(
    host: Host, http: aiohttp.ClientSession, case: tuple[str, str, int, str]
) -> None:
    """No page stands in for what is not there, and events that are sent to a page are told."""
    method, path, status, named = case
    async with http.request(method, f"{host.url}{path}") as answer:
        assert answer.status == status
        assert named in (await answer.json())["message"]


async def test_a_bundle_that_is_built_while_the_host_runs_is_served(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """Without one, every path says how to build it; afterwards the new files are served."""
    app = web.Application()
    app.add_routes(console_routes(tmp_path))
    async with listening(app) as url:
        for path in ("/", "/app.js"):
            async with http.get(f"{url}{path}") as answer:
                assert answer.status == 404
                assert "`make console` builds it" in await answer.text()
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Content-Security-Policy"]
        tags = set()
        for seconds, text in enumerate(("one", "two")):
            (tmp_path / "app.js").write_text(text)
            os.utime(tmp_path / "app.js", (seconds, seconds))
            async with http.get(f"{url}/app.js") as answer:
                assert await answer.text() == text
                tags.add(answer.headers["ETag"])
    assert len(tags) == 2
