"""A host that was killed between the answer to a refresh and its store."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.api.granted import SLUG
from tests.host.calls import PATIENCE, accept, track
from tests.host.granting import connect, grant_of, hosting, server
from tests.waiting import until


async def killed(folder: Path, url: str) -> None:
    """Refresh in a process of its own, which is killed before it stores the answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.host.killed_refresh", str(folder), url,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert await asyncio.wait_for(process.wait(), PATIENCE) == -signal.SIGKILL


@pytest.mark.parametrize("repeats", [1, 0], ids=["repeats", "strict"])
async def test_killed_between_answer_and_store(tmp_path: Path, repeats: int) -> None:
    """Where the partner takes the old token again it goes on; else events wait, with the reason."""
    with server(repeats=repeats) as partner:
        async with hosting(tmp_path, partner.url) as host:
            await connect(host, partner)
        await killed(tmp_path, partner.url)
        partner.expire()
        async with hosting(tmp_path, partner.url) as host:
            if repeats:
                await track(host, "m1")
                assert partner.taken == [b'["m1"]']
                assert (await grant_of(host))["state"] == "connected"
                return
            await accept(host, "m1")
            await until(lambda: SLUG in host.engine.held)
            await until(lambda: host.engine.held[SLUG].code == "grant")
            grant = await grant_of(host)
            assert (grant["state"], partner.taken) == ("gone", [])
            assert "never came or was not stored" in grant["message"]
            await connect(host, partner)
            assert await host.wait_until_idle(timeout=PATIENCE)
            assert partner.taken == [b'["m1"]']
