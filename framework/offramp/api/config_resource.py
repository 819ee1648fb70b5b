"""The operations that sources, instances and subscriptions share: list, show, create and others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, ClassVar

from offramp.api.config_shapes import Removed
from offramp.api.editing import CONFIRM, DRY_RUN, Saved, save, warnings_at
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, outdated, refuse
from offramp.config import Config, StaleConfigError
from offramp.errors import Fault
from offramp.plugins import pick


class ConfigResource(ABC):
    """Base of sources, instances and subscriptions; each item is identified by its name or id."""

    #: `source`, `instance` or `subscription`: the key in an answer. Paths and lists add an s.
    noun: ClassVar[str]
    #: The path parameter that identifies an item.
    parameter: ClassVar[str] = "name"
    #: The type of the answer about one item.
    answer: ClassVar[Any]
    #: Keys that cannot be changed after creation.
    fixed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, host: HostContext) -> None:
        self._host = host

    @abstractmethod
    def operations(self) -> Iterable[Operation]:
        """The operations of this kind."""

    @abstractmethod
    def all_of(self, config: Config) -> Mapping[str, Any]:
        """List all items, by name or id."""

    @abstractmethod
    def written(self, config: Config, name: str, table: Mapping[str, Any]) -> Config:
        """Return the configuration with an item added or replaced; raises `ConfigError`."""

    @abstractmethod
    def table_of(self, config: Config, name: str) -> Mapping[str, Any]:
        """Return an item as a document has it, with its secrets."""

    @abstractmethod
    def without(self, config: Config, name: str) -> tuple[Config, list[str]]:
        """Return the configuration without an item, and the names removed; raises if in use."""

    @abstractmethod
    def shape(self, config: Config, name: str) -> Mapping[str, Any]:
        """Return an item as JSON data, secrets masked."""

    @abstractmethod
    def place_of(self, config: Config, name: str) -> str:
        """Return the place of an item in a document."""

    @abstractmethod
    def warnings_of(self, config: Config, name: str) -> Iterable[Fault]:
        """List what is valid in an item, but hardly intended."""

    def hooks_of(self, config: Config, name: str) -> Collection[str]:  # noqa: ARG002 - a default
        """List the subscriptions whose save hooks run if the item is saved."""
        return ()

    def operation(
        self, method: str, below: str, summary: str, serve: Any, **more: Any
    ) -> Operation:
        """Make an operation of this kind; `below` is the path after that of the list."""
        given = {"answer": self.answer, "changes": method != "GET", **more}
        if method in {"PATCH", "DELETE"}:
            given["query"] = (CONFIRM, DRY_RUN) if method == "PATCH" else (CONFIRM,)
        kinds = f"{self.noun}s"
        return Operation(
            method=method,
            path=f"/api/{kinds}{below}",
            tag=kinds,
            summary=summary,
            serve=serve,
            **given,
        )

    def switches(self) -> Iterable[Operation]:
        """Make the operations that enable, disable, pause and resume an item."""
        item = f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"
        for word, serve in (
            ("enable", self.enable),
            ("disable", self.disable),
            ("pause", self.pause),
            ("resume", self.resume),
        ):
            below = f"/{{{self.parameter}}}/{word}"
            more = {"query": (CONFIRM,)} if word == "disable" else {}
            yield self.operation("POST", below, f"{word.capitalize()} {item}", serve, **more)

    async def listing(self, call: Call) -> Reply:
        """Answer with all items, or with those that the query selects."""
        revision, config = await self._host.configs.load()
        shapes = [self.shape(config, name) for name in self.listed(config, call)]
        return Reply(data={"revision": revision, f"{self.noun}s": shapes}, revision=revision)

    def listed(self, config: Config, _: Call) -> Iterable[str]:
        """Select the names of the items in a list."""
        return self.all_of(config)

    async def show(self, call: Call) -> Reply:
        """Answer with one item."""
        revision, config = await self._host.configs.load()
        name = call.path[self.parameter]
        pick(self.all_of(config), name, self.noun)
        return await self.reply(Saved(revision=revision, config=config), name)

    async def create(self, call: Call) -> Reply:
        """Create an item with the name in the body."""
        table = dict(call.body)
        name = table.pop("name", None)
        if not isinstance(name, str) or not name:
            raise refuse("name", f"is missing: give the {self.noun} a name")

        def change(config: Config) -> Config:
            if name in self.all_of(config):
                raise conflict(f"the {self.noun} {name!r} exists already")
            return self.written(config, name, table)

        return await self.reply(await save(self._host, call, change), name)

    async def change(self, call: Call) -> Reply:
        """Change an item."""
        return await self._changed(call, call.body)

    async def enable(self, call: Call) -> Reply:
        """Enable an item."""
        return await self._changed(call, {"enabled": True})

    async def disable(self, call: Call) -> Reply:
        """Disable an item; its waiting deliveries expire, and can be replayed."""
        return await self._changed(call, {"enabled": False})

    async def pause(self, call: Call) -> Reply:
        """Pause an item: what arrives is accepted and waits."""
        return await self._changed(call, {"paused": True})

    async def resume(self, call: Call) -> Reply:
        """Resume an item: what waits is delivered."""
        return await self._changed(call, {"paused": False})

    async def delete(self, call: Call) -> Reply:
        """Delete an item, with what depends on it."""
        name = call.path[self.parameter]
        removed: list[str] = []

        def change(config: Config) -> Config:
            pick(self.all_of(config), name, self.noun)
            left, removed[:] = self.without(config, name)
            return left

        saved = await self.saved(call, change)
        data = Removed(revision=saved.revision, removed=removed)
        return Reply(data=data, revision=saved.revision)

    async def reply(self, saved: Saved, name: str) -> Reply:
        """Answer with an item as it is after a change, and with warnings about it."""
        config = saved.config
        warnings = await warnings_at(
            self._host, self.place_of(config, name), lambda: self.warnings_of(config, name)
        )
        shape = self.shape(config, name)
        return Reply(
            data={
                "revision": saved.revision,
                self.noun: shape,
                "warnings": warnings,
                **saved.described(),
            },
            revision=saved.revision,
        )

    async def saved(self, call: Call, change: Callable[[Config], Config]) -> Saved:
        """Save a change to the item in the path; 412 shows the item as it is now."""
        try:
            return await save(
                self._host,
                call,
                change,
                part=lambda config: self.place_of(config, call.path[self.parameter]),
                hooks_of=lambda config: self.hooks_of(config, call.path[self.parameter]),
            )
        except StaleConfigError as error:
            if call.revision is None:
                raise
            name, (revision, config) = call.path[self.parameter], await self._host.configs.load()
            current = self.shape(config, name) if name in self.all_of(config) else None
            raise outdated(str(error), revision, current) from None

    async def _changed(self, call: Call, changes: Mapping[str, Any]) -> Reply:
        name = call.path[self.parameter]
        for key in self.fixed:
            if key in changes:
                raise refuse(key, f"cannot be changed: make another {self.noun}")

        def change(config: Config) -> Config:
            pick(self.all_of(config), name, self.noun)
            return self.written(config, name, {**self.table_of(config, name), **changes})

        return await self.reply(await self.saved(call, change), name)
