"""The command line: its commands, those of plugins, and how errors are reported."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from types import MethodType
from typing import Final

from cyclopts import App
from rich.console import Console

from offramp._version import __version__
from offramp.cli.commands import COMMANDS
from offramp.cli.context import Context, HostCommandContext
from offramp.errors import OfframpError
from offramp.place import exception_text

#: Exit status for an error; the message says what to do.
EXIT_BAD_INPUT: Final = 2
EXIT_INTERRUPTED: Final = 130

HELP: Final = """Destination actions, self-hosted: Segment-spec events in, partner APIs out.

Start with `offramp demo`, then `offramp catalog` and `offramp serve`.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status: 0, or 2 after a message on standard error."""
    context = Context()
    # Commands write their own messages; only `serve` has a log.
    logging.getLogger("offramp").addHandler(logging.NullHandler())
    try:
        result = make_program(context)(arguments, exit_on_error=True, result_action="return_value")
    except OfframpError as error:
        context.complain(error)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return 0
    return result if isinstance(result, int) else 0


def make_program(context: Context) -> App:
    """Make the application with its own commands and those of plugins."""
    program = App(
        name="offramp",
        help=HELP,
        version=__version__,
        help_format="markdown",
        error_console=Console(stderr=True),
    )
    for own in COMMANDS:
        # Its first parameter is the context; the others are its options.
        program.command(MethodType(own, context))
    for plugin, command in context.plugins.commands(HostCommandContext(context)):
        try:
            program.command(command)
        except Exception as error:  # noqa: BLE001 - such as an unresolvable annotation
            name = getattr(command, "__name__", repr(command))
            cause = f"its command {name} is left out: {exception_text(error)}"
            context.plugins.report(plugin, f"command {name}", cause)
    context.report(context.plugins.problems)
    return program
