"""The catalog of the API: the destinations that plugins declare, for lists, forms and checks."""

from __future__ import annotations

from collections.abc import Iterable

from offramp.api.config_shapes import (
    ActionBrief,
    ActionShape,
    CatalogAnswer,
    DestinationBrief,
    DestinationShape,
)
from offramp.api.host_context import HostContext
from offramp.api.new_instances import offered_name
from offramp.api.operations import Call, Operation, Reply
from offramp.definition import fields_to_manifest, settings_to_manifest
from offramp.payload import json_schema
from offramp.plugins import CatalogAction, CatalogEntry, manifest


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
            {"place": f"plugins.{each.plugin}", "message": each.message}
            for each in self._catalog.problems
        ]
        destinations = [_brief(entry) for entry in self._catalog.values()]
        return Reply(data={"destinations": destinations, "problems": problems})

    async def show(self, call: Call) -> Reply:
        """Answer with one destination."""
        entry = self._catalog[call.path["slug"]]
        destination = entry.destination
        _, config = await self._host.configs.load()
        answer: DestinationShape = {
            "slug": entry.slug,
            "name": destination.name,
            "description": destination.description,
            "plugin": entry.plugin,
            "instance_name": offered_name(entry, config.instances),
            "testable": destination.test_authentication is not None,
            "settings": settings_to_manifest(entry.settings),
            "settings_schema": json_schema(entry.settings),
            "actions": [_action(offered) for offered in entry.actions.values()],
            "presets": [
                {
                    "name": preset.name,
                    "action": preset.action,
                    "trigger": preset.trigger,
                    "mapping": entry.preset_mapping(preset),
                }
                for preset in entry.presets
            ],
            "manifest": manifest(entry),
        }
        return Reply(data=answer)


def _brief(entry: CatalogEntry) -> DestinationBrief:
    return {
        "slug": entry.slug,
        "name": entry.destination.name,
        "description": entry.destination.description,
        "plugin": entry.plugin,
        "actions": [_action_brief(offered) for offered in entry.actions.values()],
        "presets": [preset.name for preset in entry.presets],
    }


def _action_brief(offered: CatalogAction) -> ActionBrief:
    action = offered.action
    return {"slug": offered.slug, "title": action.title, "description": action.description}


def _action(offered: CatalogAction) -> ActionShape:
    action = offered.action
    batch = action.batch
    return {
        **_action_brief(offered),
        "plugin": offered.plugin,
        "fields": fields_to_manifest(offered.fields),
        "schema": json_schema(offered.fields),
        "default_mapping": offered.default_mapping,
        "batch": batch.max_events if action.batches and batch is not None else None,
        "idempotency_key": None if action.idempotency is None else action.idempotency.key,
    }
