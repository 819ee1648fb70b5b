"""A destination whose action has thirty fields in nested objects; it only serialises."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from offramp import Action, Destination, Request, field, setting


@attrs.frozen
class Settings:
    """What an operator configures."""

    token: str = setting(type="password", label="Token")


@attrs.frozen
class Customer:
    """Who used it."""

    id: str = field()
    user: str = field()
    email: str = field(format="email")
    plan: str = field(choices=["free", "pro", "team"])
    locale: str | None = field()


@attrs.frozen
class Usage:
    """What was used."""

    action: str = field()
    job: str = field(minimum=4, maximum=64)
    user: str = field()
    seconds: float | None = field(minimum=0)
    cost: int | None = field()
    retried: bool | None = field()


@attrs.frozen
class Origin:
    """Where the event came from."""

    ip: str | None = field()
    library: str | None = field()
    url: str | None = field(format="uri")
    title: str | None = field()
    agent: str | None = field()


@attrs.frozen
class Times:
    """When it happened."""

    received: datetime | None = field()
    original: datetime | None = field()
    used: datetime = field()


@attrs.frozen
class Rest:
    """What else there is."""

    all: str | None = field()
    flat: dict[str, Any] | None = field()
    merged: dict[str, Any] | None = field()
    count: int = field()


@attrs.frozen
class WideEvent:
    """Thirty values in seven fields and five objects."""

    id: str = field()
    name: str = field()
    sent_at: datetime = field()
    kind: str = field()
    weight: float | None = field()
    billable: bool = field()
    tags: list[str] = field()
    customer: Customer = field()
    usage: Usage = field()
    origin: Origin = field()
    times: Times = field()
    rest: Rest = field()


class SendWide(Action[Settings, WideEvent]):
    """Takes the payload and does nothing with it."""

    slug = "sendWide"
    title = "Send wide"

    async def perform(self, request: Request[Settings], payload: WideEvent) -> None:
        """Do nothing: what comes before is measured."""


wide = Destination(slug="wide", name="Wide", settings=Settings, actions=[SendWide])
