"""Stored documents that cannot be read: what stands in for them, and how they are replaced."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from offramp.config import (
    Config,
    ConfigStore,
    References,
    apply_changes,
    diff_configs,
    export_config,
    known_keys,
    load_key_ring,
    parse_config,
    resolve_write_keys,
    rotate_key_file,
)
from offramp.errors import ConfigError
from offramp.plugins import Catalog
from offramp.storage import Store


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path) as store:
        yield store


@pytest.fixture
async def store(disk: Store, tmp_path: Path, catalog: Catalog, config: Config) -> ConfigStore:
    """A store that holds the configuration."""
    found = ConfigStore(disk, load_key_ring(tmp_path, environ={}), catalog)
    await found.replace(config, 0, actor="me")
    return found


async def alter(disk: Store, kind: str, change: str) -> str:
    """Change the first document of a kind, by SQL; answers its name."""

    def write(connection: sqlite3.Connection) -> str:
        [name] = connection.execute(
            "SELECT id FROM config WHERE kind = ? ORDER BY rowid LIMIT 1", [kind]
        ).fetchone()
        connection.execute(
            f"UPDATE config SET doc = {change} WHERE kind = ? AND id = ?",  # noqa: S608 - a test's own
            [kind, name],
        )
        return str(name)

    return await disk.write(write)


#: Ways in which a document stops making sense.
SPOILED: Mapping[str, str] = {
    "cut off": "substr(doc, 1, length(doc) / 2)",
    "empty": "''",
    "null": "NULL",
    "bytes that are no text": "CAST(x'7bff' || substr(doc, 3) AS TEXT)",
    "a list": "'[]'",
    "a flag as a text": "json_set(doc, '$.enabled', 'yes')",
    "of something else": "json_set(doc, iif(kind = 'subscription', '$.id', '$.name'), 'other')",
}


#: What the copies of the audit log lack.
SECRETS: Mapping[str, dict[str, Any]] = {
    "source": {"write_key": None},
    "instance": {"settings": {}},
    "subscription": {},
}


@pytest.mark.parametrize("change", SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("kind", ["source", "instance", "subscription"])
async def test_the_audit_log_stands_in(
    store: ConfigStore, disk: Store, config: Config, kind: Any, change: str
) -> None:
    """What it belongs to is known, nothing else is touched, and it is named with the cause."""
    name = await alter(disk, kind, change)
    _, loaded = await store.load()
    assert list(loaded.unreadable) == [(kind, name)]
    assert "its stored document cannot be read" in loaded.unreadable[kind, name]
    for each, table in config.by_kind.items():
        assert set(loaded.by_kind[each]) == set(table)
        for other, thing in table.items():
            assert (each, other) == (kind, name) or loaded.by_kind[each][other] == thing
    stand_in = loaded.by_kind[kind][name]
    secret = SECRETS[kind]
    assert attrs.evolve(stand_in, **secret) == attrs.evolve(config.by_kind[kind][name], **secret)


async def test_what_belongs_to_something_that_is_not_there_is_held(
    store: ConfigStore, disk: Store
) -> None:
    """A spoiled name of an instance keeps nobody else from starting."""
    name = await alter(disk, "subscription", "json_set(doc, '$.instance', 'billinq')")
    _, loaded = await store.load()
    assert list(loaded.unreadable) == [("subscription", name)]
    assert loaded.subscriptions[name].instance in loaded.instances


async def test_what_is_saved_anew_can_be_read(
    store: ConfigStore, disk: Store, config: Config, catalog: Catalog
) -> None:
    """Also if it says the same as before; another thing that is saved changes nothing of it."""
    name = await alter(disk, "subscription", "''")
    revision, loaded = await store.load()
    source = next(iter(config.sources))
    other = {source: attrs.evolve(loaded.sources[source], paused=True)}
    changes = diff_configs(loaded, attrs.evolve(loaded, sources=other), catalog)
    assert [change.id for change in changes] == [source]
    assert ("subscription", name) in apply_changes(loaded, changes).unreadable
    changes = diff_configs(loaded, config, catalog)
    assert [(change.id, change.what) for change in changes] == [(name, "changed")]
    assert not apply_changes(loaded, changes).unreadable
    await store.apply(changes, revision, actor="me")
    assert await store.load() == (revision + 1, config)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("source", "sources.website.write_key"),
        ("instance", "instances.billing.settings.apiToken"),
    ],
)
async def test_a_secret_that_is_not_known_any_more_has_to_be_given(
    store: ConfigStore, disk: Store, catalog: Catalog, kind: str, place: str
) -> None:
    """Its mask is never stored as the secret itself."""
    await alter(disk, kind, "''")
    _, loaded = await store.load()
    document = export_config(loaded, catalog)
    if kind == "source":  # as it is, it stays unreadable: others may be changed meanwhile
        same = parse_config(document, catalog, current=loaded).config
        assert same.sources["website"] is loaded.sources["website"]
        document["sources"]["website"]["paused"] = True
    with pytest.raises(ConfigError, match="is masked, and there is no secret in place") as caught:
        parse_config(document, catalog, current=loaded)
    assert [fault.place for fault in caught.value.faults] == [place]


async def test_a_mask_is_no_write_key(store: ConfigStore, disk: Store) -> None:
    """Nobody sends with what stands in for a key."""
    await alter(disk, "source", "''")
    _, loaded = await store.load()
    resolved = resolve_write_keys(loaded, References())
    assert resolved.unreadable == loaded.unreadable
    [source] = resolved.sources.values()
    assert source.labelled_keys
    assert known_keys(resolved, source) == {}


async def test_what_cannot_be_read_is_not_sealed_anew(
    store: ConfigStore, disk: Store, tmp_path: Path
) -> None:
    """A rotation names it and changes nothing, since the old key may open it yet."""
    await alter(disk, "source", "substr(doc, 1, length(doc) - 1)")
    ring = rotate_key_file(tmp_path)
    with pytest.raises(ConfigError, match="replace or delete it first"):
        await store.rotate(ring)
