"""Sources: list, show, make, change, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import attrs

from offramp.api.config_shapes import (
    Removed,
    SourceAnswer,
    SourceBody,
    SourceChange,
    Sources,
    SourceShape,
)
from offramp.api.editing import Saved, parse_part, save, warnings_at
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.config import Config, Source
from offramp.config.check import source_warnings
from offramp.config.export import source_table
from offramp.errors import join_place
from offramp.plugins import pick


class SourcesResource:
    """Sources of the configuration."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        path, one = "/api/sources", "/api/sources/{name}"

        def make(method: str, at: str, summary: str, serve: Any, **more: Any) -> Operation:
            given = {"answer": SourceAnswer, "changes": method != "GET", **more}
            return Operation(
                method=method, path=at, tag="sources", summary=summary, serve=serve, **given
            )

        yield make("GET", path, "List all sources", self.listing, answer=Sources)
        yield make(
            "POST", path, "Make a source", self.create, body=SourceBody, status=HTTPStatus.CREATED
        )
        yield make("GET", one, "Show a source", self.show)
        yield make("PATCH", one, "Change a source", self.change, body=SourceChange)
        yield make("DELETE", one, "Delete a source without instances", self.delete, answer=Removed)

    async def listing(self, _: Call) -> Reply:
        """Answer with all of them."""
        revision, config = await self._host.configs.load()
        shapes = [_shape(source) for source in config.sources.values()]
        return Reply(data=Sources(revision=revision, sources=shapes), revision=revision)

    async def show(self, call: Call) -> Reply:
        """Answer with one."""
        revision, config = await self._host.configs.load()
        name = call.path["name"]
        pick(config.sources, name, "source")
        return await self._answer(Saved(revision=revision, config=config, changes=()), name)

    async def create(self, call: Call) -> Reply:
        """Make one."""
        table = dict(call.body)
        name = table.pop("name", None)
        if not isinstance(name, str) or not name:
            raise refuse("name", "is missing: give the source a name")

        def change(config: Config) -> Config:
            if name in config.sources:
                raise conflict(f"there is a source {name!r} already")
            return self._with(config, name, table)

        return await self._answer(await save(self._host, call, change), name)

    async def change(self, call: Call) -> Reply:
        """Change one."""
        name = call.path["name"]

        def change(config: Config) -> Config:
            source = pick(config.sources, name, "source")
            table = {**source_table(source, secrets=True), **call.body}
            return self._with(config, name, table)

        return await self._answer(await save(self._host, call, change), name)

    async def delete(self, call: Call) -> Reply:
        """Delete one."""
        name = call.path["name"]

        def change(config: Config) -> Config:
            pick(config.sources, name, "source")
            users = [each.name for each in config.instances.values() if each.source == name]
            if users:
                raise conflict(f"instances take its events: {', '.join(users)}; delete them first")
            kept = {key: each for key, each in config.sources.items() if key != name}
            return attrs.evolve(config, sources=kept)

        saved = await save(self._host, call, change)
        return Reply(data=Removed(revision=saved.revision, removed=[name]), revision=saved.revision)

    def _with(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        place = join_place("sources", name)
        # With the others, as no two may have one key.
        others = {s.name: source_table(s, secrets=True) for s in config.sources.values()}
        document = {"sources": {**others, name: table}}
        read = parse_part(document, self._host.catalog, config, part=place)
        return attrs.evolve(config, sources={**config.sources, name: read.sources[name]})

    async def _answer(self, saved: Saved, name: str) -> Reply:
        warnings = await warnings_at(
            self._host, join_place("sources", name), lambda: source_warnings(saved.config, name)
        )
        shape = _shape(saved.config.sources[name])
        return Reply(
            data=SourceAnswer(revision=saved.revision, source=shape, warnings=warnings),
            revision=saved.revision,
        )


def _shape(source: Source) -> SourceShape:
    shown = source_table(source)
    return {"name": source.name, "write_key": shown["write_key"], "enabled": source.enabled}
