"""Data folders of earlier versions open with all that is in them, or stay as they were."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from tests.host.earlier_folders import FILE, restored

from offramp import _json
from offramp.config import ConfigStore, HostSettings, Instance, load_key_ring
from offramp.errors import StorageError
from offramp.host.run import Host, run_host
from offramp.plugins import load_catalog, load_plugins
from offramp.queue import Stage
from offramp.queue.sqlite import SqliteLedger
from offramp.storage import Store
from offramp.storage.migrate import Migration, known_migrations, migrate

#: Days: what a folder holds must not be too old to be kept, whenever this runs.
LONG = 1e6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a delivery in each state, written by the store of 5f01e63."""
    return restored("first", tmp_path)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder that a host of 5f01e63 left; its first lines say how."""
    return restored("served", tmp_path)


async def test_the_configuration_and_its_audit_log_are_read(folder: Path) -> None:
    """Sources, instances with their secrets, subscriptions, and who changed what."""
    async with Store.open(folder) as store:
        configs = ConfigStore(store, load_key_ring(folder), load_catalog())
        revision, config = await configs.load()
        entries = await configs.audit_log()
        assert await configs.replace(config, revision, actor="test") == revision
    assert revision == 2
    assert config.sources["site"].write_key == "write-key-of-the-test"
    billing = config.instances["billing"]
    assert billing.settings == {"apiToken": "demo-token"}
    assert (billing.max_concurrency, billing.requests_per_second) == (3, 60.0)
    assert [(each.id, each.enabled) for each in config.subscriptions.values()] == [
        ("billing/Usage", True),
        ("billing/Other", False),
    ]
    assert [(each.revision, each.actor) for each in entries] == [(2, "Ada"), *[(1, "file")] * 4]
    assert entries[0].before is not None
    assert entries[0].after is not None
    limits = "max_concurrency", "requests_per_second"
    assert [entries[0].before[key] for key in limits] == [2, 50.0]
    assert [entries[0].after[key] for key in limits] == [3, 60.0]


async def test_a_change_is_counted_and_written_into_the_audit_log(folder: Path) -> None:
    """The statements fit the tables as the migrations left them."""
    async with Store.open(folder) as store:
        configs = ConfigStore(store, load_key_ring(folder), load_catalog())
        _, config = await configs.load()
        left = {"billing/Usage": config.subscriptions["billing/Usage"]}
        changed = attrs.evolve(config, subscriptions=left)
        assert await configs.replace(changed, 2, actor="Grace") == 3
        [entry] = await configs.audit_log(limit=1)
    assert (entry.revision, entry.actor, entry.what) == (3, "Grace", "removed")


async def test_every_delivery_stands_where_it_stood(folder: Path) -> None:
    """One of each: delivered, filtered, rejected and retrying; and the sums hold."""
    async with Store.open(folder) as store:
        ledger = SqliteLedger(store)
        for stage in (Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.RETRYING):
            [record] = await ledger.event(f"{stage.value}-1")
            assert [each.stage for each in record.deliveries] == [stage]
        assert (await ledger.reconcile()).faults == ()


def test_a_migration_that_fails_leaves_the_folder_as_it_was(folder: Path) -> None:
    """All or nothing: the version that wrote it still runs on it."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, [*known_migrations(), Migration("INSERT INTO nowhere VALUES (1);")])
        assert list(connection.iterdump()) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


async def get(host: Host, path: str) -> Any:
    headers = {"Authorization": f"Bearer {host.token.value}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{host.url}/api/{path}") as answer,
    ):
        assert answer.status == 200
        return _json.loads(await answer.read())


async def test_a_host_runs_on_the_folder_of_an_earlier_version(served: Path) -> None:
    """Its configuration, dead letters, history and ledger are what they were, in today's words."""
    settings = HostSettings(port=0, keep_delivered_days=LONG, keep_dead_letters_days=LONG)
    catalog = load_catalog(load_plugins())
    async with run_host(None, catalog, settings, folder=served) as host:
        config = host.engine.snapshot.config
        assert config.sources["web"].write_key == "wk_web"
        assert config.instances["metronome"] == Instance(
            name="metronome",
            source="web",
            destination="metronome-actions",
            settings={"apiToken": "tok_0123456789abcdef"},
            max_concurrency=3,
            requests_per_second=250.3,
        )
        assert list(host.engine.snapshot.plans) == list(config.subscriptions)
        dead = await get(host, "dead-letters")
        assert [row["message_id"] for row in dead["rows"]] == ["evt-nobody", "evt-old"]
        assert {row["reason"] for row in dead["rows"]} == {"PAYLOAD_VALIDATION_FAILED"}
        recount = await host.ledger.reconcile()
        assert (recount.deliveries, recount.faults) == (9, ())
        event = await host.event("evt-0")
        assert event is not None
        assert [each["stage"] for each in event["deliveries"]] == ["delivered"]
        limits = [
            (row["after"].get("max_concurrency"), row["after"].get("requests_per_second"))
            for row in (await get(host, "audit-log"))["rows"]
            if row["kind"] == "instance"
        ]
        assert limits == [(3, Decimal("250.3")), (None, 20), (3, Decimal("250.3"))]


async def test_a_folder_that_cannot_be_brought_up_to_date_stays_as_it_was(served: Path) -> None:
    """A document that is no JSON stops the host, and the version that wrote it can still run."""
    with closing(sqlite3.connect(served / FILE)) as connection:
        connection.execute("UPDATE config SET doc = 'broken' WHERE kind = 'instance'")
        connection.commit()
        before = list(connection.iterdump())
    with pytest.raises(StorageError):
        async with Store.open(served):
            pass
    with closing(sqlite3.connect(served / FILE)) as connection:
        assert list(connection.iterdump()) == before
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert version < len(known_migrations())
