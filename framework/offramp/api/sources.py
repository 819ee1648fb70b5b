"""Sources: list, show, create, change, delete, enable, disable, pause, resume."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import attrs

from offramp.api.config_resource import ConfigResource
from offramp.api.config_shapes import (
    Removed,
    SourceAnswer,
    SourceBody,
    SourceChange,
    Sources,
    SourceShape,
)
from offramp.api.operations import Call, Operation, Reply
from offramp.api.parts import parse_part
from offramp.api.problems import conflict
from offramp.config import Config, Source
from offramp.config.check import source_warnings
from offramp.config.export import source_table
from offramp.config.options import show_options
from offramp.errors import Fault, join_place

#: Random bytes in a write key that the host makes: too many to guess.
KEY_BYTES: Final = 24
#: Where a source has its write keys.
_KEYS: Final = ("write_key", "write_keys")


def new_write_key() -> str:
    """Make a write key that nobody can guess."""
    return secrets.token_urlsafe(KEY_BYTES)


class SourcesResource(ConfigResource):
    """Sources of the configuration."""

    noun = "source"
    answer = SourceAnswer

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        one, created = "/{name}", {"body": SourceBody, "status": HTTPStatus.CREATED}
        yield self.operation("GET", "", "List all sources", self.listing, answer=Sources)
        yield self.operation("POST", "", "Create a source", self.create, **created)
        yield self.operation("GET", one, "Show a source", self.show)
        yield self.operation("PATCH", one, "Change a source", self.change, body=SourceChange)
        deleted = "Delete a source without instances"
        yield self.operation("DELETE", one, deleted, self.delete, answer=Removed)
        yield from self.switches()

    async def create(self, call: Call) -> Reply:
        """Create a source; without a write key in the body, the host makes one and shows it."""
        if any(call.body.get(key) not in (None, {}, []) for key in _KEYS):
            return await super().create(call)
        made = new_write_key()
        body = {key: value for key, value in call.body.items() if key not in _KEYS}
        reply = await super().create(attrs.evolve(call, body={**body, "write_key": made}))
        return attrs.evolve(reply, data={**reply.data, "new_key": made})

    def all_of(self, config: Config) -> Mapping[str, Source]:
        """Sources by name."""
        return config.sources

    def table_of(self, config: Config, name: str) -> Mapping[str, Any]:
        """Return a source with its write key."""
        return source_table(config.sources[name], secrets=True)

    def written(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        """Read a source together with the others, as their write keys must differ."""
        others = {s.name: source_table(s, secrets=True) for s in config.sources.values()}
        document = {"sources": {**others, name: table}}
        read = parse_part(document, self._host.catalog, config, part=self.place_of(config, name))
        return attrs.evolve(config, sources={**config.sources, name: read.sources[name]})

    def without(self, config: Config, name: str) -> tuple[Config, list[str]]:
        """Remove a source; raises `ProblemError` if instances use it."""
        users = [each.name for each in config.instances.values() if each.source == name]
        if users:
            raise conflict(f"instances use this source: {', '.join(users)}; delete them first")
        kept = {key: each for key, each in config.sources.items() if key != name}
        return attrs.evolve(config, sources=kept), [name]

    def shape(self, config: Config, name: str) -> SourceShape:
        """Return a source with its write key masked."""
        return {"name": name, **show_options(config.sources[name])}

    def place_of(self, config: Config, name: str) -> str:  # noqa: ARG002 - as of the other kinds
        """Return the place, which ends with its name."""
        return join_place("sources", name)

    def warnings_of(self, config: Config, name: str) -> Iterable[Fault]:
        """Warn if the source is disabled or has no instances."""
        return source_warnings(config, name)
