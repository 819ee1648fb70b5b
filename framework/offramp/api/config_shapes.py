"""Types of the configuration in requests and answers of the control API, for its documentation."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

from offramp.api.catalog_shapes import BatchShape
from offramp.api.shapes import Time
from offramp.config.model import Instance, Source, Subscription, SubscriptionTable
from offramp.definition import Option, options_of
from offramp.pointers import ErrorShape

KindName: TypeAlias = Literal["source", "instance", "subscription"]
#: What the audit log tells of.
AuditKindName: TypeAlias = Literal[
    "source", "instance", "subscription", "grant", "token", "sealing_key", "test_send", "save_hook"
]
WhatName: TypeAlias = Literal["added", "removed", "changed"]


def _shown(title: str, text: str, cls: type[Any], /, **more: Any) -> Any:
    """The shape of an answer: every option has a value; `more` are keys that the host adds."""
    keys = {option.key: _type_of(option) for option in options_of(cls)}
    return _typed_dict(title, text, more | keys)


def _new(
    title: str,
    text: str,
    cls: type[Any],
    /,
    *,
    without: AbstractSet[str] = frozenset(),
    **more: Any,
) -> Any:
    """The shape of a new item: only options without a default are required."""
    keys = {
        option.key: _type_of(option) if option.required else NotRequired[_type_of(option)]
        for option in options_of(cls)
        if option.key not in without
    }
    return _typed_dict(title, text, more | keys)


def _changed(
    title: str, text: str, cls: type[Any], *, without: AbstractSet[str] = frozenset()
) -> Any:
    """The shape of a change: all options are optional."""
    options = [option for option in options_of(cls) if option.key not in without]
    keys = {option.key: NotRequired[_type_of(option)] for option in options}
    return _typed_dict(title, text, keys)


def _type_of(option: Option) -> Any:
    tables = {"table": dict[str, Any], "labelled": dict[str, str]}
    annotation = tables.get(option.type, option.annotation)
    return annotation | None if option.default is None else annotation


def _typed_dict(title: str, text: str, keys: dict[str, Any]) -> Any:
    made: Any = TypedDict(title, keys)  # type: ignore[misc]  # its keys are computed
    made.__doc__ = text
    return made


if TYPE_CHECKING:
    SourceShape: TypeAlias = dict[str, Any]
    InstanceShape: TypeAlias = dict[str, Any]
    SubscriptionShape: TypeAlias = dict[str, Any]
else:
    SourceShape = _shown(
        "SourceShape",
        "A source; its write key is masked unless it is a reference.",
        Source,
        name=str,
    )
    InstanceShape = _shown(
        "InstanceShape",
        "An instance; its secret settings are masked. `subscriptions` are ids, `problem` says why "
        "it does not run.",
        Instance,
        name=str,
        subscriptions=list[str],
        problem=str | None,
    )
    SubscriptionShape = _shown(
        "SubscriptionShape",
        "A subscription with its whole mapping; `problem` says why it does not run. "
        "`effective_batch` is how its events share requests, by its action, its mapping and its "
        "`batch` together; `null` if each is sent alone. `effective_sync_mode` is `sync_mode`, or "
        "else the action's default; `null` if the action has no sync modes. One that is "
        "`built_in` can be paused, and not be changed otherwise.",
        Subscription,
        instance=str,
        built_in=bool,
        effective_batch=BatchShape | None,
        effective_sync_mode=str | None,
        running=bool,
        problem=str | None,
    )

SourceBody = _new(
    "SourceBody",
    "A new source; `write_key` may be a reference such as `env:NAME`. Without `write_key` and "
    "`write_keys`, the host makes a key.",
    Source,
    name=str,
)
SourceChange = _changed("SourceChange", "The options to change.", Source)
InstanceBody = _new(
    "InstanceBody",
    "A new instance. Without a `name` it gets the one that the catalog offers. If `presets` is "
    "true, it begins with the presets of its destination, disabled.",
    Instance,
    name=NotRequired[str],
    presets=NotRequired[bool],
)
InstanceChange = _changed(
    "InstanceChange",
    "The options to change. `settings` are replaced as a whole; a masked secret keeps its present "
    "value. `null` removes a limit.",
    Instance,
    without={"destination"},
)
SubscriptionBody = _new(
    "SubscriptionBody",
    "A new subscription, which starts disabled. A `preset` gives name, action, trigger and "
    "mapping; each can be overridden. The mapping replaces fields of the action's default mapping, "
    "unless `defaults` is false, which leaves the default mapping out.",
    SubscriptionTable,
    without={"enabled"},
    instance=str,
)
SubscriptionChange = _changed(
    "SubscriptionChange",
    "The options to change. `mapping` is replaced as a whole; if `defaults` is true, the fields "
    "of the action's default mapping that it does not have are added.",
    SubscriptionTable,
    without={"id", "preset"},
)


class ChangesShape(TypedDict):
    """What a request changed, or would change in a dry run; nothing if it only reads."""

    changes: list[ChangeShape]
    dry_run: bool
    #: The waiting deliveries that the change of a dry run would end.
    ended: list[EndedShape]
    #: The save hooks that ran before the change was saved, or would run.
    save_hooks: list[SaveHookRunShape]


class ConfigAnswer(ChangesShape):
    """What the answers about one source, instance or subscription have in common."""

    revision: int
    #: Pointers lead into the object.
    warnings: list[ErrorShape]


class SourceAnswer(ConfigAnswer):
    """One source, and warnings about it."""

    source: SourceShape
    #: The write key that the host made for a new source; it is shown here and nowhere else.
    new_key: NotRequired[str]


class Sources(TypedDict):
    """All sources."""

    revision: int
    sources: list[SourceShape]


class WriteKeyShape(TypedDict):
    """A write key of a source."""

    label: str
    #: Masked, unless it is a reference.
    key: str
    #: `None` if it was not used since the host started.
    last_used_at: Time | None


class WriteKeys(TypedDict):
    """The write keys of a source."""

    revision: int
    keys: list[WriteKeyShape]


class NewWriteKey(TypedDict):
    """A new write key; without `key`, which may be a reference, the host makes one."""

    label: str
    key: NotRequired[str]


class WriteKeyAnswer(TypedDict):
    """A write key that was added; one that the host made is shown here and nowhere else."""

    revision: int
    label: str
    key: str


class InstanceAnswer(ConfigAnswer):
    """One instance, and warnings about it."""

    instance: InstanceShape


class Instances(TypedDict):
    """All instances."""

    revision: int
    instances: list[InstanceShape]


class TestAnswer(TypedDict):
    """The result of a test of the credentials: good, bad, or unknown."""

    result: Literal["good", "bad", "unknown"]
    message: str


class SubscriptionAnswer(ConfigAnswer):
    """One subscription, and warnings about it."""

    subscription: SubscriptionShape


class Subscriptions(TypedDict):
    """Subscriptions."""

    revision: int
    subscriptions: list[SubscriptionShape]


class Removed(TypedDict):
    """What was deleted."""

    revision: int
    removed: list[str]


class RevokedWriteKey(TypedDict):
    """A write key that is unknown from now on, by its label."""

    revision: int
    revoked: str


class DetailShape(TypedDict):
    """One key that differs; `before` or `after` is missing on the side that lacks it."""

    place: str
    #: The place as a JSON pointer into the object.
    pointer: str
    before: NotRequired[Any]
    after: NotRequired[Any]


class ChangeShape(TypedDict):
    """One source, instance or subscription that is added, removed or changed."""

    kind: KindName
    id: str
    what: WhatName
    details: list[DetailShape]
    #: The change as text.
    text: str


class DocumentBody(TypedDict, total=False):
    """A configuration in the shape of `offramp.toml`; a masked secret keeps its present value."""

    sources: dict[str, Any]
    instances: dict[str, Any]


class SaveHookRunShape(TypedDict):
    """A save hook that runs before a subscription is saved."""

    subscription: str
    #: Such as `onMappingSave`.
    hook: str
    label: str
    #: What it does.
    description: str


class EndedShape(TypedDict):
    """Waiting deliveries of a subscription that would end as expired."""

    subscription: str
    deliveries: int


class Applied(ChangesShape):
    """The changes that a document makes; a dry run changes nothing, and lists what would end."""

    revision: int
    warnings: list[ErrorShape]


class Exported(TypedDict):
    """The configuration as a document, secrets masked, and the same as TOML."""

    revision: int
    document: dict[str, Any]
    toml: str


class AuditLogEntry(TypedDict):
    """One change, secrets masked: of the configuration, of grants, tokens and the sealing key.

    Also what was decided about deliveries that were in flight at a backup that was restored; and,
    under the id of the subscription, each event that was sent as a test, and each run of a save
    hook.
    """

    entry: int
    revision: int
    at: Time
    actor: str
    #: The label of the token that was used; empty if the host applied a file.
    token: str
    kind: AuditKindName
    id: str
    what: WhatName
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditLog(TypedDict):
    """Changes of the configuration, latest first."""

    rows: list[AuditLogEntry]
    cursor: str | None
