"""Plugins and the catalog: what all of them together declare."""

from offramp.plugins.catalog import (
    Catalog,
    CatalogAction,
    CatalogEntry,
    load_catalog,
    pick,
)
from offramp.plugins.load import BLOCKED_VARIABLE, hook_names, load_plugins
from offramp.plugins.manager import PluginProblem, Plugins
from offramp.plugins.manifest import manifest

__all__ = [
    "BLOCKED_VARIABLE",
    "Catalog",
    "CatalogAction",
    "CatalogEntry",
    "PluginProblem",
    "Plugins",
    "hook_names",
    "load_catalog",
    "load_plugins",
    "manifest",
    "pick",
]
