"""`offramp damaged` names what the disk spoiled, and ends what waits for it once it is told to."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import TOKEN, Offramp, Result, flat, usage
from tests.cli.parts import ask, running

from offramp.storage import DATABASE_FILE
from offramp_metronome.emulator import Emulator

SUBSCRIPTION = "metronome/Billing events"


def spoil(folder: Path) -> None:
    """Change a byte of the first event on disk."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        changed = connection.execute(
            "UPDATE blocks SET body = CAST(replace(body, 'runJob', 'runJab') AS BLOB) "
            "WHERE block = (SELECT min(block) FROM blocks)"
        )
        assert changed.rowcount == 1


async def test_damaged_events_are_named_and_expired(
    offramp: Offramp, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends without `--yes`; then `status` ends with 0, and nothing waits any more."""
    data = tmp_path / "data"

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(offramp, *arguments, "--data-dir", data)

    async with Emulator(token=TOKEN) as emulator:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("METRONOME_BASE_URL", emulator.url)
        async with running(config, data) as host:
            assert await ask(host, "POST", "instances/metronome/pause") == 200
            await host.engine.accept("product", [usage("a"), usage("b")])
            await host.engine.accept("product", [usage("c")])
        spoil(data)
        async with running(None, data) as host:
            assert "no event is known to be damaged" in flat((await run("damaged")).out)
            assert (await run("status", "--reconcile")).status == 1
            status = await run("status")
            assert (status.status, "`offramp damaged --expire`" in flat(status.out)) == (1, True)
            shown = flat((await run("damaged")).out)
            assert "events 1 to 2: the checksum of their block is wrong" in shown
            assert "message ids: a, b" in shown
            assert f"{SUBSCRIPTION} 1 2 2" in shown
            for wrong, said in (
                (("--all",), "--expire"),
                (("--expire",), "or give --all"),
                (("7", "--expire"), "no damaged events begin with 7; there are: 1"),
                (("--expire", "--all"), "nothing was ended: there is no terminal"),
            ):
                result = await run("damaged", *wrong)
                assert (result.status, said in flat(result.err)) == (2, True), result.err
            assert (await run("damaged", "--expire", "--all", "--dry-run")).status == 0
            assert (await host.queue.depth(SUBSCRIPTION)).total == 3
            ended = await run("damaged", "1", "--expire", "--yes")
            assert f"events 1 to 2, {SUBSCRIPTION}: 2 deliveries expired" in flat(ended.out)
            assert (await host.queue.depth(SUBSCRIPTION)).total == 1
            assert (await run("status", "--reconcile")).status == 0
            [row] = (await run("damaged", "--json")).lines
            assert (row["decided"], row["deliveries"]) == (True, [])
            assert "expired" in (await run("events", "a")).out
            assert await ask(host, "POST", "instances/metronome/resume") == 200
            assert await host.wait_until_idle(timeout=20)
            assert set(emulator.effects()) == {"c"}
            assert (await host.status())["faults"] == []
