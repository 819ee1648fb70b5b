"""A host whose stored configuration the disk spoiled: what runs, what waits, what it says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.cli.conftest import CONFIG, TOKEN, usage
from tests.cli.parts import running
from tests.host.calls import call

from offramp.errors import ConfigError
from offramp.host.run import Host
from offramp.storage import DATABASE_FILE
from offramp_metronome.emulator import Emulator

BILLING, OTHERS = "metronome/Billing events", "metronome/Others"
#: A second subscription, and a second source whose key is a reference.
MORE = """
[[instances.metronome.subscriptions]]
name = "Others"
action = "sendEvent"
trigger = 'type = "track" and event = "other"'
[instances.metronome.subscriptions.mapping]
customer_id = { "@path" = "$.properties.cid" }
timestamp = { "@path" = "$.properties.ts" }
event_type = { "@path" = "$.properties.t" }
properties = { "@path" = "$.properties.data" }

[sources.second]
write_key = "env:SECOND_KEY"
"""
PATIENCE, A_WHILE = 20.0, 0.3


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the references lead to."""
    monkeypatch.setenv("METRONOME_TOKEN", TOKEN)
    monkeypatch.setenv("SECOND_KEY", "second-key")


@pytest.fixture
async def emulator(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """The partner."""
    async with Emulator(token=TOKEN) as found:
        monkeypatch.setenv("METRONOME_BASE_URL", found.url)
        yield found


@pytest.fixture
async def folder(tmp_path: Path, emulator: Emulator) -> Path:
    """A data folder with an event that waits in each subscription, as their source was paused."""
    file, folder = tmp_path / "offramp.toml", tmp_path / "data"
    file.write_text(CONFIG + MORE)
    async with running(file, folder) as host:
        assert (await call(host, "POST", "/api/instances/metronome/pause"))[0] == 200
        assert await send(host, "old") == 200
        assert await send(host, "old other", event="other") == 200
    async with running(None, folder) as host:
        pass  # what was paused is so still, and everything can be read
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        connection.execute(
            "UPDATE config SET doc = json_set(doc, '$.paused', json('false')) "
            "WHERE kind = 'instance'"
        )
    return folder


def spoil(folder: Path, kind: str, name: str) -> None:
    """Cut a document off."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        cut = "UPDATE config SET doc = substr(doc, 1, length(doc) - 9) WHERE kind = ? AND id = ?"
        assert connection.execute(cut, [kind, name]).rowcount == 1


async def send(host: Host, message_id: str, key: str = "product-key", **changes: Any) -> int:
    """Send an event; answers the status."""
    body = {"writeKey": key, "batch": [usage(message_id, **changes)]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{host.url}/v1/batch", json=body) as answer,
    ):
        return answer.status


async def degraded(host: Host) -> dict[str, str]:
    """By pointer, why something is degraded, as the API tells it."""
    _, status = await call(host, "GET", "/api/status")
    assert all(each["kind"] == "unreadable" for each in status["degraded"])
    return {each["pointer"]: each["detail"] for each in status["degraded"]}


async def arrives(emulator: Emulator, *ids: str) -> None:
    """Wait until the partner has exactly these events, each once."""
    async with asyncio.timeout(PATIENCE):
        while not set(ids) <= set(emulator.effects()):  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.02)
    await asyncio.sleep(A_WHILE)
    assert emulator.effects() == dict.fromkeys(ids, 1)


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Host]:
    """A host on what is stored, whose sums hold at the end."""
    async with running(None, folder) as host:
        yield host
        assert (await host.status())["faults"] == []


@pytest.mark.parametrize("fix", ["PATCH", "file"])
async def test_a_subscription_that_cannot_be_read_waits(
    folder: Path, emulator: Emulator, fix: str
) -> None:
    """Its events are accepted and wait; all else runs; saved anew, it sends all that waited."""
    spoil(folder, "subscription", BILLING)
    async with started(folder) as host:
        await arrives(emulator, "old other")
        assert await send(host, "new") == 200
        assert await send(host, "not it", event="another") == 200
        [(pointer, detail)] = (await degraded(host)).items()
        assert pointer == "#/subscriptions/metronome~1Billing%20events"
        assert "its events are accepted, and wait; save it anew" in detail
        status, ready = await call(host, "GET", "/readyz")
        assert (status, ready["ready"], len(ready["degraded"])) == (200, True, 1)
        assert (await host.queue.depth(BILLING)).total == 2
        shown = (await call(host, "GET", "/api/subscriptions"))[1]["subscriptions"]
        [broken] = [each for each in shown if each["id"] == BILLING]
        assert (broken["running"], bool(broken["problem"])) == (False, True)
        if fix == "PATCH":
            path = "/api/subscriptions/metronome%2FBilling%20events"
            status, answer = await call(host, "PATCH", path, {"enabled": True})
            assert status == 200, answer
            await arrives(emulator, "old other", "old", "new")
            assert await degraded(host) == {}
    async with running(folder.parent / "offramp.toml", folder) as host:
        await arrives(emulator, "old other", "old", "new")
        assert await degraded(host) == {}


async def test_an_instance_that_cannot_be_read_waits(folder: Path, emulator: Emulator) -> None:
    """Nothing is sent to it, not even a test of its credentials; saved anew, it sends again."""
    spoil(folder, "instance", "metronome")
    async with started(folder) as host:
        assert await send(host, "new") == 200
        await asyncio.sleep(A_WHILE)
        assert emulator.effects() == {}
        assert list(await degraded(host)) == ["#/instances/metronome"]
        tested = (await call(host, "POST", "/api/instances/metronome/test"))[1]
        assert tested["result"] == "unknown"
        assert (await host.queue.depth(BILLING)).total == 2
        # The log has it as it was last saved: paused.
        status, answer = await call(host, "POST", "/api/instances/metronome/resume")
        assert status == 200, answer
        await arrives(emulator, "old other", "old", "new")
        assert await degraded(host) == {}


async def test_what_cannot_be_read_can_be_deleted(folder: Path, emulator: Emulator) -> None:
    """What waits for it then ends, once the caller confirms that."""
    spoil(folder, "subscription", BILLING)
    async with started(folder) as host:
        path = "/api/subscriptions/metronome%2FBilling%20events"
        assert (await call(host, "DELETE", path))[0] == 409
        assert (await call(host, "DELETE", f"{path}?confirm=true"))[0] == 200
        assert await degraded(host) == {}
        await arrives(emulator, "old other")
    async with started(folder) as host:
        assert await degraded(host) == {}


async def test_senders_of_a_source_that_cannot_be_read_send_again(
    folder: Path, emulator: Emulator
) -> None:
    """Its key is unknown, so no unknown key is refused for good; another source is served."""
    spoil(folder, "source", "product")
    async with started(folder) as host:
        await arrives(emulator, "old other", "old")
        assert await send(host, "new") == 503
        assert await send(host, "new", "***") == 503
        assert await send(host, "for the second", "second-key") == 200
        [(pointer, detail)] = (await degraded(host)).items()
        assert (pointer, "answered with 503" in detail) == ("#/sources/product", True)
        assert (await call(host, "GET", "/readyz"))[0] == 200
        status, _ = await call(host, "PATCH", "/api/sources/second", {"paused": True})
        assert status == 200
        status, answer = await call(host, "PATCH", "/api/sources/product", {"paused": True})
        assert (status, answer["errors"][0]["pointer"]) == (422, "#/write_key")
        status, _ = await call(host, "PATCH", "/api/sources/product", {"write_key": "product-key"})
        assert status == 200
        assert await send(host, "new") == 200
        assert await send(host, "new", "unknown") == 401
        await arrives(emulator, "old other", "old", "new")


async def test_a_source_whose_keys_are_references_is_served(folder: Path) -> None:
    """The audit log shows references as they are."""
    spoil(folder, "source", "second")
    async with started(folder) as host:
        assert await send(host, "for the second", "second-key") == 200
        assert await send(host, "new", "unknown") == 401
        [detail] = (await degraded(host)).values()
        assert "its events are accepted, as its write keys are references" in detail


async def test_a_host_that_knows_no_write_key_is_not_ready(folder: Path) -> None:
    """Nothing can be accepted: a load balancer may take it out."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        connection.execute("DELETE FROM config WHERE id = 'second'")
    spoil(folder, "source", "product")
    async with started(folder) as host:
        status, ready = await call(host, "GET", "/readyz")
        assert (status, ready["ready"]) == (503, False)
        assert "1 source cannot be read" in ready["faults"]["sources"]


async def test_without_a_copy_the_host_does_not_start(folder: Path) -> None:
    """It says which part it is, and what to do."""
    spoil(folder, "subscription", BILLING)
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        connection.execute("DELETE FROM audit_log")
    with pytest.raises(ConfigError, match=r"Billing events: .* the audit log has no copy of it"):
        async with running(None, folder):
            pass


async def test_a_document_that_is_no_text_is_backed_up_all_the_same(folder: Path) -> None:
    """A backup copies the file as it is."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        connection.execute(
            "UPDATE config SET doc = CAST(x'7bff' || substr(doc, 3) AS TEXT) WHERE id = ?",
            [BILLING],
        )
    async with started(folder) as host:
        [detail] = (await degraded(host)).values()
        assert "it holds bytes that are no text" in detail
        path = str(folder.parent / "backup")
        assert (await call(host, "POST", "/api/backups", {"path": path}))[0] == 200
        await host.context.backups.wait()
        [backup] = (await call(host, "GET", "/api/backups"))[1]["rows"]
        assert backup["state"] == "done", backup
