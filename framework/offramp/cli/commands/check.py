"""`offramp check`: lists every error of a configuration, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from offramp.cli.context import Context
from offramp.cli.load import DEFAULT_FILE, load
from offramp.cli.options import ConfigFile
from offramp.config import Config, check_config, follow_all
from offramp.errors import ConfigError, Fault, PluginError, counted, join_place
from offramp.host.instances import outbound_of, outbound_of_instance
from offramp.plugins import Catalog


def check(context: Context, config: ConfigFile = DEFAULT_FILE) -> int:
    """Check a configuration: list every error with its place, and warnings."""
    loaded, catalog = load(context, config)
    outbound = outbound_of(loaded.host.egress_settings)
    report = check_config(loaded.config, catalog, references=follow_all(), egress=outbound.egress)
    certificates = loaded.host.egress_settings.client_certificates
    for warning in [*report.warnings, *_unused(certificates, loaded.config)]:
        context.warn(str(warning))
    faults = [*_without_middleware(loaded.config, catalog)]
    for name in certificates:
        try:
            outbound_of_instance(loaded.host.egress_settings, outbound, name)
        except ConfigError as error:
            faults += error.faults
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


def _unused(certificates: Iterable[str], config: Config) -> Iterator[Fault]:
    """Find the client certificates that no instance shows."""
    for name in certificates:
        if name not in config.instances:
            place = join_place("host.egress.client_certificates", name)
            yield Fault(place, "is not used: there is no instance of this name")


def _summary(path: Path, config: Config) -> str:
    enabled = sum(s.enabled for s in config.subscriptions.values())
    return (
        f"{path} is valid: {counted(len(config.sources), 'source')}, "
        f"{counted(len(config.instances), 'instance')}, "
        f"{counted(len(config.subscriptions), 'subscription')} ({enabled} enabled)"
    )
