"""A small catalog, and a configuration that stands on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import attrs
import pytest

from offramp import Action, Destination, Idempotency, Preset, Request, field, path, setting
from offramp.config import Config, parse_config
from offramp.definition import SyncMode
from offramp.hooks import hookimpl
from offramp.plugins import Catalog, load_catalog, load_plugins

TOKEN = "tok_0123456789abcdef"


@attrs.frozen
class Login:
    """Settings within a setting."""

    user: str = setting()
    password: str = setting(type="password")


@attrs.frozen
class Settings:
    """What an instance of Meter needs."""

    api_token: str = setting(key="apiToken", type="password", label="API token")
    region: Literal["us", "eu"] | None = setting(default="us")
    retries: int | None = setting(required=False, minimum=1)
    pin: str | None = setting(type="password", required=False, choices=["0000", "1111"])
    login: Login | None = setting(required=False)


@attrs.frozen
class Usage:
    """A payload with defaults."""

    transaction_id: str = field(default=path("$.messageId"))
    customer_id: str = field(default=path("$.context.groupId"))
    properties: dict[str, Any] | None = field(required=False)
    note: str | None = field(required=False)


@attrs.frozen
class Person:
    """A payload without."""

    user_id: str = field()


class SendEvent(Action[Settings, Usage]):
    """An action whose partner knows repeats."""

    slug, title = "sendEvent", "Send Event"
    idempotency = Idempotency(key="transaction_id", window=timedelta(days=34))

    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        """Do nothing: no test here sends."""


class SavePerson(Action[Settings, Person]):
    """An action with sync modes."""

    slug, title = "savePerson", "Save Person"
    sync_mode = SyncMode(
        default="upsert",
        label="How",
        description="",
        choices=(("upsert", "Upsert"), ("add", "Add")),
    )

    async def perform(self, request: Request[Settings], payload: Person) -> None:
        """Do nothing: no test here sends."""


class Plugin:
    """Declares the one destination."""

    @hookimpl
    def offramp_destinations(self) -> list[Destination]:
        """Meter, a made-up partner."""
        return [
            Destination(
                slug="meter",
                name="Meter",
                settings=Settings,
                actions=(SendEvent, SavePerson),
                presets=(
                    Preset(
                        name="Usage",
                        action="sendEvent",
                        trigger='type = "track"',
                        mapping={"properties": {"@path": "$.properties"}},
                    ),
                    Preset(name="Paid / owed", action="sendEvent", trigger='type = "page"'),
                    Preset(name="Anything", action="sendEvent", type="specificEvent"),
                ),
            )
        ]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(load_plugins(extra=[Plugin()], installed=False))


@pytest.fixture
def written() -> dict[str, Any]:
    return {
        "sources": {"website": {"write_key": "wk_website"}},
        "instances": {
            "billing": {
                "destination": "meter",
                "source": "website",
                "settings": {"apiToken": TOKEN, "retries": 3},
                "subscriptions": [
                    {"preset": "Usage"},
                    {
                        "name": "Billing events",
                        "action": "sendEvent",
                        "trigger": 'type = "track" and event = "billing_event"',
                        "mapping": {"transaction_id": {"@template": "b-{{messageId}}"}},
                    },
                ],
            }
        },
    }


@pytest.fixture
def config(written: dict[str, Any], catalog: Catalog) -> Config:
    return parse_config(written, catalog).config
