"""The `offramp` command: the only place that wires everything together."""

from offramp.cli.program import main

__all__ = ["main"]
