"""A destination's declaration as JSON data, in the shape of Segment's public `metadata.json`."""

from __future__ import annotations

from typing import Any

from offramp.definition import (
    Action,
    Preset,
    SaveHook,
    SyncMode,
    fields_to_manifest,
    settings_to_manifest,
)
from offramp.plugins.catalog import CatalogAction, CatalogEntry


def manifest(entry: CatalogEntry) -> dict[str, Any]:
    """All that a catalog entry declares, every property present."""
    destination = entry.destination
    return {
        "slug": destination.slug,
        "name": destination.name,
        "mode": destination.mode,
        **({} if destination.description is None else {"description": destination.description}),
        "authentication": {
            "scheme": destination.scheme,
            "fields": settings_to_manifest(entry.settings),
        },
        "audienceConfig": None,
        "actions": {slug: _action(action) for slug, action in entry.actions.items()},
        "presets": [_preset(entry, preset) for preset in entry.presets],
    }


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
        "dynamicFields": list(action.dynamic_fields) or None,
        "fields": fields_to_manifest(offered.fields),
    }


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
        "outputTypes": fields_to_manifest(hook.outputs),
    }


def _preset(entry: CatalogEntry, preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "type": preset.type,
        "partnerAction": preset.action,
        "subscribe": preset.trigger,
        "mapping": entry.preset_mapping(preset),
        "eventSlug": preset.event_slug,
    }
