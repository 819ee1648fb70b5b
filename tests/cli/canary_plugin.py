"""A destination that has secrets everywhere and tells them whenever it can."""

from __future__ import annotations

import logging

import attrs

from offramp import Action, Destination, RejectedError, Request, field, path, setting
from offramp.hooks import hookimpl


@attrs.frozen
class Settings:
    """A password, and a text that may come from a reference."""

    token: str = setting(type="password")
    base: str = setting()
    region: str = setting()


@attrs.frozen
class Login:
    """An object with a secret property."""

    name: str | None = field(required=False)
    key: str | None = field(required=False, secret=True)


@attrs.frozen
class Post:
    """A payload with secrets of every origin."""

    id: str = field(default=path("$.messageId"))
    hook: str = field(secret=True)
    key: str = field(type="password")
    made: str = field(secret=True)
    mail: str | None = field(required=False, secret=True, format="email")
    login: Login | None = field(required=False)


class Send(Action[Settings, Post]):
    """Sends everything, and fails as its event asks for."""

    slug, title = "send", "Send"

    async def perform(self, request: Request[Settings], payload: Post) -> None:
        """Put all secrets into URL, headers and body; tell them in errors."""
        settings = request.settings
        key = payload.login.key if payload.login else ""
        message = f"{payload.hook} {payload.key} {payload.made} {key} {settings.region}"
        if payload.id == "raises":
            raise ValueError(message)
        if payload.id == "rejects":
            raise RejectedError(message, code=payload.made)
        await request.post(
            f"{settings.base}/{payload.id}/{payload.hook}?key={payload.key}",
            json={**attrs.asdict(payload), "region": settings.region},
            headers={"X-Made": payload.made, "X-Token": settings.token},
        )


@hookimpl
def offramp_destinations() -> list[Destination]:
    """The one destination."""
    logging.getLogger(__name__).debug("declared")
    return [Destination(slug="canary", name="Canary", settings=Settings, actions=(Send,))]
