"""What a destination declares of audiences: its checks, and its manifest in Segment's shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from offramp import Audience, AudienceDetails, Destination, Field, Request, hookimpl, setting
from offramp.errors import DefinitionError
from offramp.plugins import load_catalog, load_plugins, manifest


@attrs.frozen
class Settings:
    """Settings of the destination."""

    token: str = setting(type="password")


@attrs.frozen
class ListSettings:
    """What each of its audiences is set to."""

    kind: str = setting(key="listKind", label="Kind", choices=["email", "phone"])
    note: str | None = setting(label="Note")


async def create(request: Request[Settings], audience: AudienceDetails) -> str:
    """Make the list."""
    return f"{request.settings.token} {audience.key}"


def destination(audience: Audience) -> Destination:
    return Destination(slug="lists", name="Lists", settings=Settings, actions=[], audience=audience)


def manifest_of(audience: Audience) -> dict[str, Any]:
    class Plugin:
        @hookimpl
        def offramp_destinations(self) -> list[Destination]:
            return [destination(audience)]

    return manifest(load_catalog(load_plugins(extra=[Plugin()], installed=False))["lists"])


def test_the_manifest_has_the_shape_of_segments_definition() -> None:
    """`audienceConfig` has the mode, `audienceFields` each field as a setting."""
    made = manifest_of(Audience(fields=ListSettings, full_sync=True, create=create, get=create))
    assert made["audienceConfig"] == {"mode": {"type": "synced", "full_audience_sync": True}}
    assert list(made["audienceFields"]) == ["listKind", "note"]
    assert made["audienceFields"]["listKind"]["choices"] == [
        {"label": "email", "value": "email"},
        {"label": "phone", "value": "phone"},
    ]
    realtime = manifest_of(Audience(mode="realtime"))
    assert realtime["audienceConfig"] == {"mode": {"type": "realtime"}}
    assert realtime["audienceFields"] == {}


def test_fields_may_be_given_without_a_class() -> None:
    """Fields that come from data, as Segment's do, need no class; settings are a dict then."""
    audience = Audience(fields={"listId": Field(label="List", type="string", required=True)})
    assert audience.settings_type is dict
    assert manifest_of(audience)["audienceFields"]["listId"]["required"] is True


def written_without_async(request: Any, audience: Any) -> str:
    return f"{request} {audience}"


NOT_ASYNC: Any = written_without_async


AN_INSTANCE: Any = ListSettings(kind="email", note=None)
A_TEXT: Any = "text"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Audience(fields=AN_INSTANCE), "Audience.fields: is an attrs class"),
        (lambda: Audience(fields={"a": A_TEXT}), "Audience.fields: is an attrs class"),
        (lambda: Audience(create=NOT_ASYNC), "Audience.create: .* is not async"),
        (lambda: Audience(get=A_TEXT), "Audience.get: is an async function"),
        (lambda: Audience(mode="realtime", full_sync=True), "Audience.full_sync: is for the mode"),
        (lambda: Audience(mode=A_TEXT), "Audience.mode: is realtime or synced"),
        (lambda: destination(A_TEXT), "Destination.audience: is an Audience"),
    ],
)
def test_what_is_declared_wrongly_is_told_with_its_place(
    make: Callable[[], object], says: str
) -> None:
    """Each mistake names the attribute and what to write."""
    with pytest.raises(DefinitionError, match=says):
        make()
