"""What an author gets wrong at first, in a host that serves: told as it is, and never delivered."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import attrs
import pytest
from aiohttp import web
from tests.cli.conftest import usage
from tests.cli.parts import PATIENCE, running

from offramp.host.run import Host

#: Chosen by whoever has the public write key.
HOSTILE = "../../../admin/delete?x=1"

PLUGIN = """
import asyncio
import time
from collections.abc import Sequence
from typing import Any
import attrs
from offramp import Action, Destination, Request, field, hookimpl, path, quote_path, setting

URL = "@URL@"

@attrs.frozen
class Settings:
    pass

@attrs.frozen
class Note:
    id: str = field(default=path("$.messageId"))

@ACTIONS@

@hookimpl
def offramp_destinations():
    actions = [@NAMES@]
    return [Destination(slug="pinboard", name="Pinboard", settings=Settings, actions=actions)]
"""
ACTION = """
class {name}(Action[Settings, Note]):
    slug = title = "{name}"

    async def perform(self, request, payload):
        {body}
"""

#: Action: its body, how its delivery ends, its reason, words of its message.
ACTIONS = {
    "NoAwait": (
        'request.put(f"{URL}/taken")',
        "retrying",
        "INTERNAL",
        r"did not await it: PUT http.*/taken \(pinboard.py:\d+, in perform\): put `await` before",
    ),
    "Nothing": ("pass", "retrying", "INTERNAL", r"perform \(pinboard.py:\d+, in perform\) sent no"),
    "Unquoted": (
        'await request.put(f"{URL}/notes/{payload.id}")',
        "rejected",
        "INVALID_URL",
        r"'\.\.' in its path leads elsewhere: quote what comes from events with offramp.quote_path",
    ),
    "Quoted": ('await request.put(f"{URL}/notes/{quote_path(payload.id)}")', "delivered", "OK", ""),
    "Blocking": (
        'time.sleep(1.5); await request.put(f"{URL}/blocking")',
        "delivered",
        "OK",
        "",
    ),
    "Conflict": ('await request.put(f"{URL}/409")', "rejected", "409", "/409 answered 409"),
    "Grouped": (
        'await request.put(f"{URL}/ok"); await in_a_group(request)',
        "retrying",
        "503",
        "/503 answered 503",
    ),
    "Looked": (
        'await request.put(f"{URL}/ok"); {}["nope"]',
        "retrying",
        "INTERNAL",
        r"the plugin raised KeyError: 'nope' \(pinboard.py:\d+, in perform\)",
    ),
    "Bare": (
        'await request.put(f"{URL}/ok"); raise Exception',
        "retrying",
        "INTERNAL",
        r"the plugin raised Exception \(pinboard.py:\d+, in perform\)",
    ),
}
HELPER = """
async def in_a_group(request):
    async with asyncio.TaskGroup() as group:
        group.create_task(request.put(f"{URL}/503"))
        group.create_task(request.put(f"{URL}/ok"))
"""
CONFIG = """
plugin_files = ["pinboard.py"]

[host.egress]
allow = ["127.0.0.0/8", "::1"]

[sources.app]
write_key = "key"
"""
INSTANCE = """
[instances.{name}]
source = "app"
destination = "pinboard"

[[instances.{name}.subscriptions]]
name = "Notes"
action = "{name}"
trigger = 'type = "track"'
"""


@attrs.frozen
class Partner:
    """A server that answers with the status that a path ends in, and remembers every path."""

    url: str
    paths: list[str]


@pytest.fixture
async def partner() -> AsyncIterator[Partner]:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.raw_path)
        return web.Response(
            status=int(found[0]) if (found := re.findall(r"\d{3}$", paths[-1])) else 200
        )

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield Partner(f"http://127.0.0.1:{port}", paths)
    await runner.cleanup()


def written(folder: Path, url: str) -> Path:
    """The plugin and a configuration with an instance for each of its actions."""
    actions = "".join(ACTION.format(name=name, body=ACTIONS[name][0]) for name in ACTIONS)
    text = PLUGIN.replace("@ACTIONS@", HELPER + actions).replace("@NAMES@", ", ".join(ACTIONS))
    (folder / "pinboard.py").write_text(text.replace("@URL@", url))
    config = folder / "offramp.toml"
    config.write_text(CONFIG + "".join(INSTANCE.format(name=name) for name in ACTIONS))
    return config


async def ended(host: Host) -> dict[str, dict[str, str]]:
    """The deliveries of the event by action, once each was tried."""
    url = f"{host.url}/api/events/{quote(HOSTILE, safe='')}"
    headers = {"Authorization": f"Bearer {host.token.value}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(PATIENCE):
        while True:
            async with session.get(url) as answer:
                answered = await answer.json()
            if answer.status == 200:
                [event] = answered["events"]
                found = {
                    each["subscription"].partition("/")[0]: each for each in event["deliveries"]
                }
                if all(each["stage"] != "waiting" for each in found.values()):
                    return found
            await asyncio.sleep(0.1)


async def test_what_an_author_gets_wrong_is_told_by_a_host_that_serves(
    tmp_path: Path, partner: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    """Each with its end and reason, file and line; blocking is logged; no request goes astray."""
    config = written(tmp_path, partner.url)
    with caplog.at_level(logging.WARNING):
        async with running(config, tmp_path / "data") as host:
            async with (
                aiohttp.ClientSession(headers={"Authorization": "Basic a2V5Og=="}) as session,
                session.post(f"{host.url}/v1/batch", json={"batch": [usage(HOSTILE)]}) as answer,
            ):
                assert answer.status == 200
            found = await ended(host)
    for name, (_, stage, reason, message) in ACTIONS.items():
        each = found[name]
        assert (name, each["stage"], each["reason"]) == (name, stage, reason), json.dumps(each)
        assert re.search(message, each["message"] or ""), (name, each["message"])
    assert not any("admin/delete" in path for path in partner.paths)
    assert "/notes/" + quote(HOSTILE, safe="") in partner.paths
    assert "/taken" not in partner.paths
    blocked = [r.getMessage() for r in caplog.records if "blocks the event loop" in r.getMessage()]
    assert any("pinboard.py" in each and "Blocking" in each for each in blocked), blocked
    traces = [r.getMessage() for r in caplog.records if r.name == "offramp.delivery.failures"]
    assert any("KeyError: 'nope'" in each and "Traceback" in each for each in traces)
