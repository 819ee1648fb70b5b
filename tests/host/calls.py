"""Calls of a host with one source: its events, and its control API."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp

from offramp.host.run import Host

PATIENCE = 20.0
SOURCES = {"site": {"write_key": "key-of-the-site"}}
SUBSCRIPTION = {"preset": "Send track events to Metronome"}


async def call(host: Host, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The status and the answer of the control API, or of an endpoint for operators."""
    headers = {"Authorization": f"Bearer {host.token.value}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{host.url}{path}", json=body) as answer,
    ):
        is_json = "json" in answer.headers["Content-Type"]
        return answer.status, await (answer.json() if is_json else answer.text())


async def ask(host: Host, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
    """The data of an answer of the control API."""
    found, data = await call(host, method, f"/api/{path}", body)
    assert found == status, data
    return data


async def track(host: Host, message_id: str) -> None:
    """Send a usage event as an SDK does, and wait for its end."""
    await accept(host, message_id)
    assert await host.wait_until_idle(timeout=PATIENCE)


async def accept(host: Host, message_id: str) -> None:
    """Send a usage event as an SDK does."""
    event = {
        "messageId": message_id,
        "userId": "u",
        "event": "used",
        "context": {"groupId": "acme"},
        "properties": {"seconds": 60},
    }
    key = base64.b64encode(b"key-of-the-site:").decode()
    headers = {"Authorization": f"Basic {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{host.url}/v1/track", json=event) as answer,
    ):
        assert answer.status == 200
