"""Types of the bodies and the answers about the audiences of an instance."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from offramp.api.config_shapes import ChangesShape
from offramp.config import AudienceState


class AudienceShape(TypedDict):
    """One audience of an instance; its secret settings are masked."""

    #: What events carry in `context.personas.computation_key`.
    key: str
    name: str
    settings: dict[str, Any]
    #: The partner's id of it.
    external_id: str | None
    #: `not_created`: its events wait. `unknown`: the partner may have created it. `not_needed`: the
    #: destination creates none.
    state: AudienceState
    #: What to do, if anything.
    remedy: str | None


class Audiences(TypedDict):
    """The audiences of an instance."""

    revision: int
    audiences: list[AudienceShape]


class AudienceAnswer(ChangesShape):
    """One audience after a change."""

    revision: int
    audience: AudienceShape


class AudienceBody(TypedDict):
    """A new audience; with `external_id`, one that the partner has already."""

    key: str
    name: NotRequired[str]
    settings: NotRequired[dict[str, Any]]
    external_id: NotRequired[str]


class AudienceChange(TypedDict):
    """What to change. `settings` are replaced as a whole; a masked secret keeps its value."""

    name: NotRequired[str]
    settings: NotRequired[dict[str, Any]]


class AdoptBody(msgspec.Struct, forbid_unknown_fields=True):
    """The partner's id of an audience that it has already."""

    external_id: str
    #: Whether the partner is asked for it first, where the destination can ask.
    check: bool = True


class PartnerAudience(TypedDict):
    """What the partner says of an audience."""

    result: Literal["found", "not_found", "unknown"]
    external_id: str | None
    message: str
