"""Who signed in to a real host stays so: across a restart, and until the token is another."""

from __future__ import annotations

from pathlib import Path

import aiohttp
from tests.cli.parts import ask, running

from offramp.host.run import Host

OWN = {"Sec-Fetch-Site": "same-origin"}


async def sign_in(host: Host, token: str) -> dict[str, str]:
    """Sign in, and return the header with the cookie."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{host.url}/api/sessions", json={"token": token}) as answer,
    ):
        assert answer.status == 201
        return {**OWN, "Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


async def status_of(host: Host, cookie: dict[str, str], path: str = "/api/status") -> int:
    async with (
        aiohttp.ClientSession(headers=cookie) as session,
        session.get(f"{host.url}{path}") as answer,
    ):
        return answer.status


async def test_a_session_survives_a_restart_and_ends_with_its_token(tmp_path: Path) -> None:
    """The cookie works at the next host of the folder, until the token is revoked or replaced."""
    async with running(None, tmp_path) as host:
        mine = await sign_in(host, host.token.value)
        assert await status_of(host, mine) == 200
    async with running(None, tmp_path) as host:
        assert await status_of(host, mine) == 200
        async with (
            aiohttp.ClientSession(headers=mine) as session,
            session.post(f"{host.url}/api/tokens", json={"label": "ci"}) as answer,
        ):
            added = (await answer.json())["token"]
        theirs = await sign_in(host, added)
        assert await status_of(host, theirs) == 200
        assert await ask(host, "DELETE", "tokens/ci") == 200
        assert await status_of(host, theirs) == 401
        assert await status_of(host, mine) == 200
    (tmp_path / "token").unlink()
    async with running(None, tmp_path) as host:
        assert await status_of(host, mine) == 401


async def test_two_hosts_of_one_machine_have_cookies_of_their_own(tmp_path: Path) -> None:
    """A browser sends the cookies of an address to all its ports: signing in ends no other one."""
    async with running(None, tmp_path / "a") as one, running(None, tmp_path / "b") as two:
        first = await sign_in(one, one.token.value)
        second = await sign_in(two, two.token.value)
        both = {**OWN, "Cookie": f"{first['Cookie']}; {second['Cookie']}"}
        assert [await status_of(each, both) for each in (one, two)] == [200, 200]
        assert await status_of(two, first) == 401
