"""Serves the built web console, whose source is `framework/console`."""

from offramp.console.serving import CONSOLE_FILES, console_routes

__all__ = ["CONSOLE_FILES", "console_routes"]
