"""HTTP code that the collector and the control API share."""

from offramp.web.answers import RefusedError
from offramp.web.bodies import read_body
from offramp.web.callers import caller_address
from offramp.web.completion import complete

__all__ = ["RefusedError", "caller_address", "complete", "read_body"]
