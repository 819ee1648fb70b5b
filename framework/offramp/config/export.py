"""Configuration files out: a configuration as the document that reads back as the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from offramp.config.host import HostSettings
from offramp.config.model import Config, Instance, Source, Subscription
from offramp.config.secrets import mask, mask_mapping, mask_settings
from offramp.definition import Fields
from offramp.plugins import Catalog


def export_config(
    config: Config,
    catalog: Catalog,
    *,
    host: HostSettings | None = None,
    plugin_files: tuple[Path, ...] = (),
    secrets: bool = False,
) -> dict[str, Any]:
    """A configuration as data in the shape of `offramp.toml`; see `to_toml`.

    Secrets are masked unless asked for; `parse_config(..., current=config)` puts masked ones back.
    Each subscription carries its whole mapping, so later changes of defaults do not touch it.
    """
    document: dict[str, Any] = {}
    if plugin_files:
        document["plugin_files"] = [str(path) for path in plugin_files]
    if host is not None:
        document["host"] = _host(host, secrets=secrets)
    if config.sources:
        sources = config.sources.values()
        document["sources"] = {s.name: source_table(s, secrets=secrets) for s in sources}
    if config.instances:
        document["instances"] = {
            instance.name: {
                **instance_table(instance, settings_fields(catalog, instance), secrets=secrets),
                **_subscriptions(config, instance.name, catalog, secrets=secrets),
            }
            for instance in config.instances.values()
        }
    return document


def settings_fields(catalog: Catalog, instance: Instance) -> Fields:
    """The settings that an instance's destination declares; none where its plugin is missing."""
    known = instance.destination in catalog
    return catalog[instance.destination].settings if known else {}


def mapping_fields(catalog: Catalog, config: Config, subscription: Subscription) -> Fields:
    """The fields that a subscription's action declares; none where its plugin is missing."""
    instance = config.instances.get(subscription.instance)
    if instance is None or instance.destination not in catalog:
        return {}
    offered = catalog[instance.destination].actions.get(subscription.action)
    return {} if offered is None else offered.fields


def source_table(source: Source, *, secrets: bool = False) -> dict[str, Any]:
    """A source as its table in a document."""
    key = source.write_key if secrets else mask(source.write_key)
    return {"write_key": key, **_unless(enabled=source.enabled)}


def instance_table(instance: Instance, fields: Fields, *, secrets: bool = False) -> dict[str, Any]:
    """An instance as its table in a document, without its subscriptions."""
    settings = dict(instance.settings) if secrets else mask_settings(fields, instance.settings)
    return {
        "destination": instance.destination,
        "source": instance.source,
        **_unless(enabled=instance.enabled),
        **{
            k: v
            for k in ("max_concurrency", "requests_per_second")
            if (v := getattr(instance, k)) is not None
        },
        **({"settings": settings} if settings else {}),
    }


def subscription_table(
    subscription: Subscription, fields: Fields, *, secrets: bool = False
) -> dict[str, Any]:
    """A subscription as its table in a document; `fields` are those of its action."""
    mapping = dict(subscription.mapping)
    named = f"{subscription.instance}/{subscription.name}"
    return {
        **({} if subscription.id == named else {"id": subscription.id}),
        "name": subscription.name,
        **({} if subscription.preset is None else {"preset": subscription.preset}),
        "action": subscription.action,
        "trigger": subscription.trigger,
        **_unless(enabled=subscription.enabled),
        "defaults": False,
        "mapping": mapping if secrets else mask_mapping(fields, mapping),
    }


def _subscriptions(
    config: Config, instance: str, catalog: Catalog, *, secrets: bool
) -> dict[str, Any]:
    tables = [
        subscription_table(each, mapping_fields(catalog, config, each), secrets=secrets)
        for each in config.subscriptions_of(instance)
    ]
    return {"subscriptions": tables} if tables else {}


def _unless(*, enabled: bool) -> dict[str, bool]:
    return {} if enabled else {"enabled": False}


def _host(host: HostSettings, *, secrets: bool) -> dict[str, Any]:
    said: Mapping[str, Any] = attrs.asdict(host)
    default = HostSettings()
    changed = {k: v for k, v in said.items() if v is not None and v != getattr(default, k)}
    if "data_dir" in changed:
        changed["data_dir"] = str(changed["data_dir"])
    if "references" in changed:
        changed["references"] = list(changed["references"])
    if "api_token" in changed and not secrets:
        changed["api_token"] = mask(changed["api_token"])
    return changed
