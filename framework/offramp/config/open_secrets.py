"""Secrets that stand in the clear, as the plugin did not declare the field that they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from offramp.config.model import Config
from offramp.config.same_keys import place_of
from offramp.config.secrets import is_reference
from offramp.config.table import join_place
from offramp.definition.unmarked import unmarked_secrets
from offramp.errors import Fault
from offramp.plugins import Catalog

_TOLD: Final = (
    "looks like a secret by its name, and its destination does not declare it as one: it is stored "
    'and shown in the clear; have it declared with type="password" or secret=True (secret=False '
    "where it is none)"
)
_REFERENCE: Final = ", or write env:NAME in its place, which is masked"


def open_secrets(config: Config, catalog: Catalog) -> Iterator[Fault]:
    """What is written into settings and mappings and looks like a secret that nobody declared."""
    for instance in config.instances.values():
        entry = catalog.entries.get(instance.destination)
        if entry is not None:
            place = f"{join_place('instances', instance.name)}.settings"
            for keys in unmarked_secrets(entry.settings):
                if any(_written(instance.settings, keys)):
                    yield Fault(".".join([place, *keys]), _TOLD + _REFERENCE)
    for each in config.subscriptions.values():
        entry = catalog.entries.get(config.instances[each.instance].destination)
        action = None if entry is None else entry.actions.get(each.action)
        if action is not None:
            place = f"{place_of(config, each)}.mapping"
            for keys in unmarked_secrets(action.fields):
                if any(_written(each.mapping, keys)):
                    yield Fault(".".join([place, *keys]), _TOLD)


def _written(value: Any, keys: Sequence[str]) -> Iterator[bool]:
    """Whether a text is written out at a place; several times where lists are on the way."""
    if isinstance(value, list):
        for item in value:
            yield from _written(item, keys)
    elif keys:
        if isinstance(value, Mapping) and keys[0] in value:
            yield from _written(value[keys[0]], keys[1:])
    else:
        text = value.get("@literal") if isinstance(value, Mapping) else value
        yield isinstance(text, str) and bool(text) and not is_reference(text)
