"""`offramp check`: lists every error of a configuration, and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from offramp.cli.context import Context
from offramp.cli.load import DEFAULT_FILE, load
from offramp.cli.options import ConfigFile
from offramp.config import Config, check_config, follow_all
from offramp.errors import ConfigError, Fault, PluginError, counted, join_place
from offramp.host.instances import outbound_of
from offramp.plugins import Catalog


def check(context: Context, config: ConfigFile = DEFAULT_FILE) -> int:
    """Check a configuration: list every error with its place, and warnings."""
    loaded, catalog = load(context, config)
    egress = outbound_of(loaded.host.egress_settings).egress
    report = check_config(loaded.config, catalog, references=follow_all(), egress=egress)
    for warning in report.warnings:
        context.warn(str(warning))
    faults = [*_without_middleware(loaded.config, catalog)]
    if faults:
        raise ConfigError(faults)
    context.out.print(_summary(config, loaded.config), markup=False)
    return 0


def _without_middleware(config: Config, catalog: Catalog) -> Iterator[Fault]:
    """Find the instances that would not run, as part of their middleware cannot be used."""
    for instance in config.instances.values():
        try:
            if instance.enabled:
                catalog.plugins.middleware(catalog[instance.destination].destination)
        except PluginError as error:
            yield Fault(join_place("instances", instance.name), f"does not run: {error}")


def _summary(path: Path, config: Config) -> str:
    enabled = sum(s.enabled for s in config.subscriptions.values())
    return (
        f"{path} is valid: {counted(len(config.sources), 'source')}, "
        f"{counted(len(config.instances), 'instance')}, "
        f"{counted(len(config.subscriptions), 'subscription')} ({enabled} enabled)"
    )
