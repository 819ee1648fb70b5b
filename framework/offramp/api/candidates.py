"""Subscriptions that are not saved, or not yet: read and checked like those of a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offramp.api.editing import parse_part
from offramp.config import Config, Subscription
from offramp.config.export import instance_table, settings_fields, source_table
from offramp.config.table import join_place
from offramp.plugins import Catalog, pick


def read_candidate(
    catalog: Catalog, config: Config, instance: str, table: Mapping[str, Any]
) -> Subscription:
    """A subscription of an instance; raises `ConfigError` with every fault of it.

    `table` is as in a document: name, preset, action, trigger, mapping, defaults, enabled, id.
    """
    of = pick(config.instances, instance, "instance")
    place = join_place(join_place("instances", instance), "subscriptions")
    settings = instance_table(of, settings_fields(catalog, of), secrets=True)
    document = {
        "sources": {s.name: source_table(s, secrets=True) for s in config.sources.values()},
        "instances": {instance: {**settings, "subscriptions": [dict(table)]}},
    }
    read = parse_part(document, catalog, config, part=join_place(place, 0))
    [subscription] = read.subscriptions.values()
    return subscription
