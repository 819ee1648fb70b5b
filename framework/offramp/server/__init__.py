"""The host's HTTP doors: the collector, and those for operations."""

from offramp.server.app import make_app
from offramp.server.collector import Intake
from offramp.server.limits import Limits
from offramp.server.messages import complete
from offramp.server.ops import Check
from offramp.server.run import bind, serve

__all__ = ["Check", "Intake", "Limits", "bind", "complete", "make_app", "serve"]
