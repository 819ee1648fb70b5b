"""What a plugin declares for one partner: settings, actions, presets, and how to reach it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

import attrs

from offramp.definition.action import Action, sync_mode_apart
from offramp.definition.audience import Audience
from offramp.definition.awaited import check_awaited, check_called
from offramp.definition.deletion import OnDelete
from offramp.definition.fields import SyncModeName
from offramp.definition.kinds import check_kind, check_values
from offramp.definition.oauth import AuthTokens, OAuth2
from offramp.definition.request import OutgoingRequest, Request, RequestOptions
from offramp.definition.sandbox import Sandbox
from offramp.definition.signatures import check_takes
from offramp.errors import DefinitionError, Fault

AnyAction: TypeAlias = type[Action[Any, Any]]
DestinationMode: TypeAlias = Literal["cloud", "device", "warehouse"]
Scheme: TypeAlias = Literal["custom", "basic", "oauth2", "oauth-managed", "none"]
#: The schemes whose instances need a grant: with `oauth-managed`, the tokens come from outside.
OAUTH_SCHEMES: Final = frozenset({"oauth2", "oauth-managed"})


_TEXT: Final = check_kind(str, "a text")
_FUNCTION: Final = attrs.validators.optional(check_kind(Callable, "a function"))


@attrs.frozen(kw_only=True)
class Preset:
    """A ready-made subscription that a destination ships."""

    name: str = attrs.field(validator=_TEXT)
    #: Slug of an action.
    action: str = attrs.field(validator=_TEXT)
    #: FQL. A subscription made from a preset without one cannot be enabled before it has one.
    trigger: str | None = attrs.field(default=None, validator=attrs.validators.optional(_TEXT))
    #: Overrides the fields' default mappings, which apply to the fields that it leaves out.
    mapping: Mapping[str, Any] = attrs.field(
        factory=dict, validator=check_kind(Mapping, "an object: field -> mapping")
    )
    #: One of the action's sync modes; without one, the action's default holds.
    sync_mode: SyncModeName | None = None
    type: Literal["automatic", "specificEvent"] = "automatic"
    event_slug: str | None = None

    def __attrs_post_init__(self) -> None:
        """Take the sync mode out of the mapping, if it is written there as Segment does."""
        mapping, mode = sync_mode_apart(self.mapping)
        if mode is None:
            return
        if self.sync_mode not in (None, mode):
            message = f"is {self.sync_mode!r}, but the mapping has {mode!r}: leave that out"
            raise DefinitionError([Fault("Preset.sync_mode", message)])
        object.__setattr__(self, "mapping", mapping)
        object.__setattr__(self, "sync_mode", mode)


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


def _all_presets(presets: Iterable[Any]) -> tuple[Preset, ...]:
    listed = tuple(presets)
    faults = [
        Fault("Destination.presets", f"{preset!r} is not a preset: write Preset(name=..., ...)")
        for preset in listed
        if not isinstance(preset, Preset)
    ]
    if faults:
        raise DefinitionError(faults)
    return listed


def _settings_class(settings: Any) -> type[Any]:
    if isinstance(settings, type):
        return settings
    kind = type(settings).__name__
    message = f"is the class itself, not an instance of it: write settings={kind}, without ()"
    raise DefinitionError([Fault("Destination.settings", message)])


@attrs.frozen(kw_only=True)
class Destination:
    """A destination: inert data, and the few functions that call the partner."""

    slug: str = attrs.field(validator=_TEXT)
    name: str = attrs.field(validator=_TEXT)
    description: str | None = None
    mode: DestinationMode = "cloud"
    #: An attrs class whose attributes are declared with `setting()`.
    settings: type[Any] = attrs.field(converter=_settings_class)
    scheme: Scheme = "custom"
    actions: tuple[AnyAction, ...] = attrs.field(converter=_all_actions)
    presets: tuple[Preset, ...] = attrs.field(default=(), converter=_all_presets)
    #: Returns what is added to a request of an action or of another function. The request is as
    #: it was made: with its body, its own headers and parameters.
    extend_request: Callable[[OutgoingRequest], RequestOptions] | None = attrs.field(
        default=None, validator=[_FUNCTION, check_called, check_takes("outgoing")]
    )
    #: Returns if the credentials are good; raises `InvalidAuthenticationError` if they are bad,
    #: and any other error if that could not be determined.
    test_authentication: Callable[[Request[Any]], Awaitable[object]] | None = attrs.field(
        default=None, validator=[_FUNCTION, check_awaited]
    )
    #: OAuth 2: how the host connects an instance, and refreshes its tokens.
    oauth: OAuth2 | None = attrs.field(
        default=None, validator=attrs.validators.optional(check_kind(OAuth2, "an OAuth2(...)"))
    )
    #: OAuth 2: gets new tokens for expired ones, where RFC 6749, section 6, does not do. Gets the
    #: present tokens and the operator's app as `request.auth`. Raises `InvalidAuthenticationError`
    #: if the partner refuses the refresh token for good.
    refresh_access_token: Callable[[Request[Any]], Awaitable[AuthTokens]] | None = attrs.field(
        default=None, validator=[_FUNCTION, check_awaited]
    )
    #: Asks the partner to forget a user: `(request, event)`, for each event of type `delete`, which
    #: has a `userId`, an `anonymousId`, or both.
    on_delete: OnDelete | None = attrs.field(default=None, validator=[_FUNCTION, check_awaited])
    #: What it asks of an audience, and how it makes one at the partner, if it has audiences.
    audience: Audience | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(check_kind(Audience, "an Audience(fields=..., ...)")),
    )
    #: A local emulator of the partner, for trying the destination out.
    sandbox: Sandbox | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(check_kind(Sandbox, "a Sandbox(label=..., ...)")),
    )
    #: Whether another plugin's destination of the same slug is offered instead of this one.
    fallback: bool = False

    @oauth.validator
    def _check_scheme(self, _: object, oauth: OAuth2 | None) -> None:
        if oauth is not None and self.scheme not in OAUTH_SCHEMES:
            message = f'goes with scheme="oauth2", not {self.scheme!r}'
            raise DefinitionError([Fault("Destination.oauth", message)])

    @property
    def needs_grant(self) -> bool:
        """Whether its instances work only with tokens of OAuth 2."""
        return self.scheme in OAUTH_SCHEMES


def _names(presets: Iterable[Any]) -> tuple[str, ...]:
    listed = tuple(presets)
    if isinstance(presets, str) or not all(isinstance(each, str) for each in listed):
        message = f"is a list of the presets' names, not {presets!r}"
        raise DefinitionError([Fault("LazyDestination.presets", message)])
    return listed


@attrs.frozen(kw_only=True)
class LazyDestination:
    """A destination that is listed as written here, and built when somebody asks for it by slug.

    For plugins with many destinations: a configuration that names one of them builds that one.
    """

    slug: str = attrs.field(validator=_TEXT)
    name: str = attrs.field(validator=_TEXT)
    description: str | None = None
    #: Builds the destination, which has the same slug; called at most once, in any thread.
    load: Callable[[], Destination] = attrs.field(
        validator=[check_kind(Callable, "a function"), check_called],
        repr=False,
    )
    #: What lists and their searches show of its actions: slug -> title.
    actions: Mapping[str, str] = attrs.field(
        factory=dict, validator=check_values(str, "an object: slug of an action -> its title")
    )
    #: The names of its presets, likewise.
    presets: tuple[str, ...] = attrs.field(default=(), converter=_names)
    #: Whether another plugin's destination of the same slug is offered instead of this one.
    fallback: bool = False
