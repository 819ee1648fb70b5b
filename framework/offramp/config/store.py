"""The living configuration: kept in the data folder, changed by compare-and-set, and watched."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import attrs

from offramp import _json
from offramp.config.built_in import with_built_in
from offramp.config.diff import (
    Change,
    What,
    apply_changes,
    diff_configs,
    fields_of_thing,
    masked_table,
)
from offramp.config.documents import Known, read_config, reseal_document, write_document
from offramp.config.grant_rows import read_rows, remove_grant, reseal_grants
from offramp.config.keyring import KeyRing, sealing_keys_in
from offramp.config.model import AuditKind, Config, Instance, Kind
from offramp.config.periods import Periods, read_periods, write_periods
from offramp.errors import ConfigError, Fault, OfframpError, join_place
from offramp.plugins import Catalog
from offramp.storage import Readers, Store, load_statements

logger = logging.getLogger(__name__)

_SQL = load_statements("offramp.config", "store.sql")
#: Entries of the audit log, where the caller does not say.
DEFAULT_ENTRIES: Final = 100
#: SQLite's largest integer: below it lies every entry.
_NO_BOUND: Final = 2**63 - 1

#: Runs another configuration: `(revision, configuration) -> when it runs`.
Watcher: TypeAlias = Callable[[int, Config], Awaitable[object]]


class StaleConfigError(OfframpError):
    """Somebody else changed the configuration in between: load it again, then change that."""

    def __init__(self, *, expected: int, found: int) -> None:
        self.expected = expected
        self.found = found
        super().__init__(
            f"the configuration is at revision {found}, not {expected}: somebody changed it in "
            "between; load it again and repeat the change"
        )


@attrs.frozen(kw_only=True)
class AuditEntry:
    """One change as it was made, for people: secrets are masked."""

    #: Counts up with every change; what the audit log is read further back by.
    entry: int
    revision: int
    #: Epoch seconds.
    at: float
    actor: str
    #: The label of the token of the control API that was used; empty for a file.
    token: str
    kind: AuditKind
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def what(self) -> What:
        """Whether it was added, removed or changed."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@attrs.frozen(kw_only=True)
class _Row:
    change: Change
    doc: str | None
    before: str | None
    after: str | None


class ConfigStore:
    """The configuration of one host; `clock` gives epoch seconds."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        catalog: Catalog,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._keys = keys
        self._catalog = catalog
        self._clock = clock
        self._watchers: list[Watcher] = []
        #: What the rows of the last reading hold.
        self._known: Known = {}
        # Watchers must see revisions in their order.
        self._changing = asyncio.Lock()

    async def load(self) -> tuple[int, Config]:
        """The revision in force and its configuration, secrets in the clear; 0 before any.

        In the place of what cannot be read stands what the audit log has of it; see
        `Config.unreadable`. Raises `ConfigError` where a key is missing, or where there is no copy.
        """
        read = partial(_load, keys=self._keys, known=self._known)
        revision, config, self._known = await self._store.read(read)
        return revision, with_built_in(config, self._catalog)

    async def periods(self) -> Periods:
        """When parts of the configuration were paused, and since when others are disabled."""
        return await self._store.read(read_periods)

    async def references(self) -> frozenset[str]:
        """The references that stand in the file that the host was started with last."""

        def read(connection: sqlite3.Connection) -> list[tuple[str]]:
            return connection.execute(_SQL["references"]).fetchall()

        return frozenset(text for (text,) in await self._store.read(read))

    async def remember_references(self, texts: frozenset[str]) -> None:
        """Set down the references that stand in the file that the host is started with."""
        await self._store.write(partial(_write_references, texts=texts))

    async def apply(
        self,
        changes: tuple[Change, ...],
        expected_revision: int,
        *,
        actor: str,
        token: str = "",
    ) -> int:
        """Make changes to the revision that they were made for; answers the new one.

        Returns once they are on disk and every watcher runs them. Raises `StaleConfigError` if
        another revision is in force, `ConfigError` if what is left would not hold together.
        """
        if not changes:
            return expected_revision
        # A caller who goes away must not keep the watchers from what is on disk already.
        return await asyncio.shield(self._apply(changes, expected_revision, actor, token))

    async def replace(self, config: Config, expected_revision: int, *, actor: str) -> int:
        """Put a whole configuration in the place of a revision; see `apply`."""
        revision, current = await self.load()
        if revision != expected_revision:
            raise StaleConfigError(expected=expected_revision, found=revision)
        return await self.apply(
            diff_configs(current, config, self._catalog), expected_revision, actor=actor
        )

    async def audit_log(
        self,
        *,
        limit: int = DEFAULT_ENTRIES,
        below: int | None = None,
        kind: AuditKind | None = None,
        name: str | None = None,
    ) -> list[AuditEntry]:
        """What was changed, latest first; `below` an entry, to read further back.

        `kind`, and `name` (an id too), select the entries of one thing.
        """
        bound = {
            "limit": limit,
            "below": _NO_BOUND if below is None else below,
            "kind": kind,
            "id": name,
        }

        def read(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(_SQL["read_audit_log"], bound).fetchall()

        return [_entry(row) for row in await self._store.read(read)]

    async def note(  # noqa: PLR0913 - the columns of an entry
        self,
        kind: AuditKind,
        name: str,
        *,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        actor: str,
        token: str = "",
    ) -> None:
        """Enter into the audit log what a person did beside the configuration; its revision stays.

        Neither side may hold a secret.
        """
        sides = {"before": _as_json(before), "after": _as_json(after)}
        about = {"at": self._clock(), "actor": actor, "token": token, "kind": kind, "id": name}

        def write(connection: sqlite3.Connection) -> None:
            (revision,) = connection.execute(_SQL["revision"]).fetchone()
            connection.execute(_SQL["add_to_audit_log"], {"revision": revision, **about, **sides})

        await self._store.write(write)

    @property
    def keys(self) -> KeyRing:
        """The keys that secrets are sealed with now."""
        return self._keys

    async def sealing_keys(self) -> frozenset[str]:
        """The ids of the keys that the stored secrets are sealed with."""
        return await read_sealing_keys(self._store)

    async def rotate(self, keys: KeyRing) -> int:
        """Seal every secret anew with the first of these keys; answers how many things had to be.

        The keys must open what is there, so the old ones belong in the ring too.
        """
        async with self._changing:
            # Before it is on disk: whoever reads at that moment needs the new key already.
            before, self._keys = self._keys, keys
            try:
                return await self._store.write(partial(_reseal, keys=keys))
            except OfframpError:
                self._keys = before
                raise

    @contextlib.contextmanager
    def watch(self, watcher: Watcher) -> Iterator[None]:
        """Have every later revision run by `watcher`, for as long as the block lasts."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)

    async def _apply(
        self, changes: tuple[Change, ...], expected: int, actor: str, token: str
    ) -> int:
        async with self._changing:
            revision, current = await self.load()
            if revision != expected:
                raise StaleConfigError(expected=expected, found=revision)
            config = with_built_in(apply_changes(current, changes), self._catalog)
            _check_holds(config)
            # In a thread: of a file, there may be thousands.
            rows = await asyncio.to_thread(
                lambda: [self._row(change, current, config) for change in changes]
            )
            about = {"revision": expected + 1, "at": self._clock(), "actor": actor, "token": token}
            await self._store.write(partial(_write, rows=rows, expected=expected, about=about))
            for watcher in tuple(self._watchers):
                await _notify(watcher, expected + 1, config)
            return expected + 1

    def _row(self, change: Change, old: Config, new: Config) -> _Row:
        shown = (
            masked_table(change.before, old, self._catalog),
            masked_table(change.after, new, self._catalog),
        )
        before, after = (_as_json(it) for it in shown)
        doc = None
        if change.after is not None:
            fields = fields_of_thing(change.after, new, self._catalog)
            doc = write_document(change.kind, change.after, self._keys, fields)
        return _Row(change=change, doc=doc, before=before, after=after)


def _as_json(data: Mapping[str, Any] | None) -> str | None:
    return None if data is None else _json.dumps(data).decode()


async def read_sealing_keys(store: Store | Readers) -> frozenset[str]:
    """The ids of the keys that the stored secrets are sealed with."""

    def read(connection: sqlite3.Connection) -> list[str]:
        _, rows = _read_all(connection)
        return [*(text for _, _, text in rows), *(text for _, text in read_rows(connection))]

    return sealing_keys_in(await store.read(read))


def _load(
    connection: sqlite3.Connection, *, keys: KeyRing, known: Known
) -> tuple[int, Config, Known]:
    """Read in the reader's thread: a first reading opens every secret there is."""
    revision, rows = _read_all(connection)

    def copies(kind: Kind, name: str) -> Iterable[str]:
        found = connection.execute(_SQL["copies"], {"kind": kind, "id": name})
        return (text for (text,) in found)

    return revision, *read_config(rows, keys, known, copies)


def _read_all(connection: sqlite3.Connection) -> tuple[int, list[tuple[Any, ...]]]:
    (revision,) = connection.execute(_SQL["revision"]).fetchone()
    rows = connection.execute(_SQL["documents"]).fetchall()
    # Not as text: a byte that is none would make all of them unreadable.
    return revision, [(kind, name, _as_text(doc)) for kind, name, doc in rows]


def _as_text(doc: bytes | None) -> str:
    return "" if doc is None else doc.decode(errors="surrogateescape")


def _write(
    connection: sqlite3.Connection, *, rows: list[_Row], expected: int, about: dict[str, Any]
) -> None:
    if connection.execute(_SQL["advance"], {"expected": expected}).rowcount != 1:
        (found,) = connection.execute(_SQL["revision"]).fetchone()
        raise StaleConfigError(expected=expected, found=found)
    statements = {"added": "add", "changed": "change", "removed": "remove"}
    for row in rows:
        named = {"kind": row.change.kind, "id": row.change.id}
        written = {**named, "revision": about["revision"], "doc": row.doc}
        connection.execute(_SQL[statements[row.change.what]], written)
        connection.execute(
            _SQL["add_to_audit_log"], {**about, **named, "before": row.before, "after": row.after}
        )
        if _ends_grant(row.change):
            remove_grant(connection, row.change.id)
    write_periods(connection, [row.change for row in rows], about["at"])


def _ends_grant(change: Change) -> bool:
    """Whether an instance is removed, or is now one of another partner."""
    before, after = change.before, change.after
    if not isinstance(before, Instance):
        return False
    return not isinstance(after, Instance) or after.destination != before.destination


def _write_references(connection: sqlite3.Connection, *, texts: frozenset[str]) -> None:
    connection.execute(_SQL["forget_references"])
    for text in sorted(texts):
        connection.execute(_SQL["add_reference"], {"text": text})


def _reseal(connection: sqlite3.Connection, *, keys: KeyRing) -> int:
    revision, rows = _read_all(connection)
    count = 0
    for kind, name, stored in rows:
        if not sealing_keys_in([stored]):
            continue
        doc = reseal_document(f"{kind}s.{name}", stored, keys)
        connection.execute(
            _SQL["change"], {"revision": revision, "kind": kind, "id": name, "doc": doc}
        )
        count += 1
    return count + reseal_grants(connection, keys)


def _check_holds(config: Config) -> None:
    """Refuse what points nowhere; everything else was checked when it was read."""
    faults = [
        Fault(f"{join_place('instances', each.name)}.source", f"there is no source {each.source!r}")
        for each in config.instances.values()
        if each.source not in config.sources
    ]
    faults += [
        Fault(
            f"{join_place('subscriptions', s.id)}.instance", f"there is no instance {s.instance!r}"
        )
        for s in config.subscriptions.values()
        if s.instance not in config.instances
    ]
    if faults:
        raise ConfigError(faults)


async def _notify(watcher: Watcher, revision: int, config: Config) -> None:
    try:
        await watcher(revision, config)
    except Exception:
        # It is on disk and in force; one watcher's failure must not hide it from the others.
        logger.exception("revision %d of the configuration could not be put to work", revision)


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    entry, revision, at, actor, token, kind, name, before, after = row
    return AuditEntry(
        entry=entry,
        revision=revision,
        at=at,
        actor=actor,
        token=token,
        kind=kind,
        id=name,
        before=None if before is None else _json.loads(before),
        after=None if after is None else _json.loads(after),
    )
