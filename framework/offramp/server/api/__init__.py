"""The control API: configures and watches one host, behind a token."""

from offramp.server.api.access import TOKEN_FILE, Token, load_token, read_token
from offramp.server.api.parts import Parts
from offramp.server.api.stories import tell
from offramp.server.api.table import control_routes, operations_of

__all__ = [
    "TOKEN_FILE",
    "Parts",
    "Token",
    "control_routes",
    "load_token",
    "operations_of",
    "read_token",
    "tell",
]
