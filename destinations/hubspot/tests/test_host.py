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

import aiohttp

from offramp_hubspot import hubspot
from offramp_hubspot.api import VERSION
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
CRM = """
[instances.crm]
destination = "hubspot"
source = "site"
"""
COMPANIES = """
[[instances.crm.subscriptions]]
preset = "Companies from group calls"
"""
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
                [status, *_] = (await call(url, "GET", "/api/status"))["subscriptions"]
                return bool(status["delivered"] + status["rejected"] == 250)

            await until(settled)
            [dead] = (await call(url, "GET", "/api/dead-letters"))["rows"]
            assert dead["message_id"] == "m150"
        people = Counter(each.properties["email"] for each in emulator.records())
    assert people == Counter(f"user-{n}@example.com" for n in range(250) if n != 150)


async def connect(url: str, folder: Path) -> str:
    """Run `offramp connect` as the README says; a browser agrees at once. Returns what it shows."""
    browser = folder / "browser.py"
    browser.write_text("import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).close()")
    process = await asyncio.create_subprocess_exec(
        OFFRAMP, "connect", "crm", "--redirect-host", "localhost", "--port", "0",
        "--url", url, "--token", API_TOKEN,
        env={**os.environ, "BROWSER": f"{sys.executable} {browser} %s"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    shown, _ = await process.communicate()
    assert process.returncode == 0, shown.decode()
    return shown.decode()


def test_the_addresses_and_scopes_are_hubspots() -> None:
    """They are declared, so that an operator configures the app and nothing else."""
    oauth = hubspot.oauth
    assert oauth is not None
    addresses = [oauth.authorize_url, oauth.token_url, oauth.revoke_url]
    assert [each(None) if callable(each) else each for each in addresses] == [
        "https://app.hubspot.com/oauth/authorize",
        f"https://api.hubapi.com/oauth/{VERSION}/token",
        f"https://api.hubapi.com/oauth/{VERSION}/token/revoke",
    ]
    contacts = re.findall("`([a-z.]+)`", section("## Connect an account", "These are asked for"))
    assert list(oauth.scopes) == [each for each in contacts if each in oauth.scopes]


def section(start: str, end: str) -> str:
    """A part of the README."""
    text = README.read_text()
    return text[text.index(start) : text.index(end)]


async def test_an_account_is_connected_as_the_readme_says(tmp_path: Path) -> None:
    """Then choices are offered, and records are searched and written, also after a refresh."""
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    [oauth] = [dedent(block) for block in blocks if "[instances.crm.oauth]" in block]
    async with Emulator() as emulator:
        known = emulator.create("companies", domain="known.example")
        environment = {
            **os.environ,
            "HUBSPOT_BASE_URL": emulator.url,
            "HUBSPOT_CLIENT_ID": CLIENT_ID,
            "HUBSPOT_CLIENT_SECRET": CLIENT_SECRET,
        }
        async with serving(tmp_path, CRM + oauth + COMPANIES, environment) as (url, _):
            shown = await connect(url, tmp_path)
            assert "redirect URI to register: http://localhost:" in shown
            assert (await call(url, "POST", "/api/instances/crm/test"))["result"] == "good"
            candidate = {"instance": "crm", "action": "upsertObject"}
            asked = {"candidate": candidate, "field": "objectType", "search": "licen"}
            found = await call(url, "POST", "/api/dynamic-choices", asked)
            assert [each["value"] for each in found["choices"]] == ["2-1001"]
            emulator.tokens.expire()
            await send(url, [group("known.example"), group("new.example")])
            await until(lambda: len(emulator.records("companies")) == 2)
            await until(lambda: delivered(url, 2))
            disconnected = await call(url, "DELETE", "/api/instances/crm/grant")
        assert emulator.tokens.refreshes == 1
        written = emulator.records("companies")
    assert [each.properties["name"] for each in written] == ["Acme", "Acme"]
    assert known.id in [each.id for each in written]
    assert disconnected == {"instance": "crm", "revoked": True, "message": None}


async def delivered(url: str, count: int) -> bool:
    """Whether the one subscription that is written has delivered that many events."""
    [status, *_] = (await call(url, "GET", "/api/status"))["subscriptions"]
    return bool(status["delivered"] == count)


def group(domain: str) -> dict[str, Any]:
    """A group call of a company, which is found by its domain."""
    traits = {"website": domain, "name": "Acme"}
    return {
        "type": "group",
        "userId": "u",
        "groupId": domain,
        "messageId": domain,
        "traits": traits,
    }
