"""One typed input of an action or of settings, with all properties of Segment's input field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs

from offramp.js.values import UNSET

FieldType: TypeAlias = Literal[
    "string", "text", "number", "integer", "datetime", "boolean", "password", "object"
]
FieldFormat: TypeAlias = Literal[
    "date", "time", "date-time", "uri", "uri-reference", "uri-template", "email", "hostname",
    "ipv4", "ipv6", "regex", "uuid", "password", "text",
]  # fmt: skip
FieldCategory: TypeAlias = Literal["identifier", "data", "internal", "config", "sync", "hashedPII"]
ObjectUI: TypeAlias = Literal["keyvalue", "object", "keyvalue:only", "object:only", "arrayeditor"]
InputMethod: TypeAlias = Literal["literal", "variable", "function", "enrichment", "freeform"]
DisplayMode: TypeAlias = Literal["expanded", "normal", "collapsed"]
SyncModeName: TypeAlias = Literal["add", "update", "upsert", "delete", "mirror"]


@attrs.frozen(kw_only=True)
class Condition:
    """One comparison of another field, or of the sync mode, with a value or with absence."""

    #: The other field; `parent.child` names a property of an object. Empty for the sync mode.
    field_key: str = ""
    operator: Literal["is", "is_not"] = "is"
    #: `UNSET` asks whether the other field has a value at all; a list asks for any of them.
    value: Any = UNSET
    type: Literal["field", "syncMode"] | None = None


@attrs.frozen(kw_only=True)
class Conditions:
    """When a field is required, or shown: `all` (the default) or `any` of some comparisons."""

    conditions: tuple[Condition, ...]
    match: Literal["all", "any"] | None = None


def when(field_key: str, *, is_: Any = UNSET, is_not: Any = UNSET) -> Conditions:
    """A single condition on another field: `when("channel", is_="email")`.

    Without a value it asks that the other field has one: `when("email")`.
    """
    if is_ is not UNSET:
        return Conditions(conditions=(Condition(field_key=field_key, value=is_),))
    return Conditions(
        conditions=(Condition(field_key=field_key, operator="is_not", value=is_not),),
    )


@attrs.frozen
class Choice:
    """One value that a field may take, and its label."""

    value: Any
    label: str
    description: str | None = None


@attrs.frozen(kw_only=True)
class Field:
    """One input: its type and checks, its default mapping, and how a form should show it."""

    label: str
    description: str = ""
    type: FieldType
    #: Whether a value must be there, always or under conditions.
    required: bool | Conditions = False
    #: Whether the value is a list of `type`; a single value is put into a list.
    multiple: bool = False
    allow_null: bool = False
    #: Whether an empty text is a value; without it, one counts as missing.
    allow_empty: bool = False
    #: Whether the choices are fetched from the partner.
    dynamic: bool = False
    #: A literal or a directive: what new subscriptions map to this field.
    default: Any = None
    #: The values allowed: plain strings, or `Choice`.
    choices: Sequence[str | Choice] | None = None
    placeholder: str | None = None
    #: The fields of an object.
    properties: Mapping[str, Field] | None = None
    category: FieldCategory | None = None
    #: When a form shows this field.
    depends_on: Conditions | None = None
    read_only: bool | None = None
    hidden: bool | None = None
    #: Smallest number, or shortest string in characters.
    minimum: float | None = None
    #: Largest number, or longest string in characters.
    maximum: float | None = None
    default_object_ui: ObjectUI | None = None
    disabled_input_methods: Sequence[InputMethod] | None = None
    display_mode: DisplayMode | None = None
    format: FieldFormat | None = None
    #: Whether an object keeps keys that `properties` does not name.
    additional_properties: bool = False
    #: Whether its value is a secret, encrypted at rest and masked; a password always is.
    #: `False` says that it is not, whatever its name looks like.
    secret: bool | None = None

    def __attrs_post_init__(self) -> None:
        # Everything inside a secret object is secret.
        if self.is_secret and self.properties is not None:
            inner = {key: attrs.evolve(f, secret=True) for key, f in self.properties.items()}
            object.__setattr__(self, "properties", inner)

    @property
    def is_secret(self) -> bool:
        """Whether its value is a secret: marked as one, or a password by type or format."""
        return bool(self.secret) or "password" in (self.type, self.format)

    @property
    def holds_secrets(self) -> bool:
        """Whether its value, or a property of it at any depth, is a secret."""
        return self.is_secret or any(f.holds_secrets for f in (self.properties or {}).values())


Fields: TypeAlias = Mapping[str, Field]


def defaults_of(fields: Fields) -> dict[str, Any]:
    """The defaults that fields declare, by wire name."""
    return {key: field.default for key, field in fields.items() if field.default is not None}
