"""From an SDK's request through a real host to the sandbox and to an emulator on this machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from offramp_hubspot.emulator import CLIENT_ID, CLIENT_SECRET, Emulator, Fault

OFFRAMP = Path(sys.executable).with_name("offramp")
PATIENCE = 20.0
API_TOKEN = "token-of-the-test"
HOST = f"""
[host]
api_token = "{API_TOKEN}"
egress.allow = ["127.0.0.0/8"]

[sources.site]
write_key = "key-of-the-site"
"""
README = Path(__file__).parents[1] / "README.md"
CONTACTS = """
[[instances.crm.subscriptions]]
preset = "Contacts from identify calls"
"""


@contextlib.asynccontextmanager
async def serving(
    folder: Path, config: str, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`offramp serve` in a process of its own: its address, and the process."""
    file, data = folder / "offramp.toml", folder / "data"
    file.write_text(HOST + config)
    address = data / "url"
    if address.exists():  # a host that was killed has left it
        address.unlink()
    process = await asyncio.create_subprocess_exec(
        OFFRAMP, "serve", file, "--port", "0", "--data-dir", data,
        stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        await until(lambda: address.is_file() and address.read_text() != "")
        yield address.read_text().strip(), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


async def send(url: str, events: Iterable[dict[str, Any]]) -> None:
    """Send events as an SDK does."""
    key = base64.b64encode(b"key-of-the-site:").decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {key}"}) as session,
        session.post(f"{url}/v1/batch", json={"batch": list(events)}) as answer,
    ):
        assert answer.status == 200


async def call(url: str, method: str, path: str, body: Any = None) -> Any:
    """What the control API answers."""
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{url}{path}", json=body) as answer,
    ):
        assert answer.ok, await answer.text()
        return await answer.json()


def identify(number: int, **traits: Any) -> dict[str, Any]:
    return {
        "type": "identify",
        "userId": f"u{number}",
        "messageId": f"m{number}",
        "traits": {"email": f"user-{number}@example.com", "firstName": f"N{number}", **traits},
    }


async def test_the_sandbox_needs_no_account(tmp_path: Path) -> None:
    """An instance with `sandbox = true` works at once, shows what arrived, and offers choices."""
    config = f"""
[instances.crm]
destination = "hubspot"
source = "site"
sandbox = true
{CONTACTS}
"""
    async with serving(tmp_path, config) as (url, _):
        await send(url, [identify(1)])
        assert (await call(url, "POST", "/api/instances/crm/test"))["result"] == "good"
        received: list[dict[str, Any]] = []

        async def arrived() -> bool:
            answer = await call(url, "GET", "/api/sandboxes/hubspot/received")
            received[:] = answer["received"]
            return bool(received)

        await until(arrived)
        asked = {
            "candidate": {"instance": "crm", "action": "upsertObject"},
            "field": "objectType",
            "search": "licen",
        }
        found = await call(url, "POST", "/api/dynamic-choices", asked)
    assert [each["value"] for each in found["choices"]] == ["2-1001"]
    [request] = received
    assert (request["path"], request["status"]) == (
        "/crm/objects/2026-03/contacts/batch/upsert",
        200,
    )
    [contact] = request["body"]["inputs"]
    assert contact["properties"] == {"email": "user-1@example.com", "firstname": "N1"}


async def test_nothing_is_lost_or_doubled_when_a_host_is_killed(tmp_path: Path) -> None:
    """After lost answers, an outage and kill -9, each person is one contact; a bad one is told."""
    config = """
[instances.crm]
destination = "hubspot"
source = "site"

[[instances.crm.subscriptions]]
preset = "Contacts from identify calls"
[instances.crm.subscriptions.mapping.properties]
firstname = { "@path" = "$.traits.firstName" }
plan = { "@path" = "$.traits.plan" }
"""
    async with Emulator(accept_any_token=True) as emulator:
        emulator.fail(
            Fault(status=None, path="batch/upsert", done=True),
            Fault(status=503, path="batch/upsert", times=2),
        )
        environment = {**os.environ, "HUBSPOT_BASE_URL": emulator.url}
        async with serving(tmp_path, config, environment) as (url, process):
            token = {"access_token": "a-token-from-elsewhere"}
            await call(url, "POST", "/api/instances/crm/grant/tokens", token)
            await send(url, [identify(n) for n in range(150)])
            await send(url, [identify(150, plan="gold"), *map(identify, range(151, 250))])
            await until(lambda: len(emulator.records()) > 0)
            process.kill()
        async with serving(tmp_path, config, environment) as (url, _):

            async def settled() -> bool:
                [status] = (await call(url, "GET", "/api/status"))["subscriptions"]
                return bool(status["delivered"] + status["rejected"] == 250)

            await until(settled)
            [dead] = (await call(url, "GET", "/api/dead-letters"))["rows"]
            assert dead["message_id"] == "m150"
        people = Counter(each.properties["email"] for each in emulator.records())
    assert people == Counter(f"user-{n}@example.com" for n in range(250) if n != 150)


async def connect(url: str) -> None:
    """Connect the instance as `offramp connect` does, with a person who agrees."""
    grant = "/api/instances/crm/grant"
    body = {"redirect_uri": "http://127.0.0.1:8976/callback"}
    begun = await call(url, "POST", f"{grant}/authorize", body)
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(begun["authorize_url"], allow_redirects=False) as answer,
    ):
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
    code = {"code": query["code"][0], "state": query["state"][0]}
    connected = await call(url, "POST", f"{grant}/code", code)
    assert connected["grant"]["state"] == "connected"


async def test_an_account_is_connected_as_the_readme_says(tmp_path: Path) -> None:
    """With the README's table: events leave, expired tokens are refreshed, and it disconnects."""
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    [oauth] = [dedent(block) for block in blocks if "[instances.crm.oauth]" in block]
    async with Emulator() as emulator:
        table = re.sub(r"https://a(?:pp\.hubspot|pi\.hubapi)\.com", emulator.url, oauth)
        config = f"""
[instances.crm]
destination = "hubspot"
source = "site"

{table}
{CONTACTS}
"""
        environment = {
            **os.environ,
            "HUBSPOT_BASE_URL": emulator.url,
            "HUBSPOT_CLIENT_ID": CLIENT_ID,
            "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
        }
        async with serving(tmp_path, config, environment) as (url, _):
            await connect(url)
            assert (await call(url, "POST", "/api/instances/crm/test"))["result"] == "good"
            emulator.tokens.expire()
            await send(url, [identify(1)])
            await until(lambda: len(emulator.records()) == 1)
            disconnected = await call(url, "DELETE", "/api/instances/crm/grant")
        assert emulator.tokens.refreshes == 1
    assert disconnected == {"instance": "crm", "revoked": True, "message": None}
