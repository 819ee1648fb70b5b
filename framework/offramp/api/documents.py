"""Exports and applies the whole configuration as a document, with a diff; and its audit log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

from offramp.api.config_shapes import (
    Applied,
    AuditKindName,
    AuditLog,
    AuditLogEntry,
    DocumentBody,
    Exported,
)
from offramp.api.editing import CONFIRM, DRY_RUN, Saved, all_hooks, save
from offramp.api.host_context import HostContext
from offramp.api.operations import PAGE, Call, Operation, Query, Reply
from offramp.api.problems import refuse, refuse_parameter
from offramp.api.times import write_time
from offramp.config import (
    AuditEntry,
    Config,
    export_config,
    parse_config,
    to_toml,
)
from offramp.config.check import find_warnings
from offramp.config.model import START_KEYS
from offramp.pointers import describe_errors

KIND: Final = Query(
    name="kind", summary="Only changes of this kind", choices=get_args(AuditKindName)
)
ID: Final = Query(name="id", summary="Only changes of what has this name or id")


class DocumentsResource:
    """The configuration as a document."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/config",
            tag="config",
            summary="Export the configuration as a document, secrets masked",
            serve=self.export,
            answer=Exported,
        )
        yield Operation(
            method="POST",
            path="/api/config",
            tag="config",
            summary="Replace the configuration by a document; a dry run only lists the changes",
            serve=self.apply,
            answer=Applied,
            body=DocumentBody,
            query=(DRY_RUN, CONFIRM),
            changes=True,
        )
        yield Operation(
            method="GET",
            path="/api/audit-log",
            tag="config",
            summary="List changes of configuration, tokens and sealing key, latest first",
            serve=self.audit_log,
            answer=AuditLog,
            query=(KIND, ID, *PAGE),
        )

    async def export(self, _: Call) -> Reply:
        """Answer with the document."""
        revision, config = await self._host.configs.load()

        def work() -> Exported:
            document = export_config(config, self._host.catalog)
            return Exported(revision=revision, document=document, toml=to_toml(document))

        return Reply(data=await self._host.compute(work), revision=revision)

    async def apply(self, call: Call) -> Reply:
        """Apply the document unless it is a dry run, and answer with the changes."""
        for key in START_KEYS:
            if key in call.body:
                message = "is read when a host starts with the file: leave it out here"
                raise refuse(key, message)

        def change(config: Config) -> Config:
            return parse_config(call.body, self._host.catalog, current=config).config

        saved = await save(self._host, call, change, hooks_of=all_hooks)
        answer = await self._host.compute(lambda: self._applied(saved))
        return Reply(data=answer, revision=saved.revision)

    def _applied(self, saved: Saved) -> Applied:
        warnings = describe_errors(find_warnings(saved.config, self._host.catalog))
        return {"revision": saved.revision, **saved.described(), "warnings": warnings}

    async def audit_log(self, call: Call) -> Reply:
        """Answer with a page of changes."""
        cursor, limit = call.query["cursor"], call.query["limit"]
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
            raise refuse_parameter("cursor", "send the `cursor` of a page unchanged")
        below = None if cursor is None else min(int(cursor), 2**62)
        entries = await self._host.configs.audit_log(
            limit=limit, below=below, kind=call.query["kind"], name=call.query["id"]
        )
        rows = [_entry(entry) for entry in entries]
        after = str(entries[-1].entry) if len(entries) == limit else None
        return Reply(data=AuditLog(rows=rows, cursor=after))


def _entry(entry: AuditEntry) -> AuditLogEntry:
    return {
        "entry": entry.entry,
        "revision": entry.revision,
        "at": write_time(entry.at),
        "actor": entry.actor,
        "token": entry.token,
        "kind": entry.kind,
        "id": entry.id,
        "what": entry.what,
        "before": entry.before,
        "after": entry.after,
    }
