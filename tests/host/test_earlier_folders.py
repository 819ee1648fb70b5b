"""Data folders of earlier versions open with all that is in them, or stay as they were."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from offramp.config import ConfigStore, load_key_ring
from offramp.plugins import load_catalog
from offramp.queue import Stage
from offramp.queue.sqlite import SqliteLedger
from offramp.storage import Store
from offramp.storage.migrate import known_migrations, migrate

FOLDERS = Path(__file__).with_name("data_folders")
FILE = "offramp.sqlite3"


@pytest.fixture(params=sorted(each.name for each in FOLDERS.iterdir()))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One folder, restored from its text."""
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.executescript((FOLDERS / request.param / "offramp.sql").read_text())
    shutil.copyfile(FOLDERS / request.param / "secret.key", tmp_path / "secret.key")
    (tmp_path / "secret.key").chmod(0o600)
    return tmp_path


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
        assert (await ledger.audit()).faults == ()


def test_a_migration_that_fails_leaves_the_folder_as_it_was(folder: Path) -> None:
    """All or nothing: the version that wrote it still runs on it."""
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
        before = list(connection.iterdump())
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, [*known_migrations(), "INSERT INTO nowhere VALUES (1);"])
        assert list(connection.iterdump()) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
