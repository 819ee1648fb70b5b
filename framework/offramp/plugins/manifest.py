"""A destination's declaration as JSON data, in the shape of Segment's public `metadata.json`."""

from __future__ import annotations

from typing import Any

from offramp.definition import (
    SYNC_MODE_KEY,
    Action,
    Audience,
    Preset,
    SaveHook,
    SyncMode,
    fields_to_manifest,
    settings_to_manifest,
)
from offramp.plugins.catalog import CatalogAction, CatalogEntry

#: What Segment's metadata calls the keys and the values of an object.
_DYNAMIC_MEMBERS = ("__keys__", "__values__")


def manifest(entry: CatalogEntry) -> dict[str, Any]:
    """All that a catalog entry declares, with every property except empty descriptions."""
    destination = entry.destination
    return {
        "slug": destination.slug,
        "name": destination.name,
        "mode": destination.mode,
        **({} if destination.description is None else {"description": destination.description}),
        "authentication": _authentication(entry),
        **_audiences(destination.audience),
        "actions": {slug: _action(action) for slug, action in entry.actions.items()},
        "presets": [_preset(entry, preset) for preset in entry.presets],
    }


def _authentication(entry: CatalogEntry) -> dict[str, Any] | None:
    """The scheme and the settings, or null without both; settings alone are `custom`."""
    scheme = entry.destination.scheme
    if scheme == "none" and not entry.settings:
        return None
    fields = settings_to_manifest(entry.settings)
    return {"scheme": "custom" if scheme == "none" else scheme, "fields": fields}


def _audiences(audience: Audience | None) -> dict[str, Any]:
    """How audiences are synced, and their fields, which only destinations with audiences list."""
    if audience is None:
        return {"audienceConfig": None}
    mode: dict[str, Any] = {"type": audience.mode}
    if audience.mode == "synced":
        mode["full_audience_sync"] = audience.full_sync
    fields = settings_to_manifest(audience.declared_fields)
    return {"audienceConfig": {"mode": mode}, "audienceFields": fields}


def _action(offered: CatalogAction) -> dict[str, Any]:
    action: Action[Any, Any] = offered.action
    return {
        "title": action.title,
        "description": action.description,
        "platform": "cloud",
        "defaultSubscription": action.default_trigger,
        "hidden": action.hidden,
        "hasPerformBatch": action.batches,
        "syncMode": None if action.sync_mode is None else _sync_mode(action.sync_mode),
        "hooks": {name: _hook(hook) for name, hook in action.save_hooks.items()} or None,
        "dynamicFields": _dynamic_members(action) or None,
        "fields": fields_to_manifest(offered.fields),
    }


def _dynamic_members(action: Action[Any, Any]) -> dict[str, list[str]]:
    """The objects whose keys or values are fetched: `{"item": ["__keys__"]}`.

    Whether a field itself is dynamic is a property of the field.
    """
    found: dict[str, list[str]] = {}
    for name in action.dynamic_fields:
        field, _, member = name.partition(".")
        if member in _DYNAMIC_MEMBERS:
            found.setdefault(field, []).append(member)
    return found


def _sync_mode(mode: SyncMode) -> dict[str, Any]:
    return {
        "default": mode.default,
        "label": mode.label,
        "description": mode.description,
        "choices": [{"value": value, "label": label} for value, label in mode.choices],
    }


def _hook(hook: SaveHook) -> dict[str, Any]:
    return {
        "label": hook.label,
        "description": hook.description,
        "inputFields": fields_to_manifest(hook.inputs),
        "outputFields": fields_to_manifest(hook.outputs),
    }


def _preset(entry: CatalogEntry, preset: Preset) -> dict[str, Any]:
    mode = {} if preset.sync_mode is None else {SYNC_MODE_KEY: preset.sync_mode}
    return {
        "name": preset.name,
        "type": preset.type,
        "partnerAction": preset.action,
        "subscribe": preset.trigger,
        "mapping": {**entry.preset_mapping(preset), **mode},
        "eventSlug": preset.event_slug,
    }
