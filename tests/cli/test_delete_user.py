"""`offramp delete-user`, in a process of its own, against a host and a partner on this machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.cli.parts import COMMAND
from tests.host.calls import PATIENCE
from tests.host.deleting import BUILT_IN, hosting, partner

from offramp.host.run import Host


async def delete_user(host: Host, *words: str) -> tuple[int, str]:
    """The exit status and what is printed."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "delete-user", *words, "--url", host.url, "--token", host.token.value,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 3 * PATIENCE)
    return process.returncode or 0, out.decode()


async def test_it_says_where_to_look(tmp_path: Path) -> None:
    """The message id leads to the deliveries; with --json it is data."""
    async with partner() as crm, hosting(tmp_path, crm.url) as host:
        status, out = await delete_user(host, "--source", "site", "--user-id", "u1")
        assert (status, f"for {BUILT_IN}; `offramp events " in out) == (0, True), out
        words = ("--source", "site", "--anonymous-id", "a1", "--json")
        status, out = await delete_user(host, *words)
        answer = json.loads(out)
        assert (status, answer["subscriptions"]) == (0, [BUILT_IN])
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert crm.forgotten == [
            {"userId": "u1", "anonymousId": None},
            {"userId": None, "anonymousId": "a1"},
        ]


async def test_it_fails_where_nobody_is_asked(tmp_path: Path) -> None:
    """Exit status 1 where no destination deletes users, 2 where nothing was done."""
    async with partner() as crm, hosting(tmp_path, crm.url, None) as host:
        status, out = await delete_user(host, "--source", "site", "--user-id", "u1")
        assert (status, "nobody is asked" in out) == (1, True), out
        status, out = await delete_user(host, "--source", "site")
        assert (status, "neither userId nor anonymousId" in out) == (2, True), out
