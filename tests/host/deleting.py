"""A host whose one destination deletes users at a partner on this machine.

Run as `python -m tests.host.deleting FOLDER URL` it takes a request, and dies delivering it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from aiohttp import web
from tests.delivery.parts import Item
from tests.host.calls import PATIENCE, SOURCES, ask
from tests.listening import LOCAL_EGRESS, listening
from tests.plugins.small import catalog_of, declares

from offramp import Action, Destination, Request, setting
from offramp.config import Config, Document, HostSettings, parse_config
from offramp.definition.deletion import OnDelete
from offramp.host.run import Host, run_host

BUILT_IN = "crm/on_delete"


@attrs.frozen
class Settings:
    address: str = setting(label="Address of the partner")


class Send(Action[Settings, Item]):
    """Sends one item."""

    slug = "send"
    title = "Send"

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        await request.post(f"{request.settings.address}/items", json={"id": payload.id})


async def forget(request: Request[Settings], event: Mapping[str, Any]) -> None:
    """Ask the partner to forget a user."""
    assert event["type"] == "delete"
    ids = {key: event.get(key) for key in ("userId", "anonymousId")}
    await request.post(f"{request.settings.address}/forget", json=ids)


async def die(_: Request[Settings], __: Mapping[str, Any]) -> None:
    """Kill the host between the acceptance and the request."""
    os.kill(os.getpid(), signal.SIGKILL)


@attrs.define
class Forgetful:
    """A partner that notes whom it is to forget, and what else it gets."""

    url: str = ""
    #: With what it answers.
    status: int = 200
    forgotten: list[Any] = attrs.field(factory=list)
    items: list[Any] = attrs.field(factory=list)

    async def take(self, request: web.Request) -> web.Response:
        into = self.forgotten if request.path == "/forget" else self.items
        into.append(await request.json())
        return web.Response(status=self.status)


@asynccontextmanager
async def partner() -> AsyncIterator[Forgetful]:
    """One that listens."""
    made = Forgetful()
    app = web.Application()
    app.router.add_post("/{what}", made.take)
    async with listening(app) as made.url:
        yield made


def document(url: str, **source: Any) -> dict[str, Any]:
    """One instance, with a subscription that takes all events but requests for deletions."""
    instance = {
        "destination": "crm",
        "source": "site",
        "settings": {"address": url},
        "subscriptions": [{"name": "all", "action": "send", "trigger": 'type != "delete"'}],
    }
    return {"sources": {"site": {**SOURCES["site"], **source}}, "instances": {"crm": instance}}


@asynccontextmanager
async def hosting(
    folder: Path, url: str, on_delete: OnDelete | None = forget, **source: Any
) -> AsyncIterator[Host]:
    """A host on a data folder."""
    crm = Destination(
        slug="crm", name="CRM", settings=Settings, actions=[Send], on_delete=on_delete
    )
    catalog = catalog_of(declares("crm", crm))

    def written(current: Config) -> Config:
        data = Document(data=document(url, **source))
        return parse_config(data, catalog, current=current).config

    settings = HostSettings(port=0, egress_settings=LOCAL_EGRESS)
    async with run_host(written, catalog, settings, folder=folder) as host:
        yield host


async def main(folder: Path, url: str) -> None:
    """Take a request; its delivery kills this process."""
    async with hosting(folder, url, die) as host:
        body = {"source": "site", "user_id": "u1", "message_id": "d1"}
        await ask(host, "POST", "delete-requests", body)
        await asyncio.sleep(PATIENCE)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
