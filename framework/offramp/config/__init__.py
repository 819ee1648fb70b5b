"""Sources, instances and subscriptions: their model, and how they come in and go out."""

from offramp.config.audiences import (
    AudienceState,
    InstanceAudience,
    audience_remedy,
    audience_state,
    audiences_of,
    pending_audiences,
    resolve_audiences,
    with_audience,
    without_audience,
)
from offramp.config.batching import BatchTable, batch_limits, batch_of, read_batch
from offramp.config.built_in import with_built_in
from offramp.config.check import Report, check_config
from offramp.config.diff import Change, Detail, apply_changes, diff_configs, same_thing
from offramp.config.export import export_config
from offramp.config.files import Document, read_document
from offramp.config.grant_rows import Grant
from offramp.config.grants import GrantStore
from offramp.config.host import (
    DISABLED_SOURCE_GRACE,
    HIGHEST_PORT,
    KEEP_DEAD_LETTERS_DAYS,
    KEEP_DELIVERED_DAYS,
    MAX_IN_FLIGHT,
    MAX_PAUSED_EVENTS,
    MAX_RETRY_AFTER_SECONDS,
    MIN_FREE_BYTES,
    BackupSettings,
    EgressSettings,
    HostSettings,
    LogFormat,
    LogLevel,
    host_settings,
    read_address,
)
from offramp.config.keyring import (
    KEY_FILE,
    KEY_FILE_VARIABLE,
    KEY_VARIABLE,
    KeyRing,
    load_key_ring,
    rotate_key_file,
    sealing_keys_in,
)
from offramp.config.model import (
    Config,
    Instance,
    Kind,
    Source,
    Subscription,
    Thing,
    is_write_key,
)
from offramp.config.oauth import OAuthApp
from offramp.config.parse import Loaded, parse_config
from offramp.config.periods import Pauses, Period, Periods
from offramp.config.plugins import configure_plugins
from offramp.config.references import (
    References,
    check_references,
    follow,
    follow_all,
    referenced_values,
    references_in,
    resolve,
    resolve_mapping,
    resolve_oauth,
    resolve_settings,
    resolve_write_keys,
)
from offramp.config.refused_settings import refused_settings
from offramp.config.rotation import Rotation, key_ring_of, rotate_keys
from offramp.config.sandbox import in_sandbox, sandbox_settings
from offramp.config.secrets import change_secrets, is_reference, mask, mask_mapping, mask_settings
from offramp.config.store import AuditEntry, ConfigStore, StaleConfigError
from offramp.config.toml import to_toml
from offramp.config.triggers import TriggerReading, read_trigger
from offramp.config.unreadable import known_keys

__all__ = [
    "DISABLED_SOURCE_GRACE",
    "HIGHEST_PORT",
    "KEEP_DEAD_LETTERS_DAYS",
    "KEEP_DELIVERED_DAYS",
    "KEY_FILE",
    "KEY_FILE_VARIABLE",
    "KEY_VARIABLE",
    "MAX_IN_FLIGHT",
    "MAX_PAUSED_EVENTS",
    "MAX_RETRY_AFTER_SECONDS",
    "MIN_FREE_BYTES",
    "AudienceState",
    "AuditEntry",
    "BackupSettings",
    "BatchTable",
    "Change",
    "Config",
    "ConfigStore",
    "Detail",
    "Document",
    "EgressSettings",
    "Grant",
    "GrantStore",
    "HostSettings",
    "Instance",
    "InstanceAudience",
    "KeyRing",
    "Kind",
    "Loaded",
    "LogFormat",
    "LogLevel",
    "OAuthApp",
    "Pauses",
    "Period",
    "Periods",
    "References",
    "Report",
    "Rotation",
    "Source",
    "StaleConfigError",
    "Subscription",
    "Thing",
    "TriggerReading",
    "apply_changes",
    "audience_remedy",
    "audience_state",
    "audiences_of",
    "batch_limits",
    "batch_of",
    "change_secrets",
    "check_config",
    "check_references",
    "configure_plugins",
    "diff_configs",
    "export_config",
    "follow",
    "follow_all",
    "host_settings",
    "in_sandbox",
    "is_reference",
    "is_write_key",
    "key_ring_of",
    "known_keys",
    "load_key_ring",
    "mask",
    "mask_mapping",
    "mask_settings",
    "parse_config",
    "pending_audiences",
    "read_address",
    "read_batch",
    "read_document",
    "read_trigger",
    "referenced_values",
    "references_in",
    "refused_settings",
    "resolve",
    "resolve_audiences",
    "resolve_mapping",
    "resolve_oauth",
    "resolve_settings",
    "resolve_write_keys",
    "rotate_key_file",
    "rotate_keys",
    "same_thing",
    "sandbox_settings",
    "sealing_keys_in",
    "to_toml",
    "with_audience",
    "with_built_in",
    "without_audience",
]
