"""Audiences: what a destination declares of them, what is known of one, and who is a member."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.definition.awaited import check_awaited
from offramp.definition.fields import Field, Fields
from offramp.definition.kinds import check_kind, check_values
from offramp.definition.request import AudienceDetails, Request
from offramp.definition.shape import fields_of
from offramp.errors import DefinitionError, Fault

AudienceMode: TypeAlias = Literal["realtime", "synced"]

#: The values of `computation_class` that speak of a membership.
#: Source: `engageAudienceMembership` of Segment's actions-core.
MEMBERSHIP_CLASSES: Final = frozenset({"audience", "journey_step"})
#: By sync mode, what the names of a warehouse's events say of the row: there, or gone.
#: Source: `retlAudienceMembership` of Segment's actions-core.
_ROWS: Final[Mapping[str, Mapping[str, bool]]] = {
    "add": {"new": True},
    "update": {"updated": True},
    "upsert": {"new": True, "updated": True},
    "delete": {"deleted": False},
    "mirror": {"new": True, "updated": True, "deleted": False},
}
_WRITE: Final = "an attrs class whose attributes are declared with setting(), or fields by name"


#: `(request, audience) -> the partner's id of the audience`.
CallPartner: TypeAlias = Callable[[Request[Any], AudienceDetails], Awaitable[str]]


def _check_fields(owner: Any, attribute: attrs.Attribute[Any], fields: Any) -> None:
    if isinstance(fields, type):
        fields_of(fields)
    else:
        check_values(Field, _WRITE)(owner, attribute, fields)


def _check_mode(_: object, __: object, mode: Any) -> None:
    if mode not in {"realtime", "synced"}:
        raise DefinitionError([Fault("Audience.mode", f"is realtime or synced, not {mode!r}")])


_FUNCTION: Final = [
    attrs.validators.optional(check_kind(Callable, "an async function (request, audience)")),
    check_awaited,
]


@attrs.frozen(kw_only=True)
class Audience:
    """What a destination asks of each audience, and how it makes one at the partner."""

    #: What an audience is set to: an attrs class declared with `setting()`, or fields by wire name.
    fields: type[Any] | Fields = attrs.field(factory=dict, validator=_check_fields)
    #: Whether the partner gets each change of a membership as it happens, or from time to time.
    mode: AudienceMode = attrs.field(default="synced", validator=_check_mode)
    #: Whether each sync carries all members, and not only what changed.
    full_sync: bool = False
    #: Makes the audience at the partner. It raises if the partner refuses.
    create: CallPartner | None = attrs.field(default=None, validator=_FUNCTION, repr=False)
    #: Asks the partner for the audience with `external_id`. It raises if there is none.
    get: CallPartner | None = attrs.field(default=None, validator=_FUNCTION, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.mode == "realtime" and self.full_sync:
            message = 'is for the mode `synced`: leave it out, or write mode="synced"'
            raise DefinitionError([Fault("Audience.full_sync", message)])

    @property
    def settings_type(self) -> type[Any]:
        """The class of an audience's settings; `dict` where the fields are no class."""
        return self.fields if isinstance(self.fields, type) else dict

    @property
    def declared_fields(self) -> Fields:
        """The fields by wire name."""
        return fields_of(self.fields) if isinstance(self.fields, type) else self.fields


def audience_membership(event: Mapping[str, Any], sync_mode: str | None = None) -> bool | None:
    """Whether an event puts its user into an audience (`True`) or takes him out (`False`).

    `None` where it says nothing of that. These are the rules of Segment's actions-core: the
    audience is named by `context.personas.computation_key`, and the membership stands under that
    key in the traits of an identify or the properties of a track. Otherwise the events `new`,
    `updated` and `deleted` of a warehouse count, as far as the sync mode takes them.
    """
    member = _named_membership(event)
    if member is None and event.get("type") == "track" and isinstance(event.get("event"), str):
        member = _ROWS.get(sync_mode or "", {}).get(event["event"])
    return member


def personas_of(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an event carries in `context.personas`, if that is an object."""
    context = event.get("context")
    personas = context.get("personas") if isinstance(context, Mapping) else None
    return personas if isinstance(personas, Mapping) else None


def _named_membership(event: Mapping[str, Any]) -> bool | None:
    personas = personas_of(event) or {}
    key, kind = personas.get("computation_key"), personas.get("computation_class")
    if not isinstance(key, str) or not isinstance(kind, str) or kind not in MEMBERSHIP_CLASSES:
        return None
    place = {"identify": "traits", "track": "properties"}.get(str(event.get("type")))
    values = event.get(place) if place and key else None
    member = values.get(key) if isinstance(values, Mapping) else None
    return member if isinstance(member, bool) else None
