"""From an SDK's request through `offramp serve` to a partner, while processes are killed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import aiohttp

from offramp.testing import LocalPartner

OFFRAMP = Path(sys.executable).with_name("offramp")
PATIENCE = 30.0
EVENTS = 120
API_TOKEN = "token-of-the-test"
#: Six lines configure a destination; the rest is the test's own partner.
CONFIG = f"""
plugin_files = ["to_partner.py"]

[host]
api_token = "{API_TOKEN}"
egress.allow = ["127.0.0.0/8"]

[sources.site]
write_key = "key-of-the-site"

[plugins.segment]
destinations = ["actions-slack"]

[instances.chat]
destination = "actions-slack"
source = "site"

[[instances.chat.subscriptions]]
name = "messages"
action = "postToChannel"
trigger = 'type = "track"'
mapping = {{ url = "https://hooks.slack.com/services/T/B", text = {{ "@path" = "$.event" }} }}
"""
TO_PARTNER = '''
"""Sends every request to the partner of the test."""

import os

from offramp import hookimpl


@hookimpl
def offramp_middleware(destination):
    async def send(outgoing, handler):
        outgoing.url = outgoing.url.replace("https://hooks.slack.com", os.environ["PARTNER"])
        return await handler(outgoing)

    return [send]
'''


@contextlib.asynccontextmanager
async def serving(
    folder: Path, partner: LocalPartner
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`offramp serve` in a process of its own: its address, and the process."""
    file, data, log = folder / "offramp.toml", folder / "data", folder / "log"
    file.write_text(CONFIG)
    file.with_name("to_partner.py").write_text(TO_PARTNER)
    address = data / "url"
    address.unlink(missing_ok=True)
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            OFFRAMP, "serve", file, "--port", "0", "--data-dir", data,
            stderr=errors, env={**os.environ, "PARTNER": partner.url},
        )  # fmt: skip
    try:
        await until(lambda: address.is_file() and address.read_text() != "")
        yield address.read_text().strip(), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


async def send(url: str, numbers: Iterable[int]) -> None:
    """Send events as an SDK does."""
    key = base64.b64encode(b"key-of-the-site:").decode()
    batch = [
        {"type": "track", "event": f"E{n}", "userId": "u", "messageId": f"m{n}"} for n in numbers
    ]
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {key}"}) as session,
        session.post(f"{url}/v1/batch", json={"batch": batch}) as answer,
    ):
        assert answer.status == 200


async def status(url: str) -> dict[str, Any]:
    """The counts of the one subscription."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {API_TOKEN}"}) as session,
        session.get(f"{url}/api/status") as answer,
    ):
        [found] = (await answer.json())["subscriptions"]
        return dict(found)


def workers_of(process: asyncio.subprocess.Process) -> list[int]:
    """The processes of Node.js that a host has started."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdecimal():
                line = (folder / "stat").read_text().rpartition(")")[2].split()
                is_worker = b"worker.cjs" in (folder / "cmdline").read_bytes()
                if int(line[1]) == process.pid and is_worker:
                    found.append(int(folder.name))
    return found


def is_running(process: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_nothing_is_lost_when_workers_and_the_host_are_killed(tmp_path: Path) -> None:
    """Kill -9 of the worker and of the host under load: each event arrives, some of them twice."""
    with LocalPartner() as partner:
        partner.post("/services/T/B", body="ok", repeat=True, delay=0.02)

        def arrived() -> Counter[bytes]:
            return Counter(each.body for each in partner.requests)

        async with serving(tmp_path, partner) as (url, process):
            await send(url, range(EVENTS // 2))
            await until(lambda: len(arrived()) > 5)
            [worker] = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            await until(lambda: len(arrived()) > 20)
            process.kill()
            await process.wait()
        async with serving(tmp_path, partner) as (url, process):
            await send(url, range(EVENTS // 2, EVENTS))

            async def settled() -> bool:
                return bool((await status(url))["delivered"] == EVENTS)

            await until(settled)
            [worker] = workers_of(process)
        assert len(arrived()) == EVENTS
        # The host took its worker with it.
        assert not is_running(worker)
    log = (tmp_path / "log").read_text()
    assert "workers of Segment's destinations: 1" in log
    assert "no file system" in log
