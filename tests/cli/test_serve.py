"""The host as a process: Segment's own SDK in, Metronome's emulator out, signals, restarts."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from segment.analytics.client import Client
from tests.cli.conftest import TOKEN, Offramp, flat, usage
from tests.cli.parts import COMMAND, PATIENCE, Process, serving

from offramp import _json
from offramp_metronome.emulator import Emulator, Fault

KEY = "product-key"
#: Longer than a request of an action may take.
STOPPED_SECONDS = 12.0
CUT_OFF = "answer unknown: the host stopped while the request was under way"


async def arrived(emulator: Emulator, count: int) -> None:
    """Wait until the emulator has that many events."""
    async with asyncio.timeout(PATIENCE):
        while len(emulator.effects()) < count:  # noqa: ASYNC110 - the far end sends no signal
            await asyncio.sleep(0.05)


async def repeated(emulator: Emulator, count: int) -> None:
    """Wait until the emulator has met that many repeats."""
    async with asyncio.timeout(PATIENCE):
        while emulator.stats().duplicates < count:  # noqa: ASYNC110 - the far end sends no signal
            await asyncio.sleep(0.05)


def track(url: str, events: list[dict[str, Any]], **options: Any) -> None:
    """Send with the SDK as an application does."""
    client = Client(KEY, host=url, **options)
    for event in events:
        client.track(
            user_id=event["userId"],
            event=event["event"],
            properties=event["properties"],
            message_id=event["messageId"],
        )
    client.flush()
    client.join()


async def post(url: str, events: list[dict[str, Any]]) -> int:
    """One batch over HTTP; answers the status."""
    async with aiohttp.ClientSession() as session:
        body = {"writeKey": KEY, "batch": events}
        async with session.post(f"{url}/v1/batch", json=body) as answer:
            return answer.status


@pytest.mark.parametrize("options", [{}, {"gzip": True}])
async def test_events_of_the_real_sdk_arrive_each_once(
    config: Path, options: dict[str, Any]
) -> None:
    """Everything that Segment's Python SDK sends is in Metronome, once."""
    ids = [f"sdk-{number}" for number in range(250)]
    async with Emulator(token=TOKEN) as emulator, serving(config, emulator.url) as host:
        await asyncio.to_thread(track, host.url, [usage(each) for each in ids], **options)
        await arrived(emulator, len(ids))
        assert emulator.effects() == dict.fromkeys(ids, 1)
        assert await host.stop() == 0


async def test_sigterm_under_load_loses_nothing(config: Path) -> None:
    """Stopped while Metronome is slow: it ends in time, and the next one delivers the rest."""
    ids = [f"term-{number}" for number in range(500)]
    async with Emulator(token=TOKEN) as emulator:
        emulator.faults.add(Fault(store="all", delay=0.5, probability=0.5))
        async with serving(config, emulator.url) as host:
            assert await post(host.url, [usage(each) for each in ids]) == 200
            assert await host.stop() == 0
        emulator.faults.clear()
        async with serving(config, emulator.url):
            await arrived(emulator, len(ids))
        assert emulator.effects() == dict.fromkeys(ids, 1)


async def test_a_killed_host_loses_nothing_that_it_accepted(config: Path) -> None:
    """Kill -9 right after the 200: the next start delivers everything, each event once."""
    ids = [f"kill-{number}" for number in range(300)]
    async with Emulator(token=TOKEN) as emulator:
        async with serving(config, emulator.url) as host:
            assert await post(host.url, [usage(each) for each in ids]) == 200
            assert await host.stop(signal.SIGKILL) == -signal.SIGKILL
        async with serving(config, emulator.url):
            await arrived(emulator, len(ids))
        assert emulator.effects() == dict.fromkeys(ids, 1)


async def record_of(config: Path, host: Process, message_id: str) -> dict[str, Any]:
    """The only delivery of an event, by the control API."""
    token = (config.parent / "offramp-data" / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{host.url}/api/events/{message_id}") as answer,
    ):
        [record] = _json.loads(await answer.read())["events"]
    [delivery] = record["deliveries"]
    return dict(delivery)


async def test_a_record_counts_the_attempts_that_a_kill_cut_off(
    config: Path,
) -> None:
    """Killed twice while Metronome holds its answer: as many attempts as it got requests."""
    async with Emulator(token=TOKEN) as emulator:
        emulator.faults.add(Fault(store="all", ending="hang", times=2))
        async with serving(config, emulator.url) as host:
            assert await post(host.url, [usage("cut")]) == 200
            await arrived(emulator, 1)
            assert (await record_of(config, host, "cut"))["attempts"] == 0
            await host.stop(signal.SIGKILL)
        async with serving(config, emulator.url) as host:
            await repeated(emulator, 1)
            delivery = await record_of(config, host, "cut")
            assert (delivery["stage"], delivery["reason"]) == ("retrying", "ANSWER_UNKNOWN")
            assert (delivery["attempts"], delivery["unknown_answers"]) == (1, 1)
            assert delivery["message"] == delivery["why"]["text"].partition(": ")[2] == CUT_OFF
            await host.stop(signal.SIGKILL)
        async with serving(config, emulator.url) as host:
            await repeated(emulator, 2)
            async with asyncio.timeout(PATIENCE):
                while (delivery := await record_of(config, host, "cut"))["stage"] == "retrying":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert (delivery["attempts"], delivery["unknown_answers"]) == (3, 2)
            shown = await asyncio.create_subprocess_exec(
                *COMMAND, "events", "cut", cwd=config.parent, stdout=asyncio.subprocess.PIPE
            )
            out, _ = await shown.communicate()
            assert "OK, 3 attempts" in flat(out.decode())
            assert f"2 of the attempts: {CUT_OFF}" in flat(out.decode())
        assert emulator.effects() == {"cut": 1}
        assert emulator.stats().requests == 3


#: A host whose leases end after two seconds; all else is as always.
SHORT_LEASES = """
from offramp.cli import main
from offramp.delivery import worker
from offramp.queue.sqlite import leases
worker.LEASE_SECONDS = 2.0
leases.STOPPED_S = 1.5
main()
"""


async def test_a_host_that_was_stopped_sends_nothing_twice(config: Path) -> None:
    """SIGSTOP for longer than a lease, and than a request may take: the answers are read after."""
    ids = [f"stop-{number}" for number in range(300)]
    command = [sys.executable, "-c", SHORT_LEASES]
    async with Emulator(token=TOKEN) as emulator, serving(config, emulator.url, command) as host:
        emulator.faults.add(Fault(store="all", delay=1, times=100))
        assert await post(host.url, [usage(each) for each in ids]) == 200
        await arrived(emulator, 1)
        host.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(STOPPED_SECONDS)
        host.process.send_signal(signal.SIGCONT)
        await arrived(emulator, len(ids))
        assert await host.stop() == 0
        assert emulator.effects() == dict.fromkeys(ids, 1)
        assert emulator.stats().duplicates == 0


async def test_bad_requests_are_refused_and_nothing_else_is_lost(config: Path) -> None:
    """No JSON, an oversized event, a wrong write key: each told clearly, good events arrive."""
    big = usage("big")
    big["properties"]["data"]["blob"] = "x" * 40_000
    async with (
        Emulator(token=TOKEN) as emulator,
        serving(config, emulator.url) as host,
        aiohttp.ClientSession() as session,
    ):
        batch = f"{host.url}/v1/batch"
        async with session.post(batch, data=b"{no json") as answer:
            assert answer.status == 400
        wrong = {"writeKey": "wrong", "batch": [usage("w")]}
        async with session.post(batch, json=wrong) as answer:
            assert answer.status == 401
        mixed = {"writeKey": KEY, "batch": [usage("good-1"), big, 5, usage("good-2")]}
        async with session.post(batch, json=mixed) as answer:
            assert answer.status == 200
            shown = await answer.json()
        assert [each["index"] for each in shown["rejected"]] == [1, 2]
        await arrived(emulator, 2)
        assert set(emulator.effects()) == {"good-1", "good-2"}
        async with session.get(f"{host.url}/readyz") as answer:
            assert answer.status == 200


async def test_one_folder_has_one_host(config: Path) -> None:
    """A second host on the same data folder is refused with a clear message."""
    async with Emulator(token=TOKEN) as emulator, serving(config, emulator.url):
        second = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", str(config), "--port", "0", stderr=asyncio.subprocess.PIPE
        )
        _, err = await asyncio.wait_for(second.communicate(), PATIENCE)
    assert second.returncode == 2
    assert b"Traceback" not in err


async def test_the_demonstration_ends_by_itself() -> None:
    """`offramp demo` shows the whole way and stops with status 0, whatever proxy is set."""
    nowhere = "http://127.0.0.1:9"
    demo = await asyncio.create_subprocess_exec(
        *COMMAND, "demo",
        env={**os.environ, "COLUMNS": "100", "HTTP_PROXY": nowhere, "http_proxy": nowhere},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(demo.communicate(), 60)
    assert demo.returncode == 0, err.decode()
    shown = out.decode()
    for word in ("billing_event", "@path $.properties.cid", "41 events stored", "duplicate"):
        assert word in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "{taken}"], "127.0.0.1:{taken} is in use: stop the program that listens there"),
        (["--port", "70000"], "must be 0 to 65535, not 70000"),
        (["--port", "-1"], "must be 0 to 65535, not -1"),
        (["--host", "192.0.2.7"], "192.0.2.7:8585 is not an address of this machine"),
        (["--host", "no such host"], "is not an address, nor a name that can be resolved"),
    ],
    ids=["in use", "too high", "negative", "not of this machine", "no name"],
)
def test_an_address_that_cannot_be_had_is_told_before_anything_begins(
    offramp: Offramp, config: Path, options: list[str], message: str
) -> None:
    """One sentence, status 2; the file is not applied, and no data folder is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = offramp("serve", config, *(each.format(taken=port) for each in options))
    assert result.status == 2
    [line] = result.err.splitlines()
    assert message.format(taken=port) in line
    assert not (config.parent / "offramp-data").exists()


async def test_what_is_no_terminal_gets_json_alone(config: Path) -> None:
    """Every line from start to end, that of SIGHUP too, which does not end the host."""
    async with Emulator(token=TOKEN) as emulator:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", str(config), "--port", "0",
            cwd=config.parent,
            env={**os.environ, "METRONOME_BASE_URL": emulator.url},
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        lines = []
        async with asyncio.timeout(PATIENCE):
            while "accepts events at" not in (line := (await process.stderr.readline()).decode()):
                lines.append(line)
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(PATIENCE):
            while "SIGHUP" not in line:
                lines.append(line)
                line = (await process.stderr.readline()).decode()
        process.send_signal(signal.SIGTERM)
        _, rest = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0
    messages = [_json.loads(line) for line in [*lines, line, *rest.decode().splitlines()]]
    assert {"time", "level", "logger", "message"} <= set.intersection(*map(set, messages))
    assert "stopped" in messages[-1]["message"]
    assert [each["url"] for each in messages if "console at http" in each["message"]] == [
        each["url"] for each in messages if "accepts events at" in each["message"]
    ]
