"""From an SDK's request through a real host to a receiver on this machine, and to the sandbox."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web

from offramp_webhook.sandbox import MAX_KEPT_BYTES, SANDBOX_SECRET, start_sandbox
from offramp_webhook.signing import key_of, sign

OFFRAMP = Path(sys.executable).with_name("offramp")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATIENCE = 20.0
CONFIG = """
[host]
api_token = "token-of-the-test"
egress.allow = ["127.0.0.0/8"]

[sources.site]
write_key = "key-of-the-site"

[instances.hooks]
destination = "webhook"
source = "site"
[instances.hooks.settings]
url = "URL/hooks"
allowHttp = true
signingSecret = "env:HOOK_SECRET"

[[instances.hooks.subscriptions]]
preset = "Send all events in batches"
[instances.hooks.subscriptions.mapping]
data = { id = { "@path" = "$.messageId" }, n = { "@path" = "$.properties.n" } }
"""


@attrs.define
class Arrived:
    """A receiver's requests, each with its headers and its body."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = attrs.field(factory=list)
    #: Statuses of the next answers; 200 afterwards.
    statuses: list[int] = attrs.field(factory=list)

    def ids(self) -> list[str]:
        """The ids of all events that came."""
        return [each["id"] for _, body in self.requests for each in json.loads(body)]


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Arrived]:
    """A receiver."""
    arrived = Arrived()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        status = arrived.statuses.pop(0) if arrived.statuses else 200
        if status == 200:
            arrived.requests.append((dict(request.headers), body))
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/hooks", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        arrived.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield arrived
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def serving(folder: Path, config: str) -> AsyncIterator[str]:
    """`offramp serve` in a process of its own; its address."""
    file, data = folder / "offramp.toml", folder / "data"
    file.write_text(config)
    process = await asyncio.create_subprocess_exec(
        OFFRAMP, "serve", file, "--port", "0", "--data-dir", data,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        # A host that was stopped has taken its address away.
        await until(lambda: (data / "url").is_file() and (data / "url").read_text() != "")
        yield (data / "url").read_text().strip()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - a process and a server tell no event
            await asyncio.sleep(0.02)


async def track(url: str, events: list[dict[str, Any]]) -> None:
    """Send events as an SDK does."""
    key = base64.b64encode(b"key-of-the-site:").decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {key}"}) as session,
        session.post(f"{url}/v1/batch", json={"batch": events}) as answer,
    ):
        assert answer.status == 200


def of(count: int) -> list[dict[str, Any]]:
    return [
        {
            "type": "track",
            "event": "used",
            "userId": "u",
            "messageId": f"m{n}",
            "properties": {"n": n},
        }
        for n in range(count)
    ]


async def test_a_real_receiver_can_verify_what_a_real_host_sends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage, every event arrives, in lists whose bytes have the signature."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    async with receiving() as arrived:
        arrived.statuses.append(503)
        async with serving(tmp_path, CONFIG.replace("URL", arrived.url)) as url:
            await track(url, of(50))
            await until(lambda: len(arrived.ids()) >= 50)
    assert sorted(arrived.ids()) == sorted(f"m{n}" for n in range(50))
    for headers, body in arrived.requests:
        given = {name.lower(): value for name, value in headers.items()}
        wanted = sign(
            body,
            message_id=given["webhook-id"],
            timestamp=int(given["webhook-timestamp"]),
            keys=[key_of(SECRET)],
        )
        assert given["webhook-signature"] == wanted


async def test_events_wait_until_a_wrong_setting_is_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance is held with the reason; once the file is corrected, every event arrives."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    async with receiving() as arrived:
        config = CONFIG.replace("URL", arrived.url)
        async with serving(tmp_path, config.replace("allowHttp = true", "")) as url:
            await track(url, of(5))
            breaker: dict[str, Any] = {}
            headers = {"Authorization": "Bearer token-of-the-test"}
            async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(PATIENCE):
                while breaker.get("state") != "open":
                    await asyncio.sleep(0.1)
                    async with session.get(f"{url}/api/status") as answer:
                        [status] = (await answer.json())["instances"]
                        breaker = status["circuit_breaker"]
            assert "is not https" in json.dumps(breaker)
            assert arrived.requests == []
        async with serving(tmp_path, config):
            await until(lambda: len(arrived.ids()) >= 5)
    assert sorted(arrived.ids()) == [f"m{n}" for n in range(5)]


async def test_the_sandbox_shows_what_arrived(tmp_path: Path) -> None:
    """An instance with `sandbox = true` needs no settings, and nothing of it leaves the machine."""
    config = """
[host]
api_token = "token-of-the-test"
[sources.site]
write_key = "key-of-the-site"
[instances.hooks]
destination = "webhook"
source = "site"
sandbox = true
[[instances.hooks.subscriptions]]
preset = "Send track events"
"""
    async with serving(tmp_path, config) as url:
        await track(url, of(1))
        headers = {"Authorization": "Bearer token-of-the-test"}
        received: list[dict[str, Any]] = []
        async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(PATIENCE):
            while not received:
                await asyncio.sleep(0.02)
                async with session.get(f"{url}/api/sandboxes/webhook/received") as answer:
                    received = (await answer.json())["received"]
            async with session.post(f"{url}/api/instances/hooks/test") as answer:
                assert (await answer.json())["result"] == "good"
    [request] = received
    assert (request["method"], request["path"]) == ("POST", "/hooks")
    assert request["signature"] == "valid"
    assert request["headers"]["webhook-id"] == "m0"
    assert request["body"]["properties"] == {"n": 0}


async def test_the_sandbox_refuses_what_is_not_signed() -> None:
    """A wrong signature is answered with 401, and what is not JSON with 400; neither is kept."""
    headers = {"webhook-id": "m1", "webhook-timestamp": "1795120512"}
    body = b"not JSON"
    signature = sign(body, message_id="m1", timestamp=1795120512, keys=[key_of(SANDBOX_SECRET)])
    cases = [
        ({}, 401),
        (headers, 401),
        (headers | {"webhook-signature": "v1,wrong"}, 401),
        (headers | {"webhook-timestamp": "soon", "webhook-signature": signature}, 401),
        (headers | {"webhook-signature": signature}, 400),
    ]
    async with start_sandbox() as sandbox, aiohttp.ClientSession() as session:
        for given, status in cases:
            async with session.post(sandbox.url, data=body, headers=given) as answer:
                assert answer.status == status
        assert list(sandbox.received()) == []


async def test_the_sandbox_keeps_the_latest_requests() -> None:
    """It forgets the oldest, so that its memory stays bounded."""
    body = json.dumps({"text": "x" * (MAX_KEPT_BYTES // 4)}).encode()
    async with start_sandbox() as sandbox, aiohttp.ClientSession() as session:
        for n in range(5):
            signature = sign(body, message_id=f"m{n}", timestamp=0, keys=[key_of(SANDBOX_SECRET)])
            headers = {
                "webhook-id": f"m{n}",
                "webhook-timestamp": "0",
                "webhook-signature": signature,
            }
            async with session.post(sandbox.url, data=io.BytesIO(body), headers=headers) as answer:
                assert answer.status == 200
        kept = [each["headers"]["webhook-id"] for each in sandbox.received()]
    assert kept == ["m2", "m3", "m4"]
