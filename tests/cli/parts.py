"""Hosts for the tests of the command line: in this process, and in one of their own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
from tests.listening import LOCAL_EGRESS

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.load import open_file
from offramp.config import HostSettings
from offramp.host.run import Host, run_host

PATIENCE = 20.0


COMMAND = [sys.executable, "-c", "from offramp.cli import main; main()"]


@attrs.define
class Process:
    """A host in a process of its own."""

    process: asyncio.subprocess.Process
    url: str

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def serving(
    config: Path, metronome: str, command: Sequence[str] = COMMAND
) -> AsyncIterator[Process]:
    """`offramp serve`, ready."""
    process = await asyncio.create_subprocess_exec(
        *command, "serve", str(config), "--port", "0",
        cwd=config.parent,
        env={**os.environ, "METRONOME_BASE_URL": metronome, "COLUMNS": "200"},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Process(process, await asyncio.wait_for(_url(process), PATIENCE))
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _url(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    heard = []
    async for line in process.stderr:
        heard.append(line.decode())
        found = re.search(r"(http://127\.0\.0\.1:\d+)/v1/batch", heard[-1])
        if found:
            return found[1]
    raise AssertionError("the host did not start: " + "".join(heard))


@asynccontextmanager
async def running(file: Path | None, folder: Path) -> AsyncIterator[Host]:
    """A host, from a file or from what its folder holds."""
    opened = None if file is None else open_file(Context(), file)
    catalog = Context().catalog if opened is None else opened.catalog
    usual = HostSettings(egress_settings=LOCAL_EGRESS)
    settings = attrs.evolve(usual if opened is None else opened.host, port=0)
    written = None if opened is None else opened.config
    async with run_host(written, catalog, settings, folder=folder) as host:
        yield host


async def ask(host: Host, method: str, path: str, body: object = None) -> int:
    """The status of a call of the control API."""
    headers = {"Authorization": f"Bearer {host.token.value}"}
    data = None if body is None else _json.dumps(body)
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{host.url}/api/{path}", data=data) as answer,
    ):
        return answer.status


def write(path: Path, text: str | None) -> None:
    """Another file in its place, or none."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
