"""Reading a configuration file with the plugins that it names."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import attrs

from offramp.cli.context import Context
from offramp.config import (
    Config,
    Document,
    HostSettings,
    Loaded,
    host_settings,
    parse_config,
    read_document,
)
from offramp.errors import ConfigError, Fault
from offramp.plugins import Catalog

_log = logging.getLogger(__name__)

DEFAULT_FILE: Final = Path("offramp.toml")


@attrs.frozen(kw_only=True)
class File:
    """A configuration file and the plugins that it names; it is read, but not yet checked."""

    document: Document
    catalog: Catalog
    host: HostSettings

    def config(self, current: Config) -> Config:
        """Check the file; masked secrets keep the values of `current`. Raises `ConfigError`.

        If a plugin is left out, the parts that use it stay as in `current`; this is logged.
        """
        read = parse_config(self.document, self.catalog, current=current, keep_unread=True)
        for fault in read.unread:
            _log.error("%s", fault, extra={"action": "config_unread"})
        return read.config


def open_file(context: Context, path: Path) -> File:
    """Read a file and load its plugins; raises `ConfigError`."""
    document = read_document(path)
    catalog = context.catalog_with(document)
    return File(document=document, catalog=catalog, host=host_settings(document))


def load_offered(context: Context, path: Path | None) -> Catalog:
    """Return what the plugins offer with the options and plugin files of a configuration.

    Without a path it is `offramp.toml` in the current folder, if there is one; a fault of that is
    only warned of. References are not resolved. Raises `ConfigError` for a file that is named.
    """
    if path is None and not DEFAULT_FILE.is_file():
        return context.catalog
    try:
        catalog = context.catalog_with(read_document(path or DEFAULT_FILE), follow=False)
    except ConfigError as error:
        if path is not None:
            raise
        context.warn(f"{DEFAULT_FILE} is left out of account: {error}")
        return context.catalog
    context.report(catalog.problems)
    return catalog


def load(context: Context, path: Path) -> tuple[Loaded, Catalog]:
    """Read and check a configuration; return it with its catalog.

    Raises `ConfigError` with every fault, also for plugin files that cannot be used.
    """
    document = read_document(path)
    # References are not resolved: their values need not exist where a file is only checked.
    catalog = context.catalog_with(document, follow=False)
    faults = _plugin_faults(document, catalog)
    context.report(each for each in catalog.problems if each.file is None or not each.left_out)
    try:
        loaded = parse_config(document, catalog)
    except ConfigError as error:
        raise ConfigError([*faults, *error.faults]) from None
    if faults:
        raise ConfigError(faults)
    return loaded, catalog


def _plugin_faults(document: Document, catalog: Catalog) -> list[Fault]:
    problems = {each.file: each.message for each in catalog.plugins.left_out}
    return [
        Fault(f"plugin_files[{index}]", problems[file])
        for index, file in enumerate(document.plugin_files)
        if file in problems
    ]
