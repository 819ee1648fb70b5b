"""The catalog of the API: the destinations that plugins declare, for lists, forms and checks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import Any

from offramp.api.catalog_shapes import (
    ActionBrief,
    ActionShape,
    AudienceConfigShape,
    BatchLimitsShape,
    BatchShape,
    CatalogAnswer,
    DestinationBrief,
    DestinationShape,
    FieldShape,
    OAuthShape,
    OptionShape,
    PluginOriginShape,
    SaveHookShape,
    SyncModeShape,
)
from offramp.api.host_context import HostContext
from offramp.api.new_instances import offered_name
from offramp.api.operations import Call, Operation, Reply
from offramp.config import BatchTable, OAuthApp, batch_limits
from offramp.config.batching import LONGEST_LINGER
from offramp.definition import (
    Audience,
    Batch,
    Destination,
    Fields,
    SaveHook,
    SyncMode,
    fields_to_manifest,
    options_of,
)
from offramp.payload import json_schema
from offramp.plugins import Catalog, CatalogAction, CatalogEntry, ListedDestination, manifest


class CatalogResource:
    """The destinations that can be configured."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._catalog = host.catalog

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/catalog",
            tag="catalog",
            summary="List the destinations that can be configured",
            serve=self.listing,
            answer=CatalogAnswer,
        )
        yield Operation(
            method="GET",
            path="/api/catalog/{slug}",
            tag="catalog",
            summary="Show a destination: settings, actions with fields and JSON Schema, presets",
            serve=self.show,
            answer=DestinationShape,
        )

    async def listing(self, _: Call) -> Reply:
        """Answer with all destinations."""
        problems = [
            {"place": each.place, "message": each.message} for each in self._catalog.problems
        ]
        destinations = [destination_brief(self._catalog, each) for each in self._catalog.listed]
        return Reply(data={"destinations": destinations, "problems": problems})

    async def show(self, call: Call) -> Reply:
        """Answer with one destination."""
        # In a thread, since a lazy destination is built when it is asked for the first time.
        entry = await asyncio.to_thread(self._catalog.__getitem__, call.path["slug"])
        _, config = await self._host.configs.load()
        return Reply(data=destination_shape(self._catalog, entry, config.instances))


def destination_shape(
    catalog: Catalog, entry: CatalogEntry, taken: Collection[str] = ()
) -> DestinationShape:
    """Show a destination in full; `taken` are the names of the instances that there are."""
    destination = entry.destination
    return {
        "slug": entry.slug,
        "name": destination.name,
        "description": destination.description,
        "mode": destination.mode,
        "plugin": entry.plugin,
        "origin": _origin(catalog, entry.plugin),
        "fallbacks": list(catalog.fallbacks(entry.slug)),
        "instance_name": offered_name(entry, taken),
        "scheme": destination.scheme,
        "oauth": _oauth(destination),
        "testable": destination.test_authentication is not None,
        "on_delete": destination.on_delete is not None,
        "audience": None if destination.audience is None else _audience(destination.audience),
        "settings": _fields(entry.settings),
        "settings_schema": json_schema(entry.settings),
        "actions": [_action(offered) for offered in entry.actions.values()],
        "presets": [
            {
                "name": preset.name,
                "action": preset.action,
                "trigger": preset.trigger,
                "mapping": entry.preset_mapping(preset),
                "sync_mode": preset.sync_mode,
            }
            for preset in entry.presets
        ],
        "manifest": manifest(entry),
    }


def destination_brief(catalog: Catalog, listed: ListedDestination) -> DestinationBrief:
    """Show a destination in a list, without building it."""
    actions: list[ActionBrief] = [
        {"slug": each.slug, "title": each.title, "description": each.description}
        for each in listed.actions
    ]
    titles = [word for each in listed.actions for word in (each.slug, each.title)]
    words = [listed.slug, listed.name, listed.description or "", *titles, *listed.presets]
    return {
        "slug": listed.slug,
        "name": listed.name,
        "description": listed.description,
        "plugin": listed.plugin,
        "origin": _origin(catalog, listed.plugin),
        "fallbacks": list(listed.fallbacks),
        "built": catalog.state(listed.slug) == "built",
        "search": " ".join(words).lower(),
        "actions": actions,
        "presets": list(listed.presets),
    }


def _origin(catalog: Catalog, plugin: str) -> PluginOriginShape:
    origin = catalog.plugins.origin(plugin)
    return {
        "plugin": plugin,
        "module": origin.module,
        "distribution": origin.distribution,
        "version": origin.version,
        "file": None if origin.file is None else str(origin.file),
    }


def _audience(audience: Audience) -> AudienceConfigShape:
    return {
        "mode": audience.mode,
        "full_sync": audience.full_sync,
        "creates": audience.create is not None,
        "gets": audience.get is not None,
        "fields": _fields(audience.declared_fields),
    }


def _fields(fields: Fields) -> dict[str, FieldShape]:
    """Show fields with all that a form needs."""
    shown: dict[str, Any] = fields_to_manifest(fields)
    for key, field in fields.items():
        shown[key]["secret"] = field.is_secret
        shown[key]["allowEmpty"] = field.allow_empty
        if field.properties is not None:
            shown[key]["properties"] = _fields(field.properties)
    return shown


def _sync_mode(mode: SyncMode | None) -> SyncModeShape | None:
    if mode is None:
        return None
    return {
        "label": mode.label,
        "description": mode.description,
        "default": mode.default,
        "choices": [{"value": value, "label": label} for value, label in mode.choices],
    }


def _action_brief(offered: CatalogAction) -> ActionBrief:
    action = offered.action
    return {"slug": offered.slug, "title": action.title, "description": action.description}


def batch_shape(batch: Batch) -> BatchShape:
    """Show how events share requests."""
    return {
        "max_events": batch.max_events,
        "max_bytes": batch.max_bytes,
        "linger": batch.linger.total_seconds(),
        "keys": list(batch.keys),
    }


def option_shapes(cls: type[Any]) -> list[OptionShape]:
    """Show the options of a table, for a form."""
    return [
        {
            "key": each.key,
            "description": each.description,
            "type": each.type,
            "unit": each.unit,
            "minimum": each.minimum,
            "maximum": each.maximum,
            "choices": list(each.choices),
            "secret": each.secret,
        }
        for each in options_of(cls)
    ]


def _oauth(destination: Destination) -> OAuthShape | None:
    if not destination.needs_grant:
        return None
    declared = destination.oauth
    return {
        "flows": [] if declared is None else list(declared.flows),
        "options": option_shapes(OAuthApp),
        "scopes": [] if declared is None else list(declared.scopes),
        "has_addresses": declared is not None,
    }


def _batch_limits(offered: CatalogAction) -> BatchLimitsShape | None:
    limits = batch_limits(offered)
    if limits is None:
        return None
    most = {
        "max_events": float(limits.max_events),
        "max_bytes": float(limits.max_bytes),
        "linger": LONGEST_LINGER.total_seconds(),
    }
    options = option_shapes(BatchTable)
    for each in options:
        each["maximum"] = most.get(each["key"])
    return {**batch_shape(limits), "options": options}


def _action(offered: CatalogAction) -> ActionShape:
    action = offered.action
    return {
        **_action_brief(offered),
        "plugin": offered.plugin,
        "fields": _fields(offered.fields),
        "schema": json_schema(offered.fields),
        "default_mapping": offered.default_mapping,
        "batch": _batch_limits(offered),
        "idempotency_key": None if action.idempotency is None else action.idempotency.key,
        "sync_mode": _sync_mode(action.sync_mode),
        "dynamic_fields": list(action.dynamic_fields),
        "save_hooks": {name: _save_hook(hook) for name, hook in action.save_hooks.items()},
    }


def _save_hook(hook: SaveHook) -> SaveHookShape:
    return {
        "label": hook.label,
        "description": hook.description,
        "inputs": _fields(hook.inputs),
        "outputs": _fields(hook.outputs),
        "dynamic_inputs": list(hook.dynamic_inputs),
    }
