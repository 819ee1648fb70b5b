"""A destination with every kind of setting, for the form that the console makes of them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from offramp import (
    Action,
    Choice,
    Destination,
    InvalidAuthenticationError,
    Preset,
    Request,
    SyncMode,
    field,
    hookimpl,
    path,
    setting,
    when,
)

GOOD_KEY = "key-of-the-workspace"


@attrs.frozen
class Settings:
    """A setting of each kind; some depend on others."""

    region: str = setting(
        label="Region",
        choices=[Choice("us", "United States"), Choice("eu", "Europe")],
        default="us",
    )
    mode: str = setting(label="Sign-in", choices=["key", "oauth"], default="key")
    api_key: str | None = setting(
        key="apiKey",
        type="password",
        label="API Key",
        description="Under **Developer**, <i>not</i> under Team.",
        depends_on=when("mode", is_="key"),
        required=when("mode", is_="key"),
        default=None,
    )
    client_id: str | None = setting(
        key="clientId", label="Client ID", depends_on=when("mode", is_="oauth"), default=None
    )
    batch_limit: int | None = setting(
        key="batchLimit", label="Batch limit", minimum=1, maximum=500, default=100
    )
    verbose: bool | None = setting(label="Verbose", default=False)
    suffix: str | None = setting(label="Suffix", allow_empty=True, default="-crm")
    scopes: list[str] | None = setting(label="Scopes", choices=["read", "write"], default=None)
    tags: list[str] | None = setting(label="Tags", default=None)
    headers: dict[str, object] | None = setting(label="Headers", default=None)


@attrs.frozen
class Person:
    """A person, as the workspace stores one."""

    user_id: str = field(label="User ID", default=path("$.userId"))
    stage: str | None = field(
        label="Stage", choices=[Choice("lead", "A lead"), Choice("won", "A customer")], default=None
    )


class Upsert(Action[Settings, Person]):
    """Performed in previews alone: other events wait."""

    slug, title, description = "upsertPerson", "Upsert Person", "Create or update a person"
    sync_mode = SyncMode(
        default="upsert",
        label="How people are written",
        description="Whether people who exist are changed.",
        choices=(("upsert", "Add, or change"), ("add", "Add alone")),
    )

    async def perform(self, request: Request[Settings], payload: Person) -> None:
        """Search, write, and read the answer, which a preview does not have."""
        await request.get("https://crm.example/search", params={"user": payload.user_id})
        written = await request.post("https://crm.example/people", json={"id": payload.user_id})
        assert written.json()["id"]


async def check_key(request: Request[Settings]) -> None:
    """One key is good."""
    if request.settings.api_key != GOOD_KEY:
        raise InvalidAuthenticationError("the workspace does not know this key")


crm = Destination(
    slug="crm",
    name="Sample CRM",
    settings=Settings,
    actions=[Upsert],
    presets=[
        Preset(name="Identify calls", action="upsertPerson", trigger='type = "identify"'),
        Preset(name="Chosen people", action="upsertPerson"),
        Preset(name="New people", action="upsertPerson", trigger='type = "group"', sync_mode="add"),
    ],
    test_authentication=check_key,
)


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """This one."""
    return [crm]
