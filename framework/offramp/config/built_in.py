"""Built-in subscriptions: an instance whose destination has `on_delete` has one for deletions."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import attrs

from offramp.config.model import Config, Instance, Subscription
from offramp.definition import ON_DELETE
from offramp.plugins import Catalog

#: Selects the requests for deletions.
TRIGGER: Final = 'type = "delete"'
#: What the message for a name or an id says that only the host may give.
RESERVED: Final = (
    f"is reserved: the host makes the subscription {ON_DELETE!r} of an instance itself"
)
#: Built-in subscriptions that stay the very same between two readings of a configuration.
KEPT: Final = 10_000


def with_built_in(config: Config, catalog: Catalog) -> Config:
    """The configuration with the built-in subscriptions of its instances, and no others of those.

    While a destination is not in the catalog its instances have one too: what waits there, as its
    plugin is left out or not installed now, must not end.
    """
    made = [
        on_delete_subscription(each.name, paused=each.on_delete_paused)
        for each in config.instances.values()
        if _deletes_users(each, catalog)
    ]
    written = {k: each for k, each in config.subscriptions.items() if not each.built_in}
    if not made and len(written) == len(config.subscriptions):
        return config
    return attrs.evolve(config, subscriptions={**written, **{each.id: each for each in made}})


def on_delete_id(instance: str) -> str:
    """The id of the built-in subscription of an instance."""
    return f"{instance}/{ON_DELETE}"


def is_reserved(subscription_id: str) -> bool:
    """Whether only a built-in subscription may have an id."""
    return subscription_id.endswith(on_delete_id(""))


def _deletes_users(instance: Instance, catalog: Catalog) -> bool:
    entry = catalog.get(instance.destination)
    return entry is None or entry.on_delete is not None


@lru_cache(maxsize=KEPT)
def on_delete_subscription(instance: str, *, paused: bool = False) -> Subscription:
    """The built-in subscription of an instance."""
    return Subscription(
        id=on_delete_id(instance),
        name=ON_DELETE,
        instance=instance,
        action=ON_DELETE,
        trigger=TRIGGER,
        mapping={},
        paused=paused,
    )
