"""`offramp check`: every fault of a configuration, and warnings."""

from __future__ import annotations

from pathlib import Path

from offramp.cli.context import Context
from offramp.cli.load import DEFAULT_FILE, load
from offramp.cli.options import ConfigFile
from offramp.config import Config, check_config, follow_all
from offramp.errors import counted


def check(context: Context, config: ConfigFile = DEFAULT_FILE) -> int:
    """Check a configuration: list every fault with its place, and warnings."""
    loaded, catalog = load(context, config)
    report = check_config(loaded.config, catalog, references=follow_all())
    for warning in report.warnings:
        context.warn(str(warning))
    context.out.print(_summary(config, loaded.config), markup=False)
    return 0


def _summary(path: Path, config: Config) -> str:
    enabled = sum(s.enabled for s in config.subscriptions.values())
    return (
        f"{path} is good: {counted(len(config.sources), 'source')}, "
        f"{counted(len(config.instances), 'instance')}, "
        f"{counted(len(config.subscriptions), 'subscription')} ({enabled} enabled)"
    )
