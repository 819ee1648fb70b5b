"""Reading a configuration file with the plugins that it names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from offramp.cli.context import Context
from offramp.config import Loaded, parse_config, read_document
from offramp.plugins import Catalog

DEFAULT_FILE: Final = Path("offramp.toml")


def load(context: Context, path: Path) -> tuple[Loaded, Catalog]:
    """A checked configuration and its catalog; raises `ConfigError` with every fault."""
    document = read_document(path)
    catalog = context.catalog_with(document.plugins)
    return parse_config(document, catalog), catalog
