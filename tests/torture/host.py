"""A host in a process of its own, to be killed, limited and started again."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiohttp
import attrs

PATIENCE_SECONDS: Final = 30.0
#: File of a host's folder: by how many seconds its wall clock is off; it looks at it soon.
CLOCK_FILE: Final = "clock"
CLOCK_BYTES: Final = 20
PROGRAM: Final = f"""
import os, time
# Opened once: an episode leaves no descriptors.
real, file, known = time.time, os.open({CLOCK_FILE!r}, os.O_RDONLY), [0.0, 0.0]
def stepped():
    now = time.monotonic()
    if now > known[0]:
        known[:] = now + 0.05, float(os.pread(file, {CLOCK_BYTES}, 0))
    return real() + known[1]
time.time = stepped
from offramp.cli import main
main()
"""
COMMAND: Final = (sys.executable, "-c", PROGRAM, "serve")
KEY: Final = "torture-key"
TOKEN: Final = "torture-secret-token"
API_TOKEN: Final = "torture-token-of-the-control-api"
SUBSCRIPTION: Final = "metronome/Usage"
CONFIG: Final = f"""
[host]
api_token = "{API_TOKEN}"

[sources.torture]
write_key = "{KEY}"

[instances.metronome]
destination = "metronome-actions"
source = "torture"
settings = {{ apiToken = "{TOKEN}" }}

[[instances.metronome.subscriptions]]
name = "Usage"
action = "sendEvent"
trigger = 'type = "track" and event = "usage"'
[instances.metronome.subscriptions.mapping]
customer_id = {{ "@path" = "$.properties.customer" }}
"""


@attrs.define
class HostProcess:
    """`offramp serve` on one data folder."""

    folder: Path
    metronome: str
    #: More variables of its environment.
    environment: Mapping[str, str] = attrs.field(factory=dict)
    url: str = ""
    starts: int = 0
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None
    log: list[str] = attrs.field(factory=list)

    def prepare(self, config: str = CONFIG) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "offramp.toml").write_text(config)
        (self.folder / CLOCK_FILE).touch()
        self.set_clock(0.0)

    def set_clock(self, seconds: float) -> None:
        """Set the wall clock of the host, so many seconds ahead of ours."""
        with (self.folder / CLOCK_FILE).open("r+b") as file:
            file.write(f"{seconds:>{CLOCK_BYTES}}".encode())

    async def start(
        self, *, file_bytes: int | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it, and wait until it takes events; `file_bytes` bounds every file it writes."""
        limit: Callable[[], None] | None = None
        if file_bytes is not None:
            bound = file_bytes
            limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound))  # noqa: E731
        self._process = await asyncio.create_subprocess_exec(
            *COMMAND, "offramp.toml", "--port", "0",
            cwd=self.folder,
            env={**os.environ, "METRONOME_BASE_URL": self.metronome, "COLUMNS": "200",
                 **self.environment, **(environment or {})},
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=limit,
        )  # fmt: skip
        self.starts += 1
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(ready))
        self.url = await asyncio.wait_for(ready, PATIENCE_SECONDS)

    async def kill(self) -> None:
        """Kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM, and its exit status; raises `TimeoutError` if it does not end in time."""
        return await self._end(signal.SIGTERM)

    async def in_flight(self) -> int:
        """Deliveries that have not ended, as the host's own figures have it."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            text = await answer.text()
        pattern = r'^offramp_queue_depth{.*state="(?:waiting|retrying)".*} (\S+)$'
        return int(sum(map(float, re.findall(pattern, text, re.MULTILINE))))

    async def knows(self, message_id: str) -> bool:
        """Whether the host has stored an event."""
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        url = f"{self.url}/api/events/{quote(message_id, safe='')}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(url) as answer,
        ):
            assert answer.status in {200, 404}, f"{answer.status}: {await answer.text()}"
            return answer.status == 200

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        return self._process.pid

    @property
    def open_files(self) -> int:
        """Descriptors that the process has open now."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def rss_bytes(self) -> int:
        """Memory that the process holds now."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    async def _end(self, number: int) -> int:
        assert self._process is not None
        assert self._reading is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        status = await asyncio.wait_for(self._process.wait(), PATIENCE_SECONDS)
        await self._reading
        return status

    async def _read(self, ready: asyncio.Future[str]) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self.log.append(line.decode(errors="replace"))
            found = re.search(r"(http://127\.0\.0\.1:\d+)/v1/batch", self.log[-1])
            if found and not ready.done():
                ready.set_result(found[1])
        if not ready.done():
            ready.set_exception(AssertionError("the host did not start: " + "".join(self.log)))
