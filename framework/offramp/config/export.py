"""Configuration files out: a configuration as the document that reads back as the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from offramp.config.host import HostSettings
from offramp.config.model import Config, Instance, Source, Subscription
from offramp.config.oauth import OAUTH_FIELDS
from offramp.config.options import write_options
from offramp.config.save_hooks import SaveHooks, mask_hooks
from offramp.config.secrets import mask_mapping, mask_settings
from offramp.definition import Fields
from offramp.plugins import Catalog, CatalogAction


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
        document["host"] = write_options(host, secrets=secrets)
        if "egress" in document["host"]:  # with a proxy, whose password it may hold
            egress = write_options(host.egress_settings, secrets=secrets)
            document["host"]["egress"] = egress
    if config.sources:
        sources = config.sources.values()
        document["sources"] = {s.name: source_table(s, secrets=secrets) for s in sources}
    if config.instances:
        document["instances"] = {
            instance.name: {
                **instance_table(instance, catalog, secrets=secrets),
                **_subscriptions(config, instance.name, catalog, secrets=secrets),
            }
            for instance in config.instances.values()
        }
    return document


def settings_fields(catalog: Catalog, instance: Instance) -> Fields:
    """The settings that an instance's destination declares; none where its plugin is missing."""
    known = instance.destination in catalog
    return catalog[instance.destination].settings if known else {}


def audience_fields(catalog: Catalog, instance: Instance) -> Fields:
    """The settings that an instance's destination declares of an audience."""
    known = catalog.get(instance.destination)
    audience = None if known is None else known.destination.audience
    return {} if audience is None else audience.declared_fields


def mask_audiences(fields: Fields, audiences: Mapping[str, Any]) -> dict[str, Any]:
    """Audiences as a person may see them; `fields` are those of their settings."""
    return {
        key: {**each, "settings": mask_settings(fields, each["settings"])}
        if "settings" in each
        else dict(each)
        for key, each in audiences.items()
    }


def mapping_fields(catalog: Catalog, config: Config, subscription: Subscription) -> Fields:
    """The fields that a subscription's action declares; none where its plugin is missing."""
    offered = offered_action(catalog, config, subscription)
    return {} if offered is None else offered.fields


def save_hooks_of(catalog: Catalog, config: Config, subscription: Subscription) -> SaveHooks:
    """The save hooks that a subscription's action declares; none where its plugin is missing."""
    offered = offered_action(catalog, config, subscription)
    return {} if offered is None else offered.action.save_hooks


def offered_action(
    catalog: Catalog, config: Config, subscription: Subscription
) -> CatalogAction | None:
    """The action of a subscription; `None` if no plugin declares it."""
    instance = config.instances.get(subscription.instance)
    if instance is None or instance.destination not in catalog:
        return None
    return catalog[instance.destination].find_action(subscription.action)


def source_table(source: Source, *, secrets: bool = False) -> dict[str, Any]:
    """A source as its table in a document."""
    return write_options(source, secrets=secrets)


def instance_table(
    instance: Instance, catalog: Catalog, *, secrets: bool = False
) -> dict[str, Any]:
    """An instance as its table in a document, without its subscriptions."""
    return write_options(instance if secrets else masked_instance(instance, catalog))


def masked_instance(instance: Instance, catalog: Catalog) -> Instance:
    """An instance as a person may see it."""
    settings = mask_settings(settings_fields(catalog, instance), instance.settings)
    audiences = mask_audiences(audience_fields(catalog, instance), instance.audiences)
    app = mask_settings(OAUTH_FIELDS, instance.oauth)
    return attrs.evolve(instance, settings=settings, audiences=audiences, oauth=app)


def masked_subscription(
    subscription: Subscription, catalog: Catalog, config: Config
) -> Subscription:
    """A subscription as a person may see it."""
    return attrs.evolve(
        subscription,
        mapping=mask_mapping(mapping_fields(catalog, config, subscription), subscription.mapping),
        hooks=mask_hooks(save_hooks_of(catalog, config, subscription), subscription.hooks),
    )


def subscription_table(subscription: Subscription) -> dict[str, Any]:
    """A subscription as its table in a document."""
    table = write_options(subscription)
    if subscription.id == f"{subscription.instance}/{subscription.name}":
        del table["id"]
    mapping = table.pop("mapping")
    return {**table, "defaults": False, "mapping": mapping}


def _subscriptions(
    config: Config, instance: str, catalog: Catalog, *, secrets: bool
) -> dict[str, Any]:
    tables = [
        subscription_table(each if secrets else masked_subscription(each, catalog, config))
        for each in config.subscriptions_of(instance)
        if not each.built_in
    ]
    return {"subscriptions": tables} if tables else {}
