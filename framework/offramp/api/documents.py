"""Exports and applies the whole configuration as a document, with a diff; and its audit log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from offramp.api.config_shapes import (
    Applied,
    AuditLog,
    AuditLogEntry,
    ChangeShape,
    DetailShape,
    DocumentBody,
    Exported,
)
from offramp.api.editing import CONFIRM, Saved, attempt, ended_by, save
from offramp.api.host_context import HostContext
from offramp.api.operations import PAGE, Call, Operation, Query, Reply
from offramp.api.problems import refuse, refuse_parameter
from offramp.api.times import write_time
from offramp.config import (
    AuditEntry,
    Change,
    Config,
    Detail,
    export_config,
    parse_config,
    to_toml,
)
from offramp.config.check import find_warnings
from offramp.config.model import START_KEYS
from offramp.definition import UNSET
from offramp.pointers import describe_errors

DRY_RUN: Final = Query(name="dry_run", summary="Change nothing", kind="flag", default=False)


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
            query=PAGE,
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

        dry_run = call.query["dry_run"]
        done = await (attempt if dry_run else save)(self._host, call, change)
        ended = await ended_by(self._host, done.config) if dry_run else {}
        answer = await self._host.compute(lambda: self._applied(done, ended, dry_run=dry_run))
        return Reply(data=answer, revision=done.revision)

    def _applied(self, done: Saved, ended: Mapping[str, int], *, dry_run: bool) -> Applied:
        return {
            "revision": done.revision,
            "dry_run": dry_run,
            "ended": [{"subscription": each, "deliveries": n} for each, n in ended.items()],
            "changes": [_change(each) for each in done.changes],
            "warnings": describe_errors(find_warnings(done.config, self._host.catalog)),
        }

    async def audit_log(self, call: Call) -> Reply:
        """Answer with a page of changes."""
        cursor, limit = call.query["cursor"], call.query["limit"]
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
            raise refuse_parameter("cursor", "send the `cursor` of a page unchanged")
        below = None if cursor is None else min(int(cursor), 2**62)
        entries = await self._host.configs.audit_log(limit=limit, below=below)
        rows = [_entry(entry) for entry in entries]
        after = str(entries[-1].entry) if len(entries) == limit else None
        return Reply(data=AuditLog(rows=rows, cursor=after))


def _change(change: Change) -> ChangeShape:
    return {
        "kind": change.kind,
        "id": change.id,
        "what": change.what,
        "details": [_detail(detail) for detail in change.details],
        "text": str(change),
    }


def _detail(detail: Detail) -> DetailShape:
    shape: DetailShape = {"place": detail.place}
    if detail.before is not UNSET:
        shape["before"] = detail.before
    if detail.after is not UNSET:
        shape["after"] = detail.after
    return shape


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
