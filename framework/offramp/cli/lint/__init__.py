"""Finds what type checkers cannot see in a destination: by its source, and by what it declares."""

from offramp.cli.lint.run import lint_module
from offramp.cli.lint.source import Finding

__all__ = ["Finding", "lint_module"]
