"""Paths and methods that no endpoint has: answered with what was meant, counted, and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from yarl import URL

from offramp.web.unknown_paths import KEPT_PATHS, UnknownPaths

if TYPE_CHECKING:
    from tests.collector.conftest import Running

COUNT = "offramp_collector_unknown_paths_total"
#: Method, path, status, and the endpoint that is named.
UNKNOWN = [
    ("POST", "/b", 404, "POST /v1/b"),
    ("POST", "/v1", 404, "POST /v1/batch"),
    ("POST", "//v1/b", 404, "POST /v1/b"),
    ("POST", "/v1/B", 404, "POST /v1/b"),
    ("POST", "/v1/v1/Track", 404, "POST /v1/track"),
    ("POST", "/v2/import/", 404, "POST /v1/import"),
    ("POST", "/v1/batches", 404, "POST /v1/batch"),
    ("POST", "/v1/x", 404, "POST /v1/batch"),
    ("POST", "/", 404, "POST /v1/batch"),
    ("GET", "/projects/a-key/settings", 404, "GET /v1/projects/{writeKey}/settings"),
    ("GET", "/v1/batch", 405, "POST"),
    ("DELETE", "/v1/t/", 405, "POST"),
    ("POST", "/v1/projects/a-key/settings", 405, "GET"),
    ("POST", "/livez", 405, "GET"),
]


@pytest.mark.parametrize("case", UNKNOWN, ids=lambda case: f"{case[0]} {case[1]}")
async def test_what_no_endpoint_has_is_answered_with_the_nearest_and_counted(
    collector: Running, http: aiohttp.ClientSession, case: tuple[str, str, int, str]
) -> None:
    """The sender's log names the endpoint to use, and the operator sees that events are lost."""
    method, path, status, named = case
    url = URL(collector.url + path, encoded=True)
    async with http.request(method, url, headers={"Origin": "https://a.page"}) as response:
        assert response.status == status
        assert response.headers["Access-Control-Allow-Origin"] == "https://a.page"
        assert status == 404 or named in response.headers["Allow"]
        answer = await response.json()
    assert answer["code"] == ("unknown_path" if status == 404 else "method_not_allowed")
    assert named in answer["message"]
    reason = "path" if status == 404 else "method"
    assert collector.metric(COUNT, reason=reason) == 1


async def test_a_page_may_read_why_its_events_are_not_taken(
    collector: Running, http: aiohttp.ClientSession
) -> None:
    """A browser asks before it sends; refused there, the request itself would never be seen."""
    headers = {"Origin": "https://a.page", "Access-Control-Request-Method": "POST"}
    async with http.options(f"{collector.url}/v1/tracks", headers=headers) as response:
        assert response.status == 204
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert collector.metric(COUNT, reason="path") == 0


def test_the_latest_paths_are_kept_with_their_counts_and_without_keys() -> None:
    """A scanner cannot fill memory; what a sender repeats stays, and no write key is shown."""
    unknown = UnknownPaths(clock=lambda: 5.0)
    for number in range(2 * KEPT_PATHS):
        unknown.note("path", "GET", f"/scan-{number}", "POST /v1/batch")
        unknown.note("path", "POST", "/b/write-key-of-the-web", "POST /v1/b")
    latest = unknown.latest()
    assert len(latest) == KEPT_PATHS
    assert (latest[0].path, latest[0].requests) == ("/b/***-web", 2 * KEPT_PATHS)
    assert latest[0].last_at == 5.0
    assert latest[1].path == f"/scan-{2 * KEPT_PATHS - 1}"
