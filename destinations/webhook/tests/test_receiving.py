"""From an SDK's request through a real host to a receiver on this machine, and to the sandbox."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from offramp.testing import LocalPartner, RecordedRequest
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


def ids(requests: Iterable[RecordedRequest]) -> list[str]:
    """The ids of all events that came in these requests."""
    return [each["id"] for request in requests for each in request.json]


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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_partner: LocalPartner
) -> None:
    """After an outage, every event arrives, in lists whose bytes have the signature."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    local_partner.post("/hooks", status=503)
    local_partner.post("/hooks", repeat=True)
    async with serving(tmp_path, CONFIG.replace("URL", local_partner.url)) as url:
        await track(url, of(50))
        await until(lambda: len(ids(local_partner.requests[1:])) >= 50)
    _refused, *taken = local_partner.requests
    assert sorted(ids(taken)) == sorted(f"m{n}" for n in range(50))
    for request in taken:
        wanted = sign(
            request.body,
            message_id=request.header("webhook-id") or "",
            timestamp=int(request.header("webhook-timestamp") or ""),
            keys=[key_of(SECRET)],
        )
        assert request.header("webhook-signature") == wanted


async def test_events_wait_until_a_wrong_setting_is_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_partner: LocalPartner
) -> None:
    """The instance is held with the reason; once the file is corrected, every event arrives."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    local_partner.post("/hooks", repeat=True)
    config = CONFIG.replace("URL", local_partner.url)
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
        assert local_partner.requests == []
    async with serving(tmp_path, config):
        await until(lambda: len(ids(local_partner.requests)) >= 5)
    assert sorted(ids(local_partner.requests)) == [f"m{n}" for n in range(5)]


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
