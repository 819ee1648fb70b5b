"""Destination, Action, field, setting, Preset: inert data on attrs."""

from offramp.definition.action import (
    SYNC_MODE_KEY,
    Action,
    Batch,
    BatchOutcomes,
    Idempotency,
    Retry,
    SyncMode,
    sync_mode_apart,
)
from offramp.definition.audience import Audience, audience_membership, personas_of
from offramp.definition.choices import ChoicesQuery, DynamicChoices, FetchChoices
from offramp.definition.deletion import ON_DELETE, DeleteUser
from offramp.definition.destination import AnyAction, Destination, LazyDestination, Preset
from offramp.definition.directives import (
    array_path,
    coalesce,
    liquid,
    literal,
    path,
    template,
)
from offramp.definition.fields import (
    Choice,
    Condition,
    Conditions,
    Field,
    Fields,
    FieldType,
    defaults_of,
    when,
)
from offramp.definition.manifest import (
    fields_from_manifest,
    fields_to_manifest,
    settings_from_manifest,
    settings_to_manifest,
)
from offramp.definition.oauth import (
    AuthTokens,
    ClientAuthentication,
    Flow,
    OAuth2,
    OAuthClient,
)
from offramp.definition.options import Option, option, options_of
from offramp.definition.personal_data import (
    hash_personal,
    normalize_email,
    normalize_name,
    normalize_phone,
)
from offramp.definition.request import (
    AudienceDetails,
    Cache,
    Form,
    Handler,
    Middleware,
    OutgoingRequest,
    Request,
    RequestOptions,
    Response,
    SendOptions,
    join_url,
    parse_retry_after,
    quote_path,
)
from offramp.definition.sandbox import RunningSandbox, Sandbox
from offramp.definition.save_hook import SaveHook
from offramp.definition.shape import MASK, field, fields_of, setting, wire_names
from offramp.definition.unmarked import looks_secret
from offramp.definition.wire import dumps, loads, wire
from offramp.js.values import UNSET

__all__ = [
    "MASK",
    "ON_DELETE",
    "SYNC_MODE_KEY",
    "UNSET",
    "Action",
    "AnyAction",
    "Audience",
    "AudienceDetails",
    "AuthTokens",
    "Batch",
    "BatchOutcomes",
    "Cache",
    "Choice",
    "ChoicesQuery",
    "ClientAuthentication",
    "Condition",
    "Conditions",
    "DeleteUser",
    "Destination",
    "DynamicChoices",
    "FetchChoices",
    "Field",
    "FieldType",
    "Fields",
    "Flow",
    "Form",
    "Handler",
    "Idempotency",
    "LazyDestination",
    "Middleware",
    "OAuth2",
    "OAuthClient",
    "Option",
    "OutgoingRequest",
    "Preset",
    "Request",
    "RequestOptions",
    "Response",
    "Retry",
    "RunningSandbox",
    "Sandbox",
    "SaveHook",
    "SendOptions",
    "SyncMode",
    "array_path",
    "audience_membership",
    "coalesce",
    "defaults_of",
    "dumps",
    "field",
    "fields_from_manifest",
    "fields_of",
    "fields_to_manifest",
    "hash_personal",
    "join_url",
    "liquid",
    "literal",
    "loads",
    "looks_secret",
    "normalize_email",
    "normalize_name",
    "normalize_phone",
    "option",
    "options_of",
    "parse_retry_after",
    "path",
    "personas_of",
    "quote_path",
    "setting",
    "settings_from_manifest",
    "settings_to_manifest",
    "sync_mode_apart",
    "template",
    "when",
    "wire",
    "wire_names",
]
