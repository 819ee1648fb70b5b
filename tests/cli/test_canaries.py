"""Secrets of every kind are planted in a host and looked for in everything that comes out."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import aiohttp
import attrs
import pytest
from aiohttp import web
from tests.cli.conftest import Offramp, ndjson

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.load import open_file
from offramp.host.run import Host, run_host

PLUGIN = Path(__file__).with_name("canary_plugin.py")
PATIENCE = 20.0
SUBSCRIPTION = "canary/all"

SETTING = "canary-setting-11111111"
REGION = "canary-region-222222222"
FIELD = "canary-field-3333333333"
FIELD_REFERENCE = "canary-fieldref-4444444"
PROPERTY = "canary-property-5555555"
WRITE_KEY = "canary-writekey-6666666"
TOKEN = "canary-token-7777777777"
#: What the mapping makes of an event that holds the last part alone.
MADE = "canary-made-88888888888"
SECRETS = (SETTING, REGION, FIELD, FIELD_REFERENCE, PROPERTY, WRITE_KEY, TOKEN, MADE)

CONFIG = f"""
plugin_files = ["{PLUGIN}"]

[host]
api_token = "env:CANARY_TOKEN"
port = 0

[host.egress]
allow = ["127.0.0.0/8", "::1"]

[sources.web]
write_key = "{WRITE_KEY}"

[instances.canary]
destination = "canary"
source = "web"
settings = {{ token = "{SETTING}", base = "BASE", region = "env:CANARY_REGION" }}

[[instances.canary.subscriptions]]
name = "all"
action = "send"
trigger = 'type = "track"'
[instances.canary.subscriptions.mapping]
hook = "{FIELD}"
key = "env:CANARY_FIELD"
made = {{ "@template" = "canary-made-{{{{properties.part}}}}" }}
[instances.canary.subscriptions.mapping.mail."@if"]
exists = {{ "@path" = "$.properties.mail" }}
then = {{ "@template" = "canary-made-{{{{properties.mail}}}}" }}
[instances.canary.subscriptions.mapping.login]
name = "a"
key = "{PROPERTY}"
"""


def an_event(message_id: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "e",
        "userId": "u",
        "messageId": message_id,
        "properties": {"part": "88888888888", **properties},
    }


EVENTS = [an_event(each) for each in ("200", "400", "500", "raises", "rejects")]
#: Its mail, once made, is none.
FAULTY = an_event("faulty", mail="88888888888")


@attrs.frozen
class Planted:
    """A running host, in a thread of its own."""

    loop: asyncio.AbstractEventLoop
    host: Host

    def run(self, work: Any) -> Any:
        """Have the host's loop do something."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


async def _echo(request: web.Request) -> web.Response:
    """Repeat whatever was sent, with the status that the path begins with."""
    message = f"{request.raw_path} {dict(request.headers)} {await request.text()}"
    return web.Response(status=int(request.match_info["status"]), text=message)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """The host with its secrets in place, and a partner that repeats them all."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "CANARY_TOKEN": TOKEN, "CANARY_REGION": REGION, "CANARY_FIELD": FIELD_REFERENCE,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    started, box = Event(), dict[str, Any]()

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/{status}/{rest:.*}", _echo)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        file = tmp_path / "offramp.toml"
        await asyncio.to_thread(file.write_text, CONFIG.replace("BASE", base))
        opened = open_file(Context(), file)
        folder = opened.host.data_dir
        async with run_host(opened.config, opened.catalog, opened.host, folder=folder) as host:
            box["stop"] = asyncio.Event()
            box["planted"] = Planted(asyncio.get_running_loop(), host)
            started.set()
            await box["stop"].wait()
        await runner.cleanup()

    def run() -> None:
        try:
            asyncio.run(main())
        finally:
            started.set()

    thread = Thread(target=run)
    thread.start()
    assert started.wait(PATIENCE)
    with ExitStack() as stack:
        stack.callback(thread.join, PATIENCE)
        stack.callback(lambda: box["planted"].loop.call_soon_threadsafe(box["stop"].set))
        yield box["planted"]


def test_no_secret_comes_out_of_a_host(
    planted: Planted, offramp: Offramp, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Not by any operation, endpoint or command, nor in the log or the data folder.

    Events are delivered, refused by the partner, refused by the plugin, and broken by it.
    """
    caplog.set_level(logging.DEBUG)
    said = planted.run(_ask_everything(planted.host))
    ends = planted.run(_stages(planted.host))
    assert {"delivered", "rejected", "retrying"} <= set(ends), ends
    for name, arguments, stdin in _commands():
        answer = offramp(*arguments, stdin=stdin)
        assert answer.status in (0, 1), (name, answer.err)
        said[name] = answer.out + answer.err
    said["the log"] = caplog.text
    for file in (tmp_path / "offramp-data").iterdir():
        if file.is_file():
            said[str(file)] = file.read_bytes().decode(errors="replace")
    assert "canary-plain" in "".join(said.values()), "what is no secret is shown"
    leaks = [
        (where, secret) for where, text in said.items() for secret in SECRETS if secret in text
    ]
    assert leaks == []


async def _ask_everything(host: Host) -> dict[str, str]:
    """What every operation and endpoint answers, by its name."""
    said: dict[str, str] = {}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask(method: str, path: str, body: Any = None) -> Any:
            data = None if body is None else _json.dumps(body)
            async with session.request(method, host.url + path, data=data) as answer:
                text = await answer.text()
                said[f"{method} {path} {body}"] = f"{answer.headers} {text}"
                return _json.loads(text) if text.startswith("{") else None

        await ask("POST", "/v1/batch", {"writeKey": WRITE_KEY, "batch": [*EVENTS, FAULTY]})
        await asyncio.sleep(1)
        for path in ("/livez", "/readyz", "/metrics"):
            await ask("GET", path)
        described = await ask("GET", "/api/openapi.json")
        for path in (path for path, methods in described["paths"].items() if "get" in methods):
            for value in ("web", "canary", quote(SUBSCRIPTION, safe=""), "raises"):
                filled = re.sub(r"{\w+}", value, path)
                await ask("GET", filled)
                await ask("GET", f"{filled}?subscription={quote(SUBSCRIPTION)}")
        for body in _bad_changes():
            await ask("PATCH", f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}", body)
        await ask("PATCH", "/api/instances/canary", {"settings": {"token": [SETTING]}})
        mapping = {"login": {"name": "canary-plain"}}
        body = {"mapping": mapping, "dry_run": True, "subscription": SUBSCRIPTION}
        await ask("POST", "/api/replays", body)
        for message in (*EVENTS, FAULTY):
            await ask("POST", "/api/explain", {"event": message, "subscription": SUBSCRIPTION})
        await ask(
            "POST", f"/api/subscriptions/{quote(SUBSCRIPTION, safe='')}/duplicate", {"name": "copy"}
        )
        exported = await ask("GET", "/api/config")
        await ask("POST", "/api/config?dry_run=true", exported["document"])
        named = {"mapping": {"login": {"name": "canary-plain"}}}
        await ask("PATCH", f"/api/subscriptions/{quote('canary/copy', safe='')}", named)
    return said


def _bad_changes() -> list[dict[str, Any]]:
    return [
        {"mapping": {"hook": {"@if": FIELD}}},
        {"mapping": {"hook": {FIELD: 1}}},
        {"mapping": {"hook": "***", "key": "***", "made": "***"}},
        {"mapping": {"hook": "env:CANARY_TOKEN"}},
        {"mapping": {"hook": "env:OFFRAMP_SECRET_KEY"}},
    ]


async def _stages(host: Host) -> list[str]:
    records = [await host.event(event["messageId"]) or {} for event in EVENTS]
    return [each["deliveries"][0]["stage"] for each in records]


def _commands() -> list[tuple[str, tuple[str, ...], bytes]]:
    reading = [
        ("status",), ("events",), ("events", "raises"), ("dead-letters",), ("export",),
        ("audit-log",),
        ("apply", "--dry-run"), ("check",), ("replay", "--all", "--dry-run"),
    ]  # fmt: skip
    trying = [("explain", "--json"), ("explain",), ("send",), ("bench",)]
    events = ndjson(*EVENTS, FAULTY)
    return [
        *((" ".join(each), each, b"") for each in reading),
        *((" ".join(each), each, events) for each in trying),
    ]
