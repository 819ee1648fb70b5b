"""A published destination as one of ours: settings, credentials, presets, audiences, deletion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from offramp import (
    Audience,
    AudienceDetails,
    AuthTokens,
    DeliveryError,
    Destination,
    InvalidAuthenticationError,
    Preset,
    Request,
    wire,
)
from offramp_segment.actions import RESERVED, action_class
from offramp_segment.definitions import Listed, definition
from offramp_segment.fields import read_fields, settings_class
from offramp_segment.pools import Pools
from offramp_segment.published import Published

#: For events that only Segment's own products send.
SPECIFIC: Final = "specificEvent"
#: How a partner refuses a refresh token for good. Source: RFC 6749, section 5.2.
REFUSALS: Final = frozenset({400, 401, 403})


def load(listed: Listed, pools: Pools) -> Destination:
    """Build a destination from its definition."""
    declared = definition(listed.directory)
    published = Published(listed.directory, listed.own_network, pools)
    actions = declared["actions"]
    return Destination(
        slug=listed.slug,
        name=listed.name,
        description=_description(listed),
        settings=settings_class(listed.slug, declared["authentication"]["fields"]),
        actions=[action_class(published, slug, each) for slug, each in actions.items()],
        presets=_presets(declared["presets"], actions),
        on_delete=_on_delete(published) if declared["onDelete"] else None,
        audience=_audience(published, declared),
        fallback=True,
        **_authentication(published, declared["authentication"]),
    )


def _description(listed: Listed) -> str:
    if not listed.environment:
        return listed.description
    names = ", ".join(listed.environment)
    return f"{listed.description} It reads partner credentials of Segment's own: {names}.".strip()


def preset_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names of presets, of which those that are used more than once are numbered."""
    counts: dict[str, int] = {}
    numbered = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        numbered.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return tuple(numbered)


def _presets(declared: Sequence[Mapping[str, Any]], actions: Mapping[str, Any]) -> list[Preset]:
    """The presets for events of the six types whose action runs on a server."""
    usable = [
        each for each in declared if each["type"] != SPECIFIC and each["partnerAction"] in actions
    ]
    names = preset_names(each["name"] for each in usable)
    return [
        Preset(
            name=name,
            action=each["partnerAction"],
            trigger=each.get("subscribe"),
            mapping={
                key: value
                for key, value in each["mapping"].items()
                if key in actions[each["partnerAction"]]["fields"] or key.startswith(RESERVED)
            },
        )
        for name, each in zip(names, usable, strict=True)
    ]


def _authentication(published: Published, declared: Mapping[str, Any]) -> dict[str, Any]:
    async def test(request: Request[Any]) -> None:
        await published.call(request, "testAuthentication")

    async def refresh(request: Request[Any]) -> AuthTokens:
        try:
            found = await published.call(request, "refreshAccessToken", app=True)
        except DeliveryError as error:
            if error.status in REFUSALS and not error.retryable:
                raise InvalidAuthenticationError(error.message) from error
            raise
        return AuthTokens(
            access_token=found["accessToken"],
            refresh_token=found.get("refreshToken") or None,
            expires_in=found.get("expiresIn"),
        )

    scheme = declared["scheme"]
    # The scopes of client credentials are refreshed like others: by the destination's function.
    return {
        "scheme": "oauth2" if scheme == "oauth2-client-credentials" else scheme,
        "test_authentication": test if declared["testAuthentication"] else None,
        "refresh_access_token": refresh if declared["refreshAccessToken"] else None,
    }


def _on_delete(published: Published) -> Any:
    async def on_delete(request: Request[Any], event: Mapping[str, Any]) -> None:
        payload = {key: event[key] for key in ("userId", "anonymousId") if key in event}
        await published.call(request, "onDelete", payload=payload)

    return on_delete


def _audience(published: Published, declared: Mapping[str, Any]) -> Audience | None:
    config = declared["audienceConfig"]
    if config is None:
        return None

    async def create(request: Request[Any], audience: AudienceDetails) -> str:
        return _external_id(
            await published.call(
                request,
                "createAudience",
                audienceName=audience.name,
                audienceSettings=wire(audience.settings or {}),
                personas={"computation_key": audience.key},
            )
        )

    async def get(request: Request[Any], audience: AudienceDetails) -> str:
        return _external_id(
            await published.call(
                request,
                "getAudience",
                externalId=audience.external_id,
                audienceSettings=wire(audience.settings or {}),
            )
        )

    mode = config["mode"]
    return Audience(
        fields=read_fields(declared["audienceFields"]),
        mode=mode["type"],
        full_sync=bool(mode.get("full_audience_sync")),
        create=create if config["createAudience"] else None,
        get=get if config["getAudience"] else None,
    )


def _external_id(answer: Mapping[str, Any]) -> str:
    return str(answer["externalId"])
