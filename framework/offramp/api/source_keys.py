"""Write keys of a source: list, add, revoke, so that senders can change to another one by one."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from offramp.api.config_shapes import (
    NewWriteKey,
    RevokedWriteKey,
    WriteKeyAnswer,
    WriteKeys,
    WriteKeyShape,
)
from offramp.api.editing import save
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.api.sources import SourcesResource, new_write_key
from offramp.api.times import write_time
from offramp.config import Config, Source, mask
from offramp.config.labels import DEFAULT_LABEL
from offramp.plugins import pick

_TAG: Final = "sources"


class SourceKeysResource:
    """The write keys of a source, by label."""

    def __init__(self, host: HostContext) -> None:
        self._host = host
        self._sources = SourcesResource(host)

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        path = "/api/sources/{name}/keys"
        yield Operation(
            method="GET",
            path=path,
            tag=_TAG,
            summary="List the write keys of a source, masked, and when each was last used",
            serve=self.listing,
            answer=WriteKeys,
        )
        yield Operation(
            method="POST",
            path=path,
            tag=_TAG,
            summary="Add a write key; one that the host makes is shown only in this answer",
            serve=self.add,
            answer=WriteKeyAnswer,
            body=NewWriteKey,
            status=HTTPStatus.CREATED,
            changes=True,
        )
        yield Operation(
            method="DELETE",
            path=f"{path}/{{label}}",
            tag=_TAG,
            summary="Revoke a write key: from now on it is unknown",
            serve=self.revoke,
            answer=RevokedWriteKey,
            changes=True,
        )

    async def listing(self, call: Call) -> Reply:
        """Answer with all keys of a source."""
        revision, config = await self._host.configs.load()
        source = self._source(config, call)
        # Those in use: references are followed.
        running = self._host.config.sources.get(source.name)
        used = {} if running is None else running.labelled_keys
        answer: WriteKeys = {
            "revision": revision,
            "keys": [
                self._shape(label, key, used.get(label))
                for label, key in source.labelled_keys.items()
            ],
        }
        return Reply(data=answer, revision=revision)

    def _shape(self, label: str, key: str, used: str | None) -> WriteKeyShape:
        at = None if used is None else self._host.engine.key_used_at.get(used)
        return {
            "label": label,
            "key": mask(key),
            "last_used_at": None if at is None else write_time(at),
        }

    async def add(self, call: Call) -> Reply:
        """Add a key to a source; without one in the body, the host makes it."""
        for name in call.body:
            if name not in NewWriteKey.__annotations__:
                raise refuse(name, "is unknown; there are: label, key")
        label = call.body.get("label")
        if not isinstance(label, str) or not label:
            raise refuse("label", "is missing: name what will use the key")
        key = call.body.get("key")
        written = new_write_key() if key is None else key

        def change(config: Config) -> Config:
            source = self._source(config, call)
            if label in source.labelled_keys:
                raise conflict(
                    f"the source {source.name!r} has a key {label!r} already: revoke it, or choose "
                    "another label"
                )
            return self._with(config, source, {**source.write_keys, label: written})

        saved = await save(self._host, call, change)
        answer: WriteKeyAnswer = {
            "revision": saved.revision,
            "label": label,
            "key": written if key is None else mask(written),
        }
        return Reply(data=answer, revision=saved.revision)

    async def revoke(self, call: Call) -> Reply:
        """Remove a key of a source, unless it is the last."""
        label = call.path["label"]

        def change(config: Config) -> Config:
            source = self._source(config, call)
            pick(source.labelled_keys, label, "write key")
            if len(source.labelled_keys) == 1:
                raise conflict(
                    f"{label!r} is the only key of the source {source.name!r}: add another first, "
                    "or disable the source"
                )
            rest = {key: each for key, each in source.write_keys.items() if key != label}
            alone = label == DEFAULT_LABEL and label not in source.write_keys
            return self._with(config, source, rest, **({"write_key": None} if alone else {}))

        saved = await save(self._host, call, change)
        data = RevokedWriteKey(revision=saved.revision, revoked=label)
        return Reply(data=data, revision=saved.revision)

    def _source(self, config: Config, call: Call) -> Source:
        return pick(config.sources, call.path["name"], "source")

    def _with(self, config: Config, source: Source, keys: Any, **more: Any) -> Config:
        table = {**self._sources.table_of(config, source.name), "write_keys": keys, **more}
        return self._sources.written(config, source.name, table)
