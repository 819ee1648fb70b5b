"""What a plugin declares for one partner: settings, actions, presets, and how to reach it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from offramp.definition.action import Action
from offramp.definition.request import AuthTokens, Request, RequestOptions
from offramp.errors import DefinitionError, Fault

AnyAction: TypeAlias = type[Action[Any, Any]]
Scheme: TypeAlias = Literal["custom", "basic", "oauth2", "none"]


@attrs.frozen(kw_only=True)
class Preset:
    """A ready-made subscription that a destination ships."""

    name: str
    #: Slug of an action.
    action: str
    #: FQL.
    trigger: str
    #: Laid over the fields' default mappings, which hold where it says nothing.
    mapping: Mapping[str, Any] = attrs.field(factory=dict)
    type: Literal["automatic", "specificEvent"] = "automatic"
    event_slug: str | None = None


def _all_actions(actions: Iterable[Any]) -> tuple[AnyAction, ...]:
    listed = tuple(actions)
    faults = [
        Fault("Destination.actions", f"{action!r} is not a class that extends Action, with a slug")
        for action in listed
        if not (isinstance(action, type) and issubclass(action, Action) and hasattr(action, "slug"))
    ]
    if faults:
        raise DefinitionError(faults)
    return listed


def _all_presets(presets: Iterable[Preset]) -> tuple[Preset, ...]:
    return tuple(presets)


@attrs.frozen(kw_only=True)
class Destination:
    """A destination: inert data, and the few functions that speak with the partner."""

    slug: str
    name: str
    description: str | None = None
    mode: Literal["cloud", "device"] = "cloud"
    #: An attrs class whose attributes are declared with `setting()`.
    settings: type[Any]
    scheme: Scheme = "custom"
    actions: tuple[AnyAction, ...] = attrs.field(converter=_all_actions)
    presets: tuple[Preset, ...] = attrs.field(default=(), converter=_all_presets)
    #: `(settings, auth) -> options` for every request of every action.
    extend_request: Callable[[Any, AuthTokens | None], RequestOptions] | None = None
    #: Returns where the credentials are good; raises `InvalidAuthenticationError` where they
    #: are bad, and anything else where that could not be told.
    test_authentication: Callable[[Request[Any]], Awaitable[object]] | None = None
    #: OAuth 2: new tokens for stale ones.
    refresh_access_token: Callable[[Request[Any]], Awaitable[AuthTokens]] | None = None
    #: Asks the partner to forget a user; gets the event of type `delete`.
    on_delete: Callable[[Request[Any], Mapping[str, Any]], Awaitable[object]] | None = None
