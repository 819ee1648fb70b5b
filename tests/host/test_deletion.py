"""Requests for deletions through the whole host, to a partner on this machine."""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from tests.host.calls import PATIENCE, accept, ask, call
from tests.host.deleting import BUILT_IN, document, hosting, partner
from tests.plugins.small import catalog_of
from tests.waiting import until

from offramp import Request
from offramp.config import parse_config
from offramp.errors import ConfigError
from offramp.host.run import Host

SUBSCRIPTION = f"subscriptions/{quote(BUILT_IN, safe='')}"
REQUEST = {"source": "site", "user_id": "u1", "anonymous_id": "a1", "message_id": "d1"}
IDS = {"userId": "u1", "anonymousId": "a1"}


async def deliveries(host: Host, message_id: str = "d1") -> dict[str, Any]:
    """The deliveries of an event by their subscription."""
    [record] = (await ask(host, "GET", f"events/{message_id}"))["events"]
    return {each["subscription"]: each for each in record["deliveries"]}


async def test_a_request_reaches_the_partner_once(tmp_path: Path) -> None:
    """The control API takes it durably; the built-in subscription alone delivers it, and counts."""
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        answer = await ask(host, "POST", "delete-requests", REQUEST)
        assert answer == {
            "source": "site", "message_id": "d1", "duplicate": False, "subscriptions": [BUILT_IN],
        }  # fmt: skip
        assert (await ask(host, "POST", "delete-requests", REQUEST))["duplicate"]
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert (crm.forgotten, crm.items) == ([IDS], [])
        found = await deliveries(host)
        assert found[BUILT_IN]["stage"] == "delivered"
        assert found["crm/all"]["stage"] == "filtered"
        stats = {each["id"]: each for each in (await ask(host, "GET", "status"))["subscriptions"]}
        assert stats[BUILT_IN]["delivered"] == 1


async def test_without_an_id_or_a_source_it_is_refused(tmp_path: Path) -> None:
    """Nobody is deleted by a request that names nobody, and nothing is stored."""
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        refused = await ask(host, "POST", "delete-requests", {"source": "site"}, status=422)
        assert "neither userId nor anonymousId" in str(refused)
        body = {"source": "other", "user_id": "u1"}
        assert "no source 'other'" in str(
            await ask(host, "POST", "delete-requests", body, status=404)
        )
        assert crm.forgotten == []


async def test_a_server_side_source_may_ask_and_a_trial_event_may_not(tmp_path: Path) -> None:
    """By the tracking API, with the key of such a source; a source that is not is refused."""
    key = base64.b64encode(b"key-of-the-site:").decode()
    batch = {"batch": [{"type": "delete", "userId": "u1", "messageId": "d1"}]}
    async with partner() as crm:
        for server_side in (False, True):
            async with hosting(tmp_path, crm.url, server_side=server_side) as host:
                headers = {"Authorization": f"Basic {key}"}
                url = f"{host.url}/v1/batch"
                async with aiohttp.ClientSession(headers=headers) as session:
                    answer = await (await session.post(url, json=batch)).json()
                assert ("rejected" in answer) is not server_side
                if not server_side:
                    trial = batch["batch"][0]
                    refused = await ask(host, "POST", "sources/site/test-event", trial, status=422)
                    assert "offramp delete-user" in str(refused)
                assert await host.wait_until_idle(timeout=PATIENCE)
        assert crm.forgotten == [{"userId": "u1", "anonymousId": None}]


async def test_killed_before_the_request_left_it_is_delivered_later(tmp_path: Path) -> None:
    """What was accepted survives kill -9 of the host during its delivery."""
    async with partner() as crm:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.host.deleting", str(tmp_path), crm.url,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert await asyncio.wait_for(process.wait(), PATIENCE) == -signal.SIGKILL
        assert crm.forgotten == []
        async with hosting(tmp_path, crm.url) as host:
            assert await host.wait_until_idle(timeout=PATIENCE)
            assert (await deliveries(host))[BUILT_IN]["stage"] == "delivered"
        assert crm.forgotten == [{"userId": "u1", "anonymousId": None}]


async def test_it_waits_while_it_is_paused_alone(tmp_path: Path) -> None:
    """Other subscriptions go on; the pause is in the file and in the list, and outlives a start."""
    async with partner() as crm:
        async with hosting(tmp_path, crm.url) as host:
            shown = await ask(host, "POST", f"{SUBSCRIPTION}/pause")
            assert (shown["subscription"]["paused"], shown["subscription"]["built_in"]) == (
                True,
                True,
            )
            await ask(host, "POST", "delete-requests", REQUEST)
            await accept(host, "m1")
            status = await ask(host, "GET", "status")
            assert [each["id"] for each in status["paused"]] == [BUILT_IN]
            assert status["paused"][0]["waiting"] == 1
            exported = (await ask(host, "GET", "config"))["document"]["instances"]["crm"]
            assert exported["on_delete_paused"] is True
            assert [each["name"] for each in exported["subscriptions"]] == ["all"]
            instance = await ask(host, "GET", "instances/crm")
            assert instance["instance"]["on_delete_paused"] is True
            assert crm.forgotten == []
            await ask(host, "POST", f"{SUBSCRIPTION}/resume")
            assert await host.wait_until_idle(timeout=PATIENCE)
        assert (crm.forgotten, crm.items) == ([IDS], [{"id": "m1"}])


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("PATCH", "", {"trigger": 'type = "track"'}),
        ("PATCH", "", {"mapping": {"userId": "x"}}),
        ("DELETE", "", None),
        ("POST", "/disable", None),
        ("POST", "/duplicate", None),
    ],
    ids=["trigger", "mapping", "delete", "disable", "duplicate"],
)
async def test_nobody_changes_what_is_built_in(
    tmp_path: Path, method: str, below: str, body: Any
) -> None:
    """Each way is refused with what is possible instead, and it stays as it was."""
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        before = await ask(host, "GET", SUBSCRIPTION)
        refused = await ask(host, method, f"{SUBSCRIPTION}{below}", body, status=409)
        assert "is built in: it can be paused and resumed" in refused["detail"]
        assert await ask(host, "GET", SUBSCRIPTION) == before
        assert before["subscription"]["trigger"] == 'type = "delete"'


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": "on_delete"}, "name"),
        ({"id": "crm/on_delete"}, "id"),
        ({"action": "on_delete"}, "action"),
    ],
    ids=["name", "id", "action"],
)
async def test_nobody_writes_one(tmp_path: Path, changes: Mapping[str, Any], place: str) -> None:
    """Its name, its id and its action are reserved in files and in the API."""
    table = {"name": "mine", "action": "send", "trigger": 'type = "delete"', **changes}
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        written = document(crm.url)
        written["instances"]["crm"]["subscriptions"] = [table]
        with pytest.raises(ConfigError) as raised:
            parse_config(written, host.engine.catalog)
        assert [each.place for each in raised.value.faults] == [
            f"instances.crm.subscriptions[0].{place}"
        ]
        status, _ = await call(host, "POST", "/api/subscriptions", {**table, "instance": "crm"})
        assert status == 422


async def test_an_explanation_shows_the_request_and_sends_nothing(tmp_path: Path) -> None:
    """For an event that is given, with the ids that the destination would get."""
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        event = {"type": "delete", "userId": "u1", "anonymousId": "a1"}
        body = {"event": event, "subscription": BUILT_IN}
        explained = await ask(host, "POST", "explain", body)
        assert (explained["matches"], explained["payload"]) == (True, IDS)
        assert explained["request"]["url"] == f"{crm.url}/forget"
        assert crm.forgotten == []


async def test_a_refusal_is_a_dead_letter_that_can_be_replayed(tmp_path: Path) -> None:
    """The outcomes follow the usual rules."""
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        crm.status = 400
        await ask(host, "POST", "delete-requests", REQUEST)
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert (await deliveries(host))[BUILT_IN]["stage"] == "rejected"
        crm.status = 200
        await ask(host, "POST", "replays", {"subscription": BUILT_IN})
        await until(lambda: len(crm.forgotten) > 1)
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert (await deliveries(host))[BUILT_IN]["stage"] == "delivered"
        assert crm.forgotten == [IDS, IDS]


async def nothing(_: Request[Any], __: Mapping[str, Any]) -> None:
    """As in a destination whose author has not written it yet."""


async def test_a_function_that_sends_nothing_deleted_nobody(tmp_path: Path) -> None:
    """It is never called delivered, and the reason names the function."""
    async with partner() as crm, hosting(tmp_path, crm.url, nothing) as host:
        await ask(host, "POST", "delete-requests", REQUEST)
        async with asyncio.timeout(PATIENCE):
            while (delivery := (await deliveries(host))[BUILT_IN])["stage"] == "waiting":
                pass
        assert delivery["stage"] != "delivered"
        assert "on_delete (" in delivery["message"]


async def test_a_destination_that_deletes_nobody_has_none(tmp_path: Path) -> None:
    """The answer says that nobody is asked."""
    async with partner() as crm, hosting(tmp_path, crm.url, None) as host:
        listed = (await ask(host, "GET", "subscriptions"))["subscriptions"]
        assert [each["id"] for each in listed] == ["crm/all"]
        assert (await ask(host, "POST", "delete-requests", REQUEST))["subscriptions"] == []


async def test_what_waits_survives_a_plugin_that_is_left_out(tmp_path: Path) -> None:
    """Without the destination in the catalog the built-in subscription is kept, with its queue."""
    async with partner() as crm:
        async with hosting(tmp_path, crm.url) as host:
            await ask(host, "POST", f"{SUBSCRIPTION}/pause")
            await ask(host, "POST", "delete-requests", REQUEST)
            config = host.engine.snapshot.config
            host.engine.catalog = catalog_of()
            await host.engine.apply(config)
            assert BUILT_IN in host.engine.snapshot.config.subscriptions
            assert f"subscriptions.{BUILT_IN}" not in host.engine.problems
            assert (await host.engine.queue.depths())[BUILT_IN].total == 1
        async with hosting(tmp_path, crm.url) as host:
            assert await host.wait_until_idle(timeout=PATIENCE)
        assert crm.forgotten == [IDS]
