"""A destination all of whose texts are markup, and a partner that answers with markup."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import attrs
from aiohttp import web
from tests.listening import listening

from offramp import Action, Destination, Preset, Request, field, hookimpl, path, setting

#: Would open dialogs, where a page took it for markup; names take no `/`.
MARKUP = "<img src=x onerror=alert(1)><script>alert(2)"
SLUG, PRESET = "hostile", f"Preset {MARKUP}"


@attrs.frozen
class Settings:
    """Where the partner is."""

    url: str = setting(label=f"Address {MARKUP}", description=f"Where it is {MARKUP}")


@attrs.frozen
class Note:
    """What is sent."""

    text: str = field(
        label=f"Text {MARKUP}", description=f"What it says {MARKUP}", default=path("$.event")
    )


class Send(Action[Settings, Note]):
    """Sends to the address of the settings."""

    slug, title, description = "send", f"Send {MARKUP}", f"Send a note {MARKUP}"

    async def perform(self, request: Request[Settings], payload: Note) -> None:
        """Send one note."""
        await request.post(request.settings.url, json={"text": payload.text})


hostile = Destination(
    slug=SLUG,
    name=f"Notes {MARKUP}",
    settings=Settings,
    actions=[Send],
    presets=[Preset(name=PRESET, action="send", trigger='type = "track"')],
)


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """This one."""
    return [hostile]


@asynccontextmanager
async def refusing() -> AsyncIterator[str]:
    """A partner that refuses every request, and says so in markup."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=400, text=f"Refused {MARKUP}", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with listening(app) as url:
        yield url
