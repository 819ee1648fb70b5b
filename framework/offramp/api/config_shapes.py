"""What the control API takes and answers about configuration: types behind its documentation."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from offramp.api.shapes import StatusProblem, Time
from offramp.pointers import ErrorShape

KindName: TypeAlias = Literal["source", "instance", "subscription"]
WhatName: TypeAlias = Literal["added", "removed", "changed"]


class SourceShape(TypedDict):
    """A source; its write key is masked unless it is a reference."""

    name: str
    write_key: str
    enabled: bool


class SourceAnswer(TypedDict):
    """One source, and what to mind about it."""

    revision: int
    source: SourceShape
    warnings: list[ErrorShape]


class Sources(TypedDict):
    """All sources."""

    revision: int
    sources: list[SourceShape]


class SourceBody(TypedDict):
    """A new source; `write_key` may be a reference such as `env:NAME`."""

    name: str
    write_key: str
    enabled: NotRequired[bool]


class SourceChange(TypedDict, total=False):
    """What is to be otherwise."""

    write_key: str
    enabled: bool


class InstanceShape(TypedDict):
    """An instance; secrets among its settings are masked."""

    name: str
    destination: str
    source: str
    settings: dict[str, Any]
    enabled: bool
    max_concurrency: int | None
    requests_per_second: float | None
    #: Ids.
    subscriptions: list[str]
    #: Why it does not run.
    problem: str | None


class InstanceAnswer(TypedDict):
    """One instance, and what to mind about it."""

    revision: int
    instance: InstanceShape
    warnings: list[ErrorShape]


class Instances(TypedDict):
    """All instances."""

    revision: int
    instances: list[InstanceShape]


class InstanceBody(TypedDict):
    """A new instance."""

    name: str
    destination: str
    source: str
    settings: NotRequired[dict[str, Any]]
    enabled: NotRequired[bool]
    max_concurrency: NotRequired[int | None]
    requests_per_second: NotRequired[float | None]


class InstanceChange(TypedDict, total=False):
    """What is to be otherwise; `settings` as a whole, where a masked secret keeps the one there is.

    `null` takes `max_concurrency` or `requests_per_second` away.
    """

    source: str
    settings: dict[str, Any]
    enabled: bool
    max_concurrency: int | None
    requests_per_second: float | None


class TestAnswer(TypedDict):
    """What the partner says to the credentials: good, bad, or that it could not be told."""

    result: Literal["good", "bad", "unknown"]
    message: str


class SubscriptionShape(TypedDict):
    """A subscription with its whole mapping."""

    id: str
    name: str
    instance: str
    action: str
    trigger: str
    mapping: dict[str, Any]
    enabled: bool
    preset: str | None
    running: bool
    #: Why it does not run.
    problem: str | None


class SubscriptionAnswer(TypedDict):
    """One subscription, and what to mind about it."""

    revision: int
    subscription: SubscriptionShape
    warnings: list[ErrorShape]


class Subscriptions(TypedDict):
    """Subscriptions."""

    revision: int
    subscriptions: list[SubscriptionShape]


class SubscriptionBody(TypedDict):
    """A new subscription, which starts disabled.

    A `preset` gives name, action, trigger and mapping, each of which may be given as well. The
    mapping is laid over the action's defaults, unless `defaults` is false.
    """

    instance: str
    name: NotRequired[str]
    id: NotRequired[str]
    preset: NotRequired[str]
    action: NotRequired[str]
    trigger: NotRequired[str]
    mapping: NotRequired[dict[str, Any]]
    defaults: NotRequired[bool]


class SubscriptionChange(TypedDict, total=False):
    """What is to be otherwise; `mapping` as a whole, over the defaults if `defaults` is true."""

    name: str
    action: str
    trigger: str
    mapping: dict[str, Any]
    defaults: bool
    enabled: bool


class Removed(TypedDict):
    """What was deleted."""

    revision: int
    removed: list[str]


class DetailShape(TypedDict):
    """One key that differs; `before` or `after` is missing on the side that lacks it."""

    place: str
    before: NotRequired[Any]
    after: NotRequired[Any]


class ChangeShape(TypedDict):
    """One source, instance or subscription that is added, removed or changed."""

    kind: KindName
    id: str
    what: WhatName
    details: list[DetailShape]
    #: The same for a person.
    text: str


class DocumentBody(TypedDict, total=False):
    """A configuration in the shape of `offramp.toml`; a masked secret keeps the one there is."""

    sources: dict[str, Any]
    instances: dict[str, Any]


class Applied(TypedDict):
    """What a document changes: with a dry run nothing was changed yet."""

    revision: int
    dry_run: bool
    changes: list[ChangeShape]
    warnings: list[ErrorShape]


class Exported(TypedDict):
    """The configuration as a document, secrets masked, and the same as TOML."""

    revision: int
    document: dict[str, Any]
    toml: str


class AuditLogEntry(TypedDict):
    """One change as it was made, secrets masked."""

    entry: int
    revision: int
    at: Time
    actor: str
    kind: KindName
    id: str
    what: WhatName
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditLog(TypedDict):
    """Changes, latest first."""

    rows: list[AuditLogEntry]
    cursor: str | None


class ActionBrief(TypedDict):
    """An action in a list."""

    slug: str
    title: str
    description: str


class DestinationBrief(TypedDict):
    """A destination in a list."""

    slug: str
    name: str
    description: str | None
    plugin: str
    actions: list[ActionBrief]
    presets: list[str]


class CatalogAnswer(TypedDict):
    """What can be configured, and the plugins that could not be used."""

    destinations: list[DestinationBrief]
    problems: list[StatusProblem]


class ActionShape(ActionBrief):
    """An action with its fields; `schema` is the JSON Schema of its payload."""

    plugin: str
    fields: dict[str, Any]
    schema: dict[str, Any]
    default_mapping: dict[str, Any]
    #: Events of one request, at the most; `None` where each travels alone.
    batch: int | None
    idempotency_key: str | None


class PresetShape(TypedDict):
    """A preset with its whole mapping."""

    name: str
    action: str
    trigger: str
    mapping: dict[str, Any]


class DestinationShape(TypedDict):
    """All about one destination; `manifest` is in the shape of Segment's metadata."""

    slug: str
    name: str
    description: str | None
    plugin: str
    #: Whether credentials can be tested.
    testable: bool
    settings: dict[str, Any]
    settings_schema: dict[str, Any]
    actions: list[ActionShape]
    presets: list[PresetShape]
    manifest: dict[str, Any]
