"""Metronome at a URL of the instance's own, so that one of many can be dead: a plugin file.

Metronome's own plugin asks one variable for the URL, which is that of the whole host.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from offramp import Action, Destination, Request, hookimpl, setting, wire
from offramp_metronome.destination import SendEvent
from offramp_metronome.usage import UsageEvent


@attrs.frozen
class Settings:
    """What an operator configures."""

    url: str = setting(label="URL")


class SendElsewhere(Action[Settings, UsageEvent]):
    """Posts usage events as Metronome's own action does."""

    slug = SendEvent.slug
    title = SendEvent.title
    idempotency = SendEvent.idempotency
    batch = SendEvent.batch

    async def perform(self, request: Request[Settings], payload: UsageEvent) -> None:
        """Send one event."""
        await self.perform_batch(request, [payload])

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[UsageEvent]
    ) -> None:
        """Send events to `/v1/ingest` of the URL."""
        url = f"{request.settings.url}/v1/ingest"
        await request.post(url, json=[wire(payload) for payload in payloads])


elsewhere = Destination(
    slug="elsewhere", name="Elsewhere", settings=Settings, actions=[SendElsewhere]
)


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """The one that is measured."""
    return [elsewhere]
