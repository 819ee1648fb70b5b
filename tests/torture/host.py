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
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import attrs
from tests.torture import serve

from offramp.storage.store import DATABASE_FILE

PATIENCE_SECONDS: Final = 30.0
COMMAND: Final = (sys.executable, str(Path(serve.__file__)), "serve")
KEY: Final = "torture-key"
TOKEN: Final = "torture-secret-token"
API_TOKEN: Final = "torture-token-of-the-control-api"
SOURCE: Final = "torture"
INSTANCE: Final = "metronome"
SUBSCRIPTION: Final = f"{INSTANCE}/Usage"
#: The label of the key that a source was made with.
FIRST_LABEL: Final = "default"
CONFIG: Final = """
[host]
api_token = "{api_token}"

[host.egress]
allow = ["127.0.0.0/8", "::1"]

[sources.{source}]
{keys}

[instances.{instance}]
destination = "metronome-actions"
source = "{source}"
settings = {{ apiToken = "file:{token_file}" }}

[[instances.{instance}.subscriptions]]
name = "Usage"
action = "sendEvent"
trigger = 'type = "track" and event = "usage"'
[instances.{instance}.subscriptions.mapping]
customer_id = {{ "@path" = "$.properties.customer" }}
"""


@attrs.define
class HostProcess:
    """`offramp serve` on one data folder; as a context manager it leaves no process behind."""

    folder: Path
    metronome: str
    #: More variables of its environment.
    environment: Mapping[str, str] = attrs.field(factory=dict)
    #: Label -> write key, the newest last.
    keys: dict[str, str] = attrs.field(factory=lambda: {FIRST_LABEL: KEY})
    url: str = ""
    starts: int = 0
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None
    log: list[str] = attrs.field(factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await self.kill()

    def prepare(self) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.set_clock(0)
        self.write_token(TOKEN)
        self.write_config()

    def write_token(self, token: str) -> None:
        """Write the partner's token, to which the configuration refers."""
        self._token_file.write_text(token)

    def write_config(self) -> None:
        """Write the configuration with the write keys that there are now."""
        lines = [
            f"{'write_key' if label == FIRST_LABEL else f'write_keys.{label}'} = {key!r}"
            for label, key in self.keys.items()
        ]
        text = CONFIG.format(
            api_token=API_TOKEN,
            source=SOURCE,
            keys="\n".join(lines),
            instance=INSTANCE,
            token_file=self._token_file,
        )
        (self.folder / "offramp.toml").write_text(text)

    @property
    def key(self) -> str:
        """The write key that the clients send with: the newest."""
        return list(self.keys.values())[-1]

    def set_clock(self, seconds: float) -> None:
        """Let its wall clock be ahead by so much from now on, or behind."""
        self._clock.touch()
        with self._clock.open("r+b") as file:  # in place: the host has it mapped
            file.write(serve.SECONDS.pack(seconds))

    @property
    def database(self) -> Path:
        """The file that holds everything."""
        return self.data / DATABASE_FILE

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "offramp-data"

    @property
    def _clock(self) -> Path:
        return self.folder / "clock"

    @property
    def _token_file(self) -> Path:
        return self.folder / "partner-token"

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
                 serve.VARIABLE: str(self._clock),
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
