"""A small destination that does everything right, for the harness to be tried on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import attrs
from aiohttp import web
from tests.listening import listening

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
    SyncMode,
    field,
    path,
    setting,
    wire,
)
from offramp.definition import BatchOutcomes

URL = "https://api.billing.example/v1"
USAGE = f"{URL}/usage"
ME = f"{URL}/me"
OLDEST = timedelta(days=30)
SANDBOX_TOKEN = "token-of-the-sandbox"


@attrs.frozen
class Settings:
    api_token: str = setting(
        key="apiToken", type="password", label="API Token", description="From your account."
    )
    url: str = setting(description="Where the API is.", default=URL)


@attrs.frozen
class Usage:
    id: str = field(description="Known for a month.", default=path("$.messageId"))
    customer: str = field(description="Who pays.", default=path("$.context.groupId"))
    at: datetime = field(description="When.", default=path("$.timestamp"))
    properties: dict[str, Any] | None = field(description="How much.", default=path("$.properties"))


class SendUsage(Action[Settings, Usage]):
    slug = "sendUsage"
    title = "Send usage"
    description = "Sends usage."
    idempotency = Idempotency(key="id", window=OLDEST)
    batch = Batch(max_events=10, keys=("customer",))
    sync_mode = SyncMode(
        default="add",
        label="How",
        description="How usage is counted.",
        choices=(("add", "Add"), ("delete", "Take back")),
    )

    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        url = f"{request.settings.url}/usage"
        await request.post(url, json=wire(payload), headers=_mode(request))

    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[Usage]
    ) -> BatchOutcomes:
        body = {"events": [wire(payload) for payload in payloads]}
        await request.post(f"{request.settings.url}/usage", json=body, headers=_mode(request))
        return None

    def validate(self, payload: Usage, *, now: datetime, **_: object) -> Iterable[Fault]:
        if payload.at < now - OLDEST:
            yield Fault("$.at", "is more than 30 days old")


def _mode(request: Request[Settings]) -> dict[str, str]:
    return {"X-Mode": str(request.sync_mode)}


def authenticate(outgoing: OutgoingRequest) -> RequestOptions:
    return RequestOptions(headers={"Authorization": f"Bearer {outgoing.settings.api_token}"})


async def check_token(request: Request[Settings]) -> None:
    answer = await request.get(f"{request.settings.url}/me", check=False)
    if answer.status in (401, 403):
        raise InvalidAuthenticationError("the API token is refused")
    if not answer.ok:
        raise DeliveryError(f"answered {answer.status}", status=answer.status)


@asynccontextmanager
async def start_sandbox() -> AsyncIterator[RunningSandbox]:
    """An emulator of the partner that takes everything, with its own token alone."""
    received: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        if request.headers["Authorization"] != f"Bearer {SANDBOX_TOKEN}":
            return web.Response(status=401)
        received.append({"path": request.path})
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    async with listening(app) as url:
        yield RunningSandbox(url=url, received=lambda: received)


sandbox = Sandbox(
    label="Billing emulator",
    description="Takes everything.",
    settings={"apiToken": SANDBOX_TOKEN},
    start=start_sandbox,
)
billing = Destination(
    slug="billing",
    name="Billing",
    settings=Settings,
    actions=[SendUsage],
    presets=[
        Preset(name="Usage", action="sendUsage", trigger='type = "track" and event = "Used"'),
        Preset(name="Chosen", action="sendUsage"),
    ],
    extend_request=authenticate,
    test_authentication=check_token,
    sandbox=sandbox,
)
