"""`offramp pause`, `resume`, `enable` and `disable` on a running host, and across a restart."""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.cli.conftest import CONFIG, SUBSCRIPTION, TOKEN, Live, Offramp, flat, usage
from tests.cli.parts import PATIENCE, ask, running

from offramp import _json
from offramp.host.run import Host
from offramp_metronome.emulator import Emulator


async def accept(target: Live, message_id: str) -> None:
    await target.host.engine.accept("product", [usage(message_id)])


def test_what_is_paused_waits_and_arrives_after_it(offramp: Offramp, live: Live) -> None:
    """The commands find by its name what to pause, and say what that does; the status stays 0."""
    for kind, name in [
        ("subscription", SUBSCRIPTION),
        ("instance", "metronome"),
        ("source", "product"),
    ]:
        result = offramp("pause", name)
        assert flat(result.out).strip() == (
            f"paused {kind} {name}: what arrives is accepted and waits"
        )
        asyncio.run_coroutine_threadsafe(accept(live, kind), live.loop).result(PATIENCE)
        status = offramp("status")
        assert status.status == 0
        assert re.search(
            rf"{kind} {name} is paused since \S+ \S+: 1 delivery waits; `offramp resume",
            flat(status.out),
        )
        # What only a subscription holds back does not concern its instance.
        assert ("requests flow" in status.out) is (kind == "subscription")
        assert "it waits, as the" in flat(offramp("events", kind).out)
        assert offramp("resume", name).out.strip() == f"resumed {kind} {name}"
        live.settle()
        assert "✓ delivered" in offramp("events", kind).out


def test_a_name_of_several_things_is_asked_about(offramp: Offramp, live: Live) -> None:
    """`--kind` says which; a name of nothing is an error that says where names are listed."""
    live.file.write_text(CONFIG.replace("[sources.product]", "[sources.metronome]").replace(
        'source = "product"', 'source = "metronome"'))  # fmt: skip
    assert offramp("apply", "--yes", live.file).status == 0
    result = offramp("pause", "metronome")
    assert result.status == 2
    assert "names more than one thing, instance and source: add --kind" in flat(result.err)
    assert offramp("pause", "metronome", "--kind", "source").out.startswith("paused source")
    assert "`offramp resume metronome --kind source` lets it" in flat(offramp("status").out)
    assert offramp("resume", "metronome", "--kind", "source").out.startswith("resumed source")
    result = offramp("pause", "nobody")
    assert (
        result.status,
        "there is no subscription or instance or source 'nobody'" in result.err,
    ) == (2, True)


def test_disable_says_how_many_wait_and_asks(offramp: Offramp, live: Live) -> None:
    """Without a terminal it does nothing; with --yes it does, and `enable` undoes it."""
    assert offramp("pause", "metronome").status == 0
    asyncio.run_coroutine_threadsafe(accept(live, "m1"), live.loop).result(PATIENCE)
    result = offramp("disable", "metronome")
    assert result.status == 2
    assert f"1 delivery waits and would expire (1 in {SUBSCRIPTION})" in flat(result.err)
    assert "nothing was changed: there is no terminal" in flat(result.err)
    assert live.host.engine.snapshot.config.instances["metronome"].enabled
    result = offramp("disable", "metronome", "--yes")
    assert (result.status, result.out.strip()) == (0, "disabled instance metronome")
    assert "INSTANCE_DISABLED" in offramp("events", "m1").out
    result = offramp("enable", "metronome")
    assert result.out.strip() == "enabled instance metronome; it is paused still"
    assert offramp("resume", "metronome").status == 0
    assert offramp("disable", SUBSCRIPTION).status == 0  # nothing waits


def test_what_came_while_it_was_disabled_is_sent_by_a_replay(offramp: Offramp, live: Live) -> None:
    """The event says which command sends it, and the command does."""
    assert offramp("disable", "product").status == 0
    asyncio.run_coroutine_threadsafe(accept(live, "m1"), live.loop).result(PATIENCE)
    shown = flat(offramp("events", "m1").out)
    assert "the source product was disabled when the event came" in shown
    command = re.search(r"`offramp (replay --filtered .*?)`", shown)
    assert command is not None
    assert offramp("enable", "product").status == 0
    assert offramp(*shlex.split(command[1]), "--yes").status == 0
    live.settle()
    assert "✓ delivered" in offramp("events", "m1").out


def test_apply_says_what_would_expire(offramp: Offramp, live: Live) -> None:
    """Before it asks, with the number and the subscription."""
    assert offramp("pause", "metronome").status == 0
    asyncio.run_coroutine_threadsafe(accept(live, "m1"), live.loop).result(PATIENCE)
    live.file.write_text(CONFIG.replace('"product"', '"product"\nenabled = false'))
    result = offramp("apply", "--dry-run", live.file)
    assert f"1 delivery waits in {SUBSCRIPTION} and will expire" in flat(result.err)
    assert offramp("apply", "--yes", live.file).status == 0


async def test_a_pause_lasts_across_a_restart(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same time since when, the events that waited, and the retry windows that leave it out."""
    folder = config.parent / "data"
    async with Emulator(token=TOKEN) as emulator:
        monkeypatch.setenv("METRONOME_BASE_URL", emulator.url)
        async with running(config, folder) as host:
            assert await ask(host, "POST", "instances/metronome/pause") == 200
            await host.engine.accept("product", [usage("m1")])
            [before] = host.engine.snapshot.paused
        async with running(None, folder) as host:
            [after] = host.engine.snapshot.paused
            assert after == before
            await host.engine.accept("product", [usage("m2")])
            await asyncio.sleep(0.2)
            assert (await host.queue.depth(SUBSCRIPTION)).total == 2
            ready = await read(f"{host.url}/readyz")
            [listed] = _json.loads(ready)["paused"]
            assert (listed["kind"], listed["id"], listed["waiting"]) == ("instance", "metronome", 2)
            assert "degraded" not in _json.loads(ready)
            metric = 'offramp_paused{kind="instance"} 1.0'
            assert metric in await read(f"{host.url}/metrics")
        async with running(None, folder) as host:
            assert await ask(host, "POST", "instances/metronome/resume") == 200
            assert await host.wait_until_idle(timeout=PATIENCE)
            assert [
                e.deliveries[0].stage for m in ("m1", "m2") for e in await host.ledger.event(m)
            ] == ["delivered"] * 2
            made = host.engine.snapshot
            [(since, until)] = made.periods.pauses_of(made.config, SUBSCRIPTION).times
        assert since == before.since < until


async def test_since_when_a_source_is_disabled_lasts_across_a_restart(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events are taken and filtered until the grace is over, and refused after that."""
    monkeypatch.setenv("METRONOME_BASE_URL", "http://127.0.0.1:9")
    text = '[host]\ndisabled_source_grace = "4s"\n' + CONFIG
    write(config, text)
    folder = config.parent / "data"
    async with running(config, folder) as host:
        assert await ask(host, "POST", "sources/product/disable") == 200
        before = host.engine.snapshot.kept_until
    write(config, text.replace('"product-key"', '"product-key"\nenabled = false'))
    async with running(config, folder) as host:
        assert host.engine.snapshot.kept_until == before
        assert (await track(host, "m1"))[0] == 200
        [record] = await host.ledger.event("m1")
        assert [d.reason for d in record.deliveries] == ["SOURCE_DISABLED"]
        await asyncio.sleep(max(0.0, before["product"] - time.time()))
        status, answer = await track(host, "m2")
        assert (status, answer["code"]) == (401, "source_disabled")
        assert host.engine.refused == {("product", "source_disabled"): 1}
        assert await host.ledger.event("m2") == []


async def read(url: str) -> str:
    """What a host answers without a token."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return await answer.text()


def write(path: Path, text: str) -> None:
    """Another file in its place."""
    path.write_text(text)


async def track(host: Host, message_id: str) -> tuple[int, Any]:
    """Send an event by the source's key: the status, and the answer."""
    body = {**usage(message_id), "writeKey": "product-key"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{host.url}/v1/track", json=body) as answer,
    ):
        return answer.status, await answer.json()
