"""A data folder that an earlier version left is brought up to date at the start of the host."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from offramp import _json
from offramp.config import HostSettings, Instance
from offramp.errors import StorageError
from offramp.host.run import Host, run_host
from offramp.plugins import load_catalog, load_plugins
from offramp.storage import Store
from offramp.storage.migrate import known_migrations

#: Its first lines say how it was made.
FOLDER = Path(__file__).parents[1] / "fixtures" / "data-of-5f01e63"
DATABASE = "offramp.sqlite3"
LONG = 1e6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder as the earlier version left it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    for name in ("secret.key", "token"):
        shutil.copy(FOLDER / name, folder)
        (folder / name).chmod(0o600)
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.executescript((FOLDER / "offramp.sql").read_text())
    return folder


async def get(host: Host, path: str) -> Any:
    headers = {"Authorization": f"Bearer {host.token.value}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{host.url}/api/{path}") as answer,
    ):
        assert answer.status == 200
        return _json.loads(await answer.read())


async def test_a_host_runs_on_the_folder_of_an_earlier_version(folder: Path) -> None:
    """Its configuration, dead letters, history and ledger are what they were, in today's words."""
    # What it holds must not be too old to be kept, whenever this runs.
    settings = HostSettings(port=0, keep_delivered_days=LONG, keep_dead_letters_days=LONG)
    catalog = load_catalog(load_plugins())
    async with run_host(None, catalog, settings, folder=folder) as host:
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
        assert list(host.engine.snapshot.pipelines) == list(config.subscriptions)
        dead = await get(host, "dead-letters")
        assert [row["message_id"] for row in dead["rows"]] == ["evt-nobody", "evt-old"]
        assert {row["reason"] for row in dead["rows"]} == {"PAYLOAD_VALIDATION_FAILED"}
        audit = await host.ledger.audit()
        assert (audit.deliveries, audit.faults) == (9, ())
        event = await host.event("evt-0")
        assert event is not None
        assert [each["stage"] for each in event["deliveries"]] == ["delivered"]
        limits = [
            (row["after"].get("max_concurrency"), row["after"].get("requests_per_second"))
            for row in (await get(host, "audit-log"))["rows"]
            if row["kind"] == "instance"
        ]
        assert limits == [(3, Decimal("250.3")), (None, 20), (3, Decimal("250.3"))]


async def test_a_folder_that_cannot_be_brought_up_to_date_stays_as_it_was(folder: Path) -> None:
    """A document that is no JSON stops the host, and the version that wrote it can still run."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("UPDATE config SET doc = 'broken' WHERE kind = 'instance'")
        connection.commit()
        before = list(connection.iterdump())
    with pytest.raises(StorageError):
        async with Store.open(folder):
            pass
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        assert list(connection.iterdump()) == before
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert version < len(known_migrations())
