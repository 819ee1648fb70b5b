"""Runs the command line as a user does: arguments and standard input in, texts and a status out."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import attrs
import pytest

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.load import open_file
from offramp.cli.program import run
from offramp.host.run import Host, run_host
from offramp_metronome.emulator import Emulator


@attrs.frozen
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Standard output as NDJSON."""
        return [_json.loads(line) for line in self.out.splitlines()]


Offramp = Callable[..., Result]


@pytest.fixture(autouse=True)
def log_of_the_test() -> Iterator[None]:
    """Take away the log that `serve` starts: its stream ends with the test."""
    yield
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)


@pytest.fixture
def offramp(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Offramp:
    """Run `offramp ARGUMENTS`, with `stdin` as its standard input."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object, stdin: str | bytes = b"") -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capsys.readouterr()
        try:
            status = run([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return call


CONFIG = """
[host.egress]
allow = ["127.0.0.0/8", "::1"]

[sources.product]
write_key = "product-key"

[instances.metronome]
destination = "metronome-actions"
source = "product"
settings = { apiToken = "env:METRONOME_TOKEN" }

[[instances.metronome.subscriptions]]
name = "Billing events"
action = "sendEvent"
trigger = 'type = "track" and event = "billing_event" and !contains(userId, "@company.com")'
[instances.metronome.subscriptions.mapping]
customer_id = { "@path" = "$.properties.cid" }
timestamp = { "@path" = "$.properties.ts" }
event_type = { "@path" = "$.properties.t" }
properties = { "@path" = "$.properties.data" }
"""

#: Seconds for what should take none.
PATIENCE = 20.0
SUBSCRIPTION = "metronome/Billing events"

TOKEN = "a-secret-metronome-token"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good configuration file, its token in the environment."""
    monkeypatch.setenv("METRONOME_TOKEN", TOKEN)
    path = tmp_path / "offramp.toml"
    path.write_text(CONFIG)
    return path


def usage(message_id: str = "m1", **changes: Any) -> dict[str, Any]:
    """The billing event of Metronome's own guide to Segment."""
    return {
        "type": "track",
        "event": "billing_event",
        "userId": "user_42",
        "messageId": message_id,
        "properties": {
            "cid": "533c3db43f22",
            "data": {"action": "runJob", "jobId": "fd82-aa0f-45a7-a756", "username": "jsmith"},
            "t": "user_action",
            "ts": "2026-11-20T00:10:25.000Z",
        },
        **changes,
    }


def ndjson(*events: Any) -> bytes:
    """Events as standard input."""
    return b"".join(_json.dumps(event) + b"\n" for event in events)


@attrs.define
class Live:
    """A host and an emulator in a thread of their own."""

    loop: asyncio.AbstractEventLoop
    host: Host
    emulator: Emulator
    file: Path

    def send(self, *events: dict[str, Any]) -> None:
        """Accept events and wait for their end."""
        asyncio.run_coroutine_threadsafe(self._send(events), self.loop).result(PATIENCE)

    async def _send(self, events: tuple[dict[str, Any], ...]) -> None:
        await self.host.engine.accept("product", events)
        assert await self.host.wait_until_idle(timeout=PATIENCE)

    def settle(self) -> None:
        """Wait until nothing is on its way."""
        self.send()


@pytest.fixture
def live(config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A running host, which the commands find by the file in their folder."""
    monkeypatch.chdir(config.parent)
    started = Event()
    box: dict[str, Any] = {}

    async def main() -> None:
        async with Emulator(token=TOKEN) as emulator:
            monkeypatch.setenv("METRONOME_BASE_URL", emulator.url)
            file = open_file(Context(), config)
            settings = attrs.evolve(file.host, port=0)
            async with run_host(
                file.config, file.catalog, settings, folder=settings.data_dir
            ) as host:
                box["stop"] = asyncio.Event()
                box["live"] = Live(asyncio.get_running_loop(), host, emulator, config)
                started.set()
                await box["stop"].wait()

    def run_it() -> None:
        try:
            asyncio.run(main())
        finally:
            started.set()

    thread = Thread(target=run_it)
    thread.start()
    assert started.wait(PATIENCE)
    yield box["live"]
    box["live"].loop.call_soon_threadsafe(box["stop"].set)
    thread.join(PATIENCE)


def nobody(message_id: str = "nobody") -> dict[str, Any]:
    """A usage event without a customer."""
    event = usage(message_id)
    del event["properties"]["cid"]
    return event


def flat(text: str) -> str:
    """A text without the breaks that the width of a terminal puts in."""
    return re.sub(r"\s+", " ", text)
