"""A real host, the emulator of its destination, and a source: what the console is tried on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import attrs
from segment.analytics.client import Client
from tests.listening import LOCAL_EGRESS

from offramp import _json
from offramp.cli.context import Context
from offramp.config import HostSettings
from offramp.host.run import Host, run_host
from offramp.plugins import Catalog
from offramp_metronome.emulator import Emulator

PATIENCE = 20.0
#: The token that the emulator takes.
METRONOME_TOKEN = "token-for-the-emulator"
WRITE_KEY = "write-key-of-the-shop"
SOURCE, INSTANCE, SLUG = "shop", "Metronome Instance #1", "metronome-actions"
#: The mapping of the guide, and its trigger.
SUBSCRIPTION: Mapping[str, Any] = {
    "name": "Billing events",
    "action": "sendEvent",
    "trigger": 'type = "track" and !contains(userId, "@company.com")',
    "mapping": {
        "transaction_id": {"@path": "$.messageId"},
        "customer_id": {"@path": "$.properties.cid"},
        "timestamp": {"@path": "$.properties.ts"},
        "event_type": {"@path": "$.properties.t"},
        "properties": {"@path": "$.properties.data"},
    },
}


def billing_event(**changes: Any) -> dict[str, Any]:
    """The properties of the guide's event; of now, as Metronome takes none older than 34 days."""
    return {
        "cid": "533c3db43f22",
        "data": {"action": "runJob", "jobId": "fd82-aa0f-45a7-a756", "username": "jsmith"},
        "t": "user_action",
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        **changes,
    }


@attrs.define
class Scene:
    """A host that can be stopped and started again at the same address."""

    folder: Path
    emulator: Emulator
    #: What the host offers; the default is what is installed.
    catalog: Catalog = attrs.field(factory=lambda: Context().catalog)
    _host: Host | None = None
    _port: int = 0
    _stack: AsyncExitStack = attrs.field(factory=AsyncExitStack)

    @property
    def host(self) -> Host:
        """The running host."""
        assert self._host is not None, "the host is stopped"
        return self._host

    @property
    def url(self) -> str:
        """Address of the console, also while the host is stopped."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start the host, from what its folder holds."""
        settings = HostSettings(port=self._port, egress_settings=LOCAL_EGRESS)
        running = run_host(None, self.catalog, settings, folder=self.folder)
        self._host = await self._stack.enter_async_context(running)
        self._port = int(self._host.url.rpartition(":")[2])

    async def stop(self) -> None:
        """Stop the host as `offramp serve` does."""
        self._host = None
        await self._stack.aclose()

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call an operation of the control API, which must succeed."""
        headers = {"Authorization": f"Bearer {self.host.token.value}"}
        data = None if body is None else _json.dumps(body)
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.url}/api/{path}", data=data) as answer,
        ):
            text = await answer.read()
            assert answer.status < 300, f"{method} {path}: {answer.status} {text.decode()}"
            return _json.loads(text) if text else None

    async def add_source(self) -> None:
        """Add the source whose write key the SDK uses."""
        await self.call("POST", "sources", {"name": SOURCE, "write_key": WRITE_KEY})

    async def add_instance(self) -> str:
        """Add source, instance and the guide's mapping, all enabled; return the mapping's id."""
        await self.add_source()
        settings = {"apiToken": METRONOME_TOKEN}
        body = {"name": INSTANCE, "source": SOURCE, "destination": SLUG, "settings": settings}
        await self.call("POST", "instances", body)
        answer = await self.call("POST", "subscriptions", {"instance": INSTANCE, **SUBSCRIPTION})
        id_: str = answer["subscription"]["id"]
        await self.call("POST", f"subscriptions/{quote(id_, safe='')}/enable")
        return id_

    async def track(
        self,
        event: str,
        properties: Mapping[str, Any],
        *,
        user: str = "u1",
        write_key: str = WRITE_KEY,
        **more: Any,
    ) -> str:
        """Send an event by Segment's SDK, and wait until nothing is in flight; return its id."""
        errors: list[Any] = []
        client = Client(
            write_key,
            host=self.url,
            upload_interval=0.02,
            on_error=lambda error, _: errors.append(error),
        )
        _, message = client.track(user, event, dict(properties), **more)
        await asyncio.to_thread(client.flush)
        await asyncio.to_thread(client.join)
        assert not errors
        assert await self.host.wait_until_idle(timeout=PATIENCE)
        message_id: str = message["messageId"]
        return message_id


@asynccontextmanager
async def playing(folder: Path, **more: Any) -> AsyncIterator[Scene]:
    """A host without any configuration, beside a running emulator."""
    async with Emulator(token=METRONOME_TOKEN) as emulator:
        scene = Scene(folder, emulator, **more)
        await scene.start()
        try:
            yield scene
        finally:
            await scene.stop()
