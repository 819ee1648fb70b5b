"""Reading a configuration file with the plugins that it names."""

from __future__ import annotations

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
from offramp.plugins import Catalog

DEFAULT_FILE: Final = Path("offramp.toml")


@attrs.frozen(kw_only=True)
class File:
    """A configuration file that was read, with the plugins that it names, and not yet checked."""

    document: Document
    catalog: Catalog
    host: HostSettings

    def config(self, current: Config) -> Config:
        """What it says; masked secrets stand for those of `current`. Raises `ConfigError`."""
        return parse_config(self.document, self.catalog, current=current).config


def open_file(context: Context, path: Path) -> File:
    """Read a file and load its plugins; raises `ConfigError`."""
    document = read_document(path)
    catalog = context.catalog_with(document.plugins)
    return File(document=document, catalog=catalog, host=host_settings(document))


def load(context: Context, path: Path) -> tuple[Loaded, Catalog]:
    """A checked configuration and its catalog; raises `ConfigError` with every fault."""
    document = read_document(path)
    catalog = context.catalog_with(document.plugins)
    return parse_config(document, catalog), catalog
