from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from offramp import _json
from offramp.config import (
    Config,
    ConfigStore,
    KeyRing,
    StaleConfigError,
    diff_configs,
    parse_config,
    rotate_key_file,
    same_thing,
)
from offramp.config.keyring import load_key_ring, new_key
from offramp.definition import MASK
from offramp.errors import ConfigError
from offramp.plugins import Catalog
from offramp.storage import Store

NOW = 1_800_000_000.5


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store.open(tmp_path) as store:
        yield store


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return load_key_ring(tmp_path, environ={})


@pytest.fixture
def store(disk: Store, keys: KeyRing, catalog: Catalog) -> ConfigStore:
    return ConfigStore(disk, keys, catalog, clock=lambda: NOW)


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def raw(disk: Store, sql: str) -> list[Any]:
    return await disk.read(lambda connection: connection.execute(sql).fetchall())


async def test_a_new_host_has_an_empty_configuration(store: ConfigStore) -> None:
    """Revision 0 is nothing."""
    assert await store.load() == (0, Config())
    assert await store.audit_log() == []


async def test_what_is_applied_is_what_loads(
    store: ConfigStore, config: Config, disk: Store, keys: KeyRing, catalog: Catalog
) -> None:
    """Everything comes back as it was, in its order, for another reader too."""
    settings = {"apiToken": "t", "login": {"user": "u", "password": "p"}, "odd. key": ["x"]}
    odd = attrs.evolve(
        config.instances["billing"], name="odd. name", settings=settings, requests_per_second=0.1
    )
    config = attrs.evolve(config, instances={**config.instances, "odd. name": odd})
    assert await store.replace(config, 0, actor="me") == 1
    revision, loaded = await store.load()
    assert (revision, loaded) == (1, config)
    assert list(loaded.subscriptions) == list(config.subscriptions)
    assert await ConfigStore(disk, keys, catalog).load() == (1, config)


@pytest.mark.parametrize(
    ("mappings", "message"),
    [
        (
            ({"customer_id": "a", "event_type": "b"}, {"event_type": "b", "customer_id": "a"}),
            'mapping: ["customer_id","event_type"] -> ["event_type","customer_id"]',
        ),
        (
            ({"properties": {"x": 1, "y": 2}}, {"properties": {"y": 2, "x": 1}}),
            'mapping.properties: {"x":1,"y":2} -> {"y":2,"x":1}',
        ),
        (
            (
                {"properties": {"x": [{"x": 1, "y": {}}]}},
                {"properties": {"x": [{"y": {}, "x": 1}]}},
            ),
            'mapping.properties: {"x":[{"x":1,"y":{}}]} -> {"x":[{"y":{},"x":1}]}',
        ),
        (
            (
                {"customer_id": "a", "properties": {}, "event_type": "b"},
                {"event_type": "b", "customer_id": "a"},
            ),
            'mapping: ["customer_id","properties","event_type"] -> ["event_type","customer_id"]',
        ),
        (
            (
                {"customer_id": "a", "properties": {}, "event_type": "b"},
                {"customer_id": "a", "event_type": "b"},
            ),
            "mapping.properties: {} -> (nothing)",
        ),
    ],
)
async def test_another_order_of_a_mapping_is_a_change(
    store: ConfigStore,
    config: Config,
    catalog: Catalog,
    mappings: tuple[dict[str, Any], dict[str, Any]],
    message: str,
) -> None:
    """The payload has the order of the mapping: the change is told, and stored."""
    before, after = mappings
    name, subscription = next(iter(config.subscriptions.items()))

    def with_mapping(mapping: dict[str, Any]) -> Config:
        changed = attrs.evolve(subscription, mapping=mapping)
        return attrs.evolve(config, subscriptions={**config.subscriptions, name: changed})

    await store.replace(with_mapping(before), 0, actor="me")
    (change,) = diff_configs(with_mapping(before), with_mapping(after), catalog)
    assert str(change.details[-1]) == message
    assert not same_thing(change.before, change.after)
    await store.replace(with_mapping(after), 1, actor="me")
    _, loaded = await store.load()
    assert _json.dumps(loaded.subscriptions[name].mapping) == _json.dumps(after)


async def test_a_document_without_a_copy_is_named_with_what_to_do(
    store: ConfigStore, config: Config, disk: Store, keys: KeyRing, catalog: Catalog
) -> None:
    """Where the audit log has nothing to stand in for it, no other thing is blamed."""
    await store.replace(config, 0, actor="me")
    name = next(iter(config.instances))

    def spoil(connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE config SET doc = substr(doc, 1, 9) WHERE kind = 'instance' AND id = ?", [name]
        )
        connection.execute("DELETE FROM audit_log WHERE kind = 'instance'")

    await disk.write(spoil)
    with pytest.raises(ConfigError) as caught:
        await ConfigStore(disk, keys, catalog).load()
    [fault] = caught.value.faults
    assert fault.place == f"instances.{name}"
    assert "restore the latest backup" in fault.message


def test_another_order_of_settings_is_none(config: Config, catalog: Catalog) -> None:
    """Settings are read by their names: an instance that says the same keeps its lanes."""

    def with_settings(settings: dict[str, Any]) -> Config:
        changed = attrs.evolve(config.instances["billing"], settings=settings)
        return attrs.evolve(config, instances={**config.instances, "billing": changed})

    one, other = {"apiToken": "t", "x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}, "apiToken": "t"}
    assert diff_configs(with_settings(one), with_settings(other), catalog) == ()


async def test_no_secret_lies_on_disk(store: ConfigStore, config: Config, tmp_path: Path) -> None:
    """Tokens and write keys are sealed in the tables and masked in the audit log."""
    await store.replace(config, 0, actor="me")
    token = attrs.evolve(
        config.instances["billing"], settings={"apiToken": "tok_another_0000", "gone": "tok_old"}
    )
    await store.replace(attrs.evolve(config, instances={"billing": token}), 1, actor="me")
    on_disk = await asyncio.to_thread(all_bytes, tmp_path)
    assert b"$secret" in on_disk
    assert b"tok_" not in on_disk
    assert b"wk_" not in on_disk


async def test_references_are_stored_as_they_are(
    store: ConfigStore, config: Config, disk: Store
) -> None:
    """A reference is no secret, and an operator may want to see it."""
    made = attrs.evolve(config.instances["billing"], settings={"apiToken": "env:TOKEN"})
    await store.replace(attrs.evolve(config, instances={"billing": made}), 0, actor="me")
    assert "env:TOKEN" in str(await raw(disk, "SELECT doc FROM config"))


async def test_changes_apply_only_to_the_revision_they_were_made_for(
    store: ConfigStore, config: Config, catalog: Catalog
) -> None:
    """Of two people who change the same revision the second is told, and nothing is lost."""
    await store.replace(config, 0, actor="me")
    off = attrs.evolve(config.sources["website"], enabled=False)
    changes = diff_configs(config, attrs.evolve(config, sources={"website": off}), catalog)
    assert await store.apply(changes, 1, actor="anna") == 2
    with pytest.raises(StaleConfigError, match="is at revision 2, not 1") as caught:
        await store.apply(changes, 1, actor="ben")
    assert (caught.value.expected, caught.value.found) == (1, 2)
    with pytest.raises(StaleConfigError):
        await store.replace(config, 1, actor="ben")
    revision, loaded = await store.load()
    assert (revision, loaded.sources["website"].enabled) == (2, False)


async def test_a_race_has_one_winner(store: ConfigStore, config: Config, catalog: Catalog) -> None:
    """Of many applies at once, for one revision, exactly one goes through."""
    changes = diff_configs(Config(), config, catalog)
    results = await asyncio.gather(
        *(store.apply(changes, 0, actor=str(n)) for n in range(5)), return_exceptions=True
    )
    assert [r for r in results if not isinstance(r, StaleConfigError)] == [1]


async def test_two_stores_on_one_file_do_not_overwrite_each_other(
    store: ConfigStore, config: Config, disk: Store, keys: KeyRing, catalog: Catalog
) -> None:
    """The comparison is part of the transaction, not of a lock in memory."""
    other = ConfigStore(disk, keys, catalog)
    changes = diff_configs(Config(), config, catalog)
    results = await asyncio.gather(
        store.apply(changes, 0, actor="a"),
        other.apply(changes, 0, actor="b"),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["StaleConfigError", "int"]


async def test_no_change_makes_no_revision(store: ConfigStore, config: Config) -> None:
    """Applying the same file again is free."""
    await store.replace(config, 0, actor="me")
    assert await store.replace(config, 1, actor="me") == 1
    assert len(await store.audit_log()) == 4


async def test_the_audit_log_tells_who_changed_what(
    store: ConfigStore, config: Config, written: dict[str, Any], catalog: Catalog
) -> None:
    """Each entry has revision, time, name and both states, secrets masked; latest first."""
    await store.replace(config, 0, actor="anna")
    del written["instances"]["billing"]["subscriptions"][1]
    written["instances"]["billing"]["settings"]["apiToken"] = "tok_zyxwvutsrqpo9999"
    await store.replace(parse_config(written, catalog).config, 1, actor="ben")
    removed, changed = await store.audit_log(limit=2)
    assert (removed.what, removed.id, removed.after) == (
        "removed",
        "billing/Billing events",
        None,
    )
    assert (changed.revision, changed.at, changed.actor, changed.what) == (2, NOW, "ben", "changed")
    assert (changed.before or {})["settings"]["apiToken"] == "***cdef"
    assert (changed.after or {})["settings"]["apiToken"] == "***9999"
    earlier = await store.audit_log(below=changed.entry)
    assert [(e.revision, e.actor, e.what) for e in earlier] == [(1, "anna", "added")] * 4


async def test_what_was_removed_can_be_added_again(
    store: ConfigStore, config: Config, disk: Store
) -> None:
    """A removed thing leaves a mark without its secrets, and gives way to a new one."""
    await store.replace(config, 0, actor="me")
    await store.replace(Config(), 1, actor="me")
    assert await store.load() == (2, Config())
    assert await raw(disk, "SELECT DISTINCT doc, deleted FROM config") == [(None, 1)]
    await store.replace(config, 2, actor="me")
    assert await store.load() == (3, config)


async def test_what_would_not_hold_together_is_refused(
    store: ConfigStore, config: Config, catalog: Catalog
) -> None:
    """A source cannot go while an instance needs it, nor an instance while subscriptions do."""
    await store.replace(config, 0, actor="me")
    for broken, message in [
        (
            attrs.evolve(config, sources={}),
            "instances.billing.source: there is no source 'website'",
        ),
        (
            attrs.evolve(config, instances={}),
            'subscriptions."billing/Usage".instance: there is no instance',
        ),
    ]:
        changes = diff_configs(config, broken, catalog)
        with pytest.raises(ConfigError, match=message):
            await store.apply(changes, 1, actor="me")
    assert await store.load() == (1, config)


async def test_watchers_run_every_revision_before_apply_returns(
    store: ConfigStore, config: Config
) -> None:
    """Whoever applied a change knows that it runs; a watcher that left is not told."""
    seen: list[tuple[int, Config]] = []

    async def watcher(revision: int, new: Config) -> None:
        await asyncio.sleep(0)
        seen.append((revision, new))

    with store.watch(watcher):
        await store.replace(config, 0, actor="me")
        assert seen == [(1, config)]
        await store.replace(Config(), 1, actor="me")
    await store.replace(config, 2, actor="me")
    assert [revision for revision, _ in seen] == [1, 2]


async def test_a_failing_watcher_hides_nothing(
    store: ConfigStore, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """The change is in force: the others are told, and the failure is in the log."""
    seen: list[int] = []

    async def broken(revision: int, new: Config) -> None:
        raise RuntimeError("no room")

    async def watcher(revision: int, new: Config) -> None:
        seen.append(revision)

    with store.watch(broken), store.watch(watcher), caplog.at_level(logging.ERROR):
        assert await store.replace(config, 0, actor="me") == 1
    assert seen == [1]
    assert "revision 1 of the configuration could not be put to work" in caplog.text


async def test_a_caller_who_goes_away_undoes_nothing(
    store: ConfigStore, config: Config, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle, the change still reaches disk and watchers."""
    changes = diff_configs(Config(), config, catalog)
    answer, reading = asyncio.Event(), asyncio.Event()
    load = store.load

    async def slow_load() -> tuple[int, Config]:
        reading.set()
        return await load()

    monkeypatch.setattr(store, "load", slow_load)

    async def watcher(revision: int, new: Config) -> None:
        answer.set()

    with store.watch(watcher):
        task = asyncio.create_task(store.apply(changes, 0, actor="me"))
        await reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(answer.wait(), timeout=5)
    assert await store.load() == (1, config)


async def test_rotating_seals_everything_anew(
    store: ConfigStore, config: Config, disk: Store, tmp_path: Path, catalog: Catalog
) -> None:
    """After a rotation the new key alone opens every secret."""
    await store.replace(config, 0, actor="me")
    ring = rotate_key_file(tmp_path)
    assert await store.rotate(ring) == 2
    alone = KeyRing.of(ring.keys[ring.ids[0]])
    assert await ConfigStore(disk, alone, catalog).load() == (1, config)
    assert await store.load() == (1, config)


async def test_without_the_key_every_secret_is_told(
    store: ConfigStore, config: Config, disk: Store, catalog: Catalog
) -> None:
    """A host with the wrong key says which secrets it cannot open, all at once."""
    await store.replace(config, 0, actor="me")
    with pytest.raises(ConfigError) as caught:
        await ConfigStore(disk, KeyRing.of(new_key()), catalog).load()
    assert [fault.place for fault in caught.value.faults] == [
        "sources.website.write_key",
        "instances.billing.settings.apiToken",
    ]


async def test_a_sealed_secret_cannot_be_moved(
    store: ConfigStore, config: Config, disk: Store
) -> None:
    """Copied to a field that is shown in the clear, a sealed secret does not open."""
    await store.replace(config, 0, actor="me")

    def move(connection: sqlite3.Connection) -> None:
        (text,) = connection.execute("SELECT doc FROM config WHERE kind = 'instance'").fetchone()
        doc = _json.loads(text)
        doc["settings"]["region"] = doc["settings"]["apiToken"]
        connection.execute(
            "UPDATE config SET doc = ? WHERE kind = 'instance'", [_json.dumps(doc).decode()]
        )

    await disk.write(move)
    _, loaded = await store.load()
    [(key, why)] = loaded.unreadable.items()
    assert key == ("instance", "billing")
    assert "settings.region: was changed, or was sealed for another place" in why
    assert loaded.instances["billing"].settings["apiToken"].startswith(MASK)


async def test_what_a_newer_version_wrote_is_passed_over(
    store: ConfigStore, config: Config, disk: Store
) -> None:
    """A key that this version does not know does not keep the host from starting."""
    await store.replace(config, 0, actor="me")

    def add(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE config SET doc = json_set(doc, '$.colour', 'blue')")

    await disk.write(add)
    assert await store.load() == (1, config)
