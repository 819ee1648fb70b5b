"""Secrets that may be shown: their fields are not declared as such, or they are too short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from offramp.config.export import offered_action
from offramp.config.model import Config, Instance, Subscription
from offramp.config.same_keys import place_of
from offramp.config.secrets import change_secrets, is_reference, secrets_by_place
from offramp.definition import Fields
from offramp.definition.unmarked import unmarked_secrets
from offramp.errors import Fault, join_place
from offramp.http.masking import SHORTEST_SECRET
from offramp.plugins import Catalog

_WARNING: Final = (
    "looks like a secret by its name, and its destination does not declare it as one: it is stored "
    'and shown in the clear; have it declared with type="password" or secret=True (secret=False '
    "where it is none)"
)
_REFERENCE: Final = ", or write env:NAME in its place, which is masked"
_SHORT: Final = (
    f"has fewer than {SHORTEST_SECRET} characters: in messages and records so short a secret is "
    "masked only where it is a value by itself; choose a longer one"
)


def open_secrets(
    catalog: Catalog,
    config: Config,
    instances: Iterable[Instance],
    subscriptions: Iterable[Subscription],
) -> Iterator[Fault]:
    """Secrets that may be shown: what nobody declared as one, and what is too short to mask.

    They are looked for in the settings of some instances and in the mappings of some subscriptions.
    """
    for instance in instances:
        entry = catalog.get(instance.destination)
        if entry is not None:
            place = f"{join_place('instances', instance.name)}.settings"
            yield from _of_settings(entry.settings, instance.settings, place)
    for subscription in subscriptions:
        action = offered_action(catalog, config, subscription)
        if action is not None:
            place = f"{place_of(config, subscription)}.mapping"
            yield from _unmarked(action.fields, subscription.mapping, place, _WARNING)


def _of_settings(fields: Fields, settings: Mapping[str, Any], place: str) -> Iterator[Fault]:
    yield from _unmarked(fields, settings, place, _WARNING + _REFERENCE)
    for key, value in secrets_by_place(partial(change_secrets, fields, settings)).items():
        if isinstance(value, str) and 0 < len(value) < SHORTEST_SECRET:
            yield Fault(f"{place}.{key}", _SHORT)


def _unmarked(fields: Fields, data: Mapping[str, Any], place: str, message: str) -> Iterator[Fault]:
    for keys in unmarked_secrets(fields):
        if any(_written(data, keys)):
            yield Fault(".".join([place, *keys]), message)


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
