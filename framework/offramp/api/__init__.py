"""The control API: configures and monitors one host; callers need its token."""

from offramp.api.backups import manifest_shape
from offramp.api.host_context import HostContext
from offramp.api.identity import (
    IDENTITY_FILE,
    IDENTITY_PATH,
    Identity,
    new_nonce,
    own_identity,
    proof,
)
from offramp.api.logins import RefusedLogins
from offramp.api.records import event_record
from offramp.api.reloading import Reloaded, reload, reload_refused, stale_references
from offramp.api.sealing_keys import rotation_shape
from offramp.api.sessions import Sessions
from offramp.api.table import control_routes, operations_of
from offramp.api.tokens import ADDED_FILE, TOKEN_FILE, Token, Tokens, load_token, read_token

__all__ = [
    "ADDED_FILE",
    "IDENTITY_FILE",
    "IDENTITY_PATH",
    "TOKEN_FILE",
    "HostContext",
    "Identity",
    "RefusedLogins",
    "Reloaded",
    "Sessions",
    "Token",
    "Tokens",
    "control_routes",
    "event_record",
    "load_token",
    "manifest_shape",
    "new_nonce",
    "operations_of",
    "own_identity",
    "proof",
    "read_token",
    "reload",
    "reload_refused",
    "rotation_shape",
    "stale_references",
]
