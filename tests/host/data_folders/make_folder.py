"""Makes a data folder with the host of an earlier version, which must be the one on the path.

See README.md beside this file. The folder gets a delivery in each state, and `before.json` says
what that version's own ledger knew of every event.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import attrs
from aiohttp import web

from offramp.config import HostSettings
from offramp.queue import SqliteLedger
from offramp.storage import Store

API_TOKEN = "token-of-the-control-api"
COMMAND = (sys.executable, "-c", "from offramp.cli import main; main()", "serve")
PATIENCE_SECONDS = 30.0
#: Names that keys of the configuration had at 5f01e63.
OLD_NAMES = {"api_token": "token", "max_concurrency": "concurrency"}
CONFIG = """
[host]
api_token = "{token}"

[sources.site]
write_key = "wk_site"

[sources.app]
write_key = "wk_app"

[instances.billing]
destination = "metronome-actions"
source = "site"
max_concurrency = 1
settings = {{ apiToken = "token-of-billing" }}

[[instances.billing.subscriptions]]
name = "Usage"
action = "sendEvent"
trigger = 'type = "track"'
[instances.billing.subscriptions.mapping]
customer_id = {{ "@path" = "$.userId" }}

[[instances.billing.subscriptions]]
name = "Sold"
action = "sendEvent"
trigger = 'event = "Sold"'
[instances.billing.subscriptions.mapping]
customer_id = "sold"

[instances.crm]
destination = "metronome-actions"
source = "app"
max_concurrency = 1
settings = {{ apiToken = "token-of-crm" }}

[[instances.crm.subscriptions]]
name = "Usage"
action = "sendEvent"
trigger = 'type = "track"'
[instances.crm.subscriptions.mapping]
customer_id = "crm"
"""
REMOVED = """
[[instances.crm.subscriptions]]
name = "Gone"
action = "sendEvent"
trigger = 'event = "Sold"'
[instances.crm.subscriptions.mapping]
customer_id = "gone"
"""


class Partner:
    """Stands for Metronome: what it answers depends on the ids that it gets."""

    def __init__(self) -> None:
        self.url = ""
        #: Tokens whose requests get no answer.
        self.silent: set[str] = set()
        #: Beginnings of ids that get another answer than 200, and how often.
        self.refused: dict[str, tuple[int, int]] = {"again": (503, 1), "bad": (400, 1_000)}

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/ingest", self._ingest)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _ingest(self, request: web.Request) -> web.Response:
        if request.headers["Authorization"].removeprefix("Bearer ") in self.silent:
            await asyncio.sleep(3_600)
        for event in await request.json():
            for beginning, (status, times) in self.refused.items():
                if event["transaction_id"].startswith(beginning) and times:
                    self.refused[beginning] = status, times - 1
                    return web.json_response({"message": "not now"}, status=status)
        return web.json_response({"accepted": True})


class RunningHost:
    """`offramp serve` in a process of its own."""

    process: asyncio.subprocess.Process

    def __init__(self, folder: Path, partner: Partner) -> None:
        self.folder = folder
        self.partner = partner
        self.url = ""

    async def start(self, config: str) -> None:
        self.folder.mkdir(exist_ok=True)
        file = self.folder.parent / "offramp.toml"
        file.write_text(config)
        self.process = await asyncio.create_subprocess_exec(
            *COMMAND,
            str(file),
            "--port",
            "0",
            "--data-dir" if "data_dir" in known_options() else "--data",
            str(self.folder),
            env={**os.environ, "METRONOME_BASE_URL": self.partner.url, "COLUMNS": "200"},
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stderr is not None
        while not self.url:
            line = (await self.process.stderr.readline()).decode()
            assert line, "the host ended"
            found = re.search(r"(http://[\d.:]+)/v1", line)
            self.url = found[1] if found else ""

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        self.url = ""

    async def send(self, source: str, *events: dict[str, Any]) -> None:
        key = base64.b64encode(f"wk_{source}:".encode()).decode()
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Basic {key}"}) as session,
            session.post(f"{self.url}/v1/batch", json={"batch": events}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def replay(self, message_id: str) -> None:
        [(number, _)] = self.deliveries(message_id)
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for path in ("replays", "replay"):
                body = {"ids": [str(number)]}
                async with session.post(f"{self.url}/api/{path}", json=body) as answer:
                    if answer.status < 300:
                        return
        raise AssertionError(await answer.text())

    def deliveries(self, message_id: str) -> list[tuple[int, int]]:
        with closing(sqlite3.connect(self.folder / "offramp.sqlite3")) as connection:
            return connection.execute(
                """
                SELECT deliveries.id, state
                FROM deliveries JOIN events ON seq = deliveries.id >> 16
                WHERE message_id = ? ORDER BY deliveries.id
                """,
                (message_id,),
            ).fetchall()

    async def until(self, message_id: str, *states: int) -> None:
        """Wait until the deliveries of an event are in these states."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Another process changes it.
            while [state for _, state in self.deliveries(message_id)] != list(states):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


WAITING, RETRYING, DELIVERED, FILTERED, REJECTED, EXPIRED = range(6)


def known_options() -> set[str]:
    return set(HostSettings.__annotations__)


def track(message_id: str, name: str = "Used", **more: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "type": "track",
        "event": name,
        "messageId": message_id,
        "userId": "u1",
    }
    event["properties"] = {"n": 1}
    return {**event, "timestamp": datetime.now(UTC).isoformat(), **more}


async def live(host: RunningHost, config: str, removed: str) -> None:
    """What happened to the folder."""
    partner = host.partner
    await host.start(config + removed)
    await host.send(
        "site",
        *(track(f"delivered-{n}", "Sold" if n % 2 else "Used") for n in range(6)),
        *(
            {"type": "page", "name": "Home", "messageId": f"filtered-{n}", "userId": "u"}
            for n in range(2)
        ),
        track("invalid-1", userId=None, anonymousId="a"),
    )
    await host.until("delivered-5", DELIVERED, DELIVERED)
    await host.until("invalid-1", REJECTED)
    await host.send("site", track("again-1"))
    await host.until("again-1", DELIVERED)
    await host.send("site", track("bad-1"), track("bad-2"), track("bad-3"))
    for n in range(1, 4):
        await host.until(f"bad-{n}", REJECTED)
    await host.send("site", track("delivered-1", "Sold"), track("delivered-6"))
    partner.refused.pop("bad")
    await host.replay("bad-1")
    await host.until("bad-1", DELIVERED)
    partner.refused["retrying"] = 503, 1_000
    await host.send("site", track("retrying-1"), track("retrying-2"))
    await host.until("retrying-2", RETRYING)
    await host.send("app", track("delivered-1"), track("app-1", "Sold"))
    await host.until("app-1", DELIVERED, DELIVERED)
    partner.silent |= {"token-of-billing", "token-of-crm"}
    await host.send("app", track("stuck-1", "Sold"))
    await asyncio.sleep(1)
    await host.send("app", *(track(f"gone-{n}", "Sold") for n in range(3)), track("waiting-0"))
    await asyncio.sleep(0.5)
    await host.kill()
    # What waited in a subscription that is no longer configured expires.
    await host.start(config)
    await host.until("gone-2", WAITING, EXPIRED)
    await host.send("site", track("stuck-2"))
    await asyncio.sleep(1)
    await host.replay("bad-2")
    await host.until("bad-2", WAITING)
    await host.send("site", *(track(f"waiting-{n}", "Sold") for n in range(1, 4)))
    await host.send("site", track("waiting-1", "Sold"))
    await host.kill()


async def read_events(folder: Path) -> dict[str, Any]:
    """What the version's own ledger knows; opening and closing folds its log into the file."""
    async with Store.open(folder) as store:
        ledger: Any = SqliteLedger(store)
        ids = await store.read(
            lambda c: [row[0] for row in c.execute("SELECT DISTINCT message_id FROM events")]
        )
        events = [event for each in ids for event in await ledger.event(each)]
        names = await store.read(lambda c: [row[0] for row in c.execute("SELECT name FROM lanes")])
        audit = await ledger.audit()
        assert audit.faults == ()
        return {
            "events": sorted(map(as_data, events), key=json.dumps),
            "counts": [as_data(each) for each in await ledger.counts(0, 1e11)],
            "latencies": {each: as_data(await ledger.latency(each)) for each in names},
            "deliveries": audit.deliveries,
        }


def as_data(value: Any) -> Any:
    """A value of the ledger as JSON; its numbers of deliveries may change, so they are left out."""
    match value:
        case bytes():
            return value.decode()
        case tuple():
            return [as_data(each) for each in value]
        case str() | int() | float() | None:
            return value
    names = [attribute.name for attribute in attrs.fields(type(value))]
    return {name: as_data(getattr(value, name)) for name in names if name != "id"}


async def main(target: Path) -> None:
    """Make the folder, and write its text, key and `before.json` to `target`."""
    partner = Partner()
    runner = await partner.start()
    config, removed = CONFIG.format(token=API_TOKEN), REMOVED.format()
    if "api_token" not in known_options():
        for name, old_name in OLD_NAMES.items():
            config = config.replace(name, old_name)
    folder = target / "work" / "data"
    folder.parent.mkdir(parents=True)
    host = RunningHost(folder, partner)
    try:
        await live(host, config, removed)
    finally:
        if host.url:
            await host.kill()
        await runner.cleanup()
    known = await read_events(folder)
    (target / "before.json").write_text(json.dumps(known, indent=1) + "\n")
    with closing(sqlite3.connect(folder / "offramp.sqlite3")) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        lines = [f"PRAGMA user_version = {version};", *connection.iterdump()]
    (target / "offramp.sql").write_text("\n".join(lines) + "\n")
    (target / "secret.key").write_bytes((folder / "secret.key").read_bytes())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve()))
