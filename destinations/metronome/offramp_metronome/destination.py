"""Metronome as a destination: the token, the one action, the preset, the sandbox."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from offramp import (
    Action,
    Batch,
    DeliveryError,
    Destination,
    Fault,
    Idempotency,
    InvalidAuthenticationError,
    OutgoingRequest,
    Preset,
    Request,
    RequestOptions,
    RunningSandbox,
    Sandbox,
    setting,
    wire,
)
from offramp_metronome.emulator import Emulator
from offramp_metronome.usage import MAX_EVENTS_PER_REQUEST, WINDOW, UsageEvent, refusals

#: The variable that Metronome's own SDK reads; set it to send to an emulator.
BASE_URL_VARIABLE: Final = "METRONOME_BASE_URL"
BASE_URL: Final = "https://api.metronome.com"

BAD_REQUEST: Final = 400
REFUSED_TOKEN: Final = (401, 403)

#: The API token that the sandbox accepts; it opens nothing else.
SANDBOX_TOKEN: Final = "sandbox-token"  # noqa: S105 - public
#: Events that the sandbox keeps, the latest: some 1 MB.
SANDBOX_EVENTS: Final = 1_000


@attrs.frozen
class Settings:
    """The settings that an operator configures."""

    api_token: str = setting(
        key="apiToken",
        type="password",
        label="API Token",
        description="Your Metronome API Token",
    )


class SendEvent(Action[Settings, UsageEvent]):
    """Sends usage events to `/v1/ingest`, up to 100 per request."""

    slug = "sendEvent"
    title = "Send Event"
    description = "Send an event to Metronome"
    idempotency = Idempotency(key="transaction_id", window=WINDOW)
    batch = Batch(max_events=MAX_EVENTS_PER_REQUEST)

    async def perform(self, request: Request[Settings], payload: UsageEvent) -> None:
        """Send one event."""
        await self.perform_batch(request, [payload])

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[UsageEvent]
    ) -> None:
        """Send events; Metronome accepts all of them or, if one is bad, none."""
        await request.post(ingest_url(), json=[wire(payload) for payload in payloads])

    def validate(self, payload: UsageEvent, *, now: datetime, **_: object) -> Iterable[Fault]:
        """The faults for which Metronome would refuse the whole batch."""
        return refusals(payload, now=now)


def ingest_url() -> str:
    """The URL to which usage events are sent."""
    return os.environ.get(BASE_URL_VARIABLE, BASE_URL) + "/v1/ingest"


def authenticate(outgoing: OutgoingRequest) -> RequestOptions:
    """The token as a bearer token."""
    settings = outgoing.settings_as(Settings)
    return RequestOptions(headers={"Authorization": f"Bearer {settings.api_token}"})


async def check_token(request: Request[Settings]) -> None:
    """Send an empty list, which stores nothing: Metronome refuses it (400) if the token is good.

    After an outage or a throttled answer the error says that nothing is known about the token.
    """
    answer = await request.post(ingest_url(), json=[], check=False)
    if answer.status in REFUSED_TOKEN:
        raise InvalidAuthenticationError(
            "Metronome refuses the API token; make a new one under Connections, API tokens & "
            "webhooks, and check that it belongs to the environment you mean"
        )
    if answer.status != BAD_REQUEST and not answer.ok:
        raise DeliveryError(
            f"could not find out whether the token is good: Metronome answered {answer.status}; "
            "try again later",
            status=answer.status,
        )


@contextlib.asynccontextmanager
async def start_sandbox() -> AsyncIterator[RunningSandbox]:
    """Run an emulator of Metronome on a free port."""
    async with Emulator(token=SANDBOX_TOKEN, max_events=SANDBOX_EVENTS) as emulator:
        yield RunningSandbox(url=emulator.url, received=lambda: _received(emulator))


def _received(emulator: Emulator) -> Iterator[Mapping[str, Any]]:
    for event in emulator.events:
        yield {**attrs.asdict(event), "processed_at": event.processed_at.isoformat()}


metronome = Destination(
    slug="metronome-actions",
    name="Metronome (Actions)",
    settings=Settings,
    actions=[SendEvent],
    presets=[
        Preset(
            name="Send track events to Metronome",
            action="sendEvent",
            trigger='type = "track"',
        ),
    ],
    extend_request=authenticate,
    test_authentication=check_token,
    sandbox=Sandbox(
        label="Metronome emulator",
        description=(
            "An emulator of Metronome on this machine, with its limits and its deduplication. "
            f"It bills nobody, and keeps the latest {SANDBOX_EVENTS:,} events until it stops."
        ),
        settings={"apiToken": SANDBOX_TOKEN},
        start=start_sandbox,
    ),
)
