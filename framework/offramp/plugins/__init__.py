"""Plugins, and the catalog of everything that they declare."""

from offramp.plugins.catalog import (
    Catalog,
    CatalogAction,
    CatalogEntry,
    ListedDestination,
    pick,
)
from offramp.plugins.load import hook_names, load_plugins
from offramp.plugins.manager import LIFESPAN_HOOK, Plugins
from offramp.plugins.manifest import manifest
from offramp.plugins.merge import load_catalog
from offramp.plugins.problems import BLOCKED_VARIABLE, PluginProblem

__all__ = [
    "BLOCKED_VARIABLE",
    "LIFESPAN_HOOK",
    "Catalog",
    "CatalogAction",
    "CatalogEntry",
    "ListedDestination",
    "PluginProblem",
    "Plugins",
    "hook_names",
    "load_catalog",
    "load_plugins",
    "manifest",
    "pick",
]
