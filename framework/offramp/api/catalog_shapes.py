"""Types of the answers about the catalog: what forms are made of."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from offramp.api.shapes import PluginProblemShape
from offramp.definition.audience import AudienceMode
from offramp.definition.destination import DestinationMode, Scheme
from offramp.definition.fields import (
    DisplayMode,
    FieldCategory,
    FieldFormat,
    FieldType,
    InputMethod,
    ObjectUI,
    SyncModeName,
)
from offramp.definition.oauth import Flow
from offramp.definition.options import OptionType


class ChoiceShape(TypedDict):
    """One value that a field may take."""

    label: str
    value: Any
    description: NotRequired[str]


class ConditionShape(TypedDict):
    """One comparison of another field, or of the sync mode."""

    operator: Literal["is", "is_not"]
    type: NotRequired[Literal["field", "syncMode"]]
    #: The other field; `parent.child` names a property of an object.
    fieldKey: NotRequired[str]
    #: Without it, the comparison is with absence; a list stands for any of its values.
    value: NotRequired[Any]


class ConditionsShape(TypedDict):
    """When a field is required or shown: if `all` (the default) or `any` of the conditions hold."""

    match: NotRequired[Literal["all", "any"]]
    conditions: list[ConditionShape]


class FieldShape(TypedDict):
    """One setting, or one field of an action, with the names of Segment's metadata."""

    label: str
    description: NotRequired[str]
    type: FieldType
    #: Always, never, or under conditions.
    required: bool | ConditionsShape
    #: Whether the value is a list of `type`.
    multiple: bool
    allowNull: bool
    #: Whether an empty text is a value; otherwise it counts as missing.
    allowEmpty: bool
    #: Whether the choices are fetched from the partner.
    dynamic: bool
    #: A literal or a directive: what new subscriptions map to this field.
    default: Any
    placeholder: str | None
    category: FieldCategory | None
    readOnly: bool | None
    hidden: bool | None
    #: Smallest number, or shortest text in characters.
    minimum: float | None
    #: Largest number, or longest text in characters.
    maximum: float | None
    defaultObjectUI: ObjectUI | None
    disabledInputMethods: list[InputMethod] | None
    displayMode: DisplayMode | None
    format: FieldFormat | None
    additionalProperties: bool
    #: When a form shows the field.
    depends_on: ConditionsShape | None
    choices: list[ChoiceShape] | None
    #: The fields of an object.
    properties: dict[str, FieldShape] | None
    #: Whether its value is masked in every answer.
    secret: bool


class SyncModeChoice(TypedDict):
    """One sync mode that a subscription may choose."""

    value: SyncModeName
    label: str


class SyncModeShape(TypedDict):
    """The choice between an action's operations: `sync_mode` of a subscription."""

    label: str
    description: str
    default: SyncModeName
    choices: list[SyncModeChoice]


class PluginOriginShape(TypedDict):
    """Where the plugin of a destination comes from; neither if a program gave it to the host."""

    plugin: str
    #: The module that holds its hooks; `None` for a file.
    module: str | None
    #: Name and version of its distribution.
    distribution: str | None
    version: str | None
    #: Path of its file, if it is one.
    file: str | None


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
    origin: PluginOriginShape
    #: The plugins that declare it too, as a fallback that is not offered.
    fallbacks: list[str]
    #: Whether it is built; a lazy one is built once somebody asks for it by its slug.
    built: bool
    #: In lower case, all that a search looks through: names, slugs, titles, presets.
    search: str
    actions: list[ActionBrief]
    presets: list[str]


class CatalogAnswer(TypedDict):
    """What can be configured, and the plugins that could not be used."""

    destinations: list[DestinationBrief]
    problems: list[PluginProblemShape]


class SaveHookShape(TypedDict):
    """Something that saving a subscription does with the partner."""

    label: str
    #: What it does.
    description: str
    inputs: dict[str, FieldShape]
    outputs: dict[str, FieldShape]
    #: The inputs whose choices are fetched from the partner.
    dynamic_inputs: list[str]


class BatchShape(TypedDict):
    """How events share requests."""

    max_events: int
    #: The payloads together, as JSON.
    max_bytes: int
    #: Seconds that the first event waits for others.
    linger: float
    #: Fields whose values are the same in all events of a request.
    keys: list[str]


class OptionShape(TypedDict):
    """An option of a table of the configuration, for a form."""

    key: str
    description: str
    type: OptionType
    #: What a number counts, such as `events`, `bytes` or `seconds`; empty for other types.
    unit: str
    #: Bounds of a number, both included.
    minimum: float | None
    maximum: float | None
    #: The values of a choice.
    choices: list[str]
    #: Whether it is masked in every answer.
    secret: bool


class BatchLimitsShape(BatchShape):
    """What an action allows, and the options by which a subscription narrows that."""

    options: list[OptionShape]


class ActionShape(ActionBrief):
    """An action with its fields; `schema` is the JSON Schema of its payload."""

    plugin: str
    fields: dict[str, FieldShape]
    schema: dict[str, Any]
    default_mapping: dict[str, Any]
    #: What it allows, and the options by which a subscription narrows that; `None` if it sends
    #: each event alone.
    batch: BatchLimitsShape | None
    idempotency_key: str | None
    sync_mode: SyncModeShape | None
    #: The fields whose choices are fetched from the partner: `list_id`, `items.price` (a property),
    #: `data.__keys__` (the keys of an object), `data.__values__` (the values of any key).
    dynamic_fields: list[str]
    #: By name, such as `onMappingSave`.
    save_hooks: dict[str, SaveHookShape]


class PresetShape(TypedDict):
    """A preset with its whole mapping."""

    name: str
    action: str
    #: `None` if it has none: its subscription cannot be enabled before it has one.
    trigger: str | None
    mapping: dict[str, Any]
    #: `None` if the action's default holds.
    sync_mode: SyncModeName | None


class OAuthShape(TypedDict):
    """How an instance gets access by OAuth 2."""

    #: The ways to get a grant that the destination declares.
    flows: list[Flow]
    #: The options of its table `oauth`.
    options: list[OptionShape]
    #: The scopes that are asked for, unless the instance has others.
    scopes: list[str]
    #: Whether the destination declares the partner's addresses; otherwise the instance has them.
    has_addresses: bool


class AudienceConfigShape(TypedDict):
    """What a destination asks of each audience, and what it does with one at the partner."""

    mode: AudienceMode
    #: Whether each sync carries all members, and not only what changed.
    full_sync: bool
    #: Whether it can create an audience at the partner, and ask the partner for one.
    creates: bool
    gets: bool
    fields: dict[str, FieldShape]


class DestinationShape(TypedDict):
    """One destination in full; `manifest` is in the shape of Segment's metadata."""

    slug: str
    name: str
    description: str | None
    mode: DestinationMode
    plugin: str
    origin: PluginOriginShape
    #: The plugins that declare it too, as a fallback that is not offered.
    fallbacks: list[str]
    #: The name that a new instance gets if none is given, such as `Acme Instance #1`.
    instance_name: str
    #: How it authenticates.
    scheme: Scheme
    #: `None` if its instances need no grant.
    oauth: OAuthShape | None
    #: Whether credentials can be tested.
    testable: bool
    #: Whether it takes events of type `delete`.
    on_delete: bool
    #: `None` if it has no audiences.
    audience: AudienceConfigShape | None
    settings: dict[str, FieldShape]
    settings_schema: dict[str, Any]
    actions: list[ActionShape]
    presets: list[PresetShape]
    manifest: dict[str, Any]
