"""Where the console is: with the collector, at an address of its own, or nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from offramp.config import Document, HostSettings, parse_config
from offramp.errors import ConfigError
from offramp.host.run import Host, run_host
from offramp.plugins import Catalog, load_catalog, load_plugins

OWN = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def hosting(folder: Path, **settings: Any) -> AsyncIterator[Host]:
    """A host with these settings, on ports that are free."""
    catalog = load_catalog(load_plugins())
    chosen = HostSettings(port=0, **settings)
    async with run_host(None, catalog, chosen, folder=folder) as host:
        yield host


async def statuses(url: str, *paths: str, **options: Any) -> list[int]:
    found = []
    async with aiohttp.ClientSession(**options) as session:
        for path in paths:
            async with session.get(f"{url}{path}") as answer:
                found.append(answer.status)
    return found


@pytest.mark.usefixtures("bundle")
async def test_an_address_of_its_own_has_the_console_and_the_control_api_alone(
    tmp_path: Path,
) -> None:
    """Sign in and work there; the collector's address has the API, and no page."""
    paths = ("/", "/app.js", "/api/status", "/v1/projects/x/settings", "/livez")
    async with hosting(tmp_path, console="127.0.0.1:0") as host:
        own = host.console_url
        assert own is not None
        assert own != host.url
        async with (
            aiohttp.ClientSession(headers=OWN) as session,
            session.post(f"{own}/api/sessions", json={"token": host.token.value}) as answer,
        ):
            assert answer.status == 201
            cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        assert await statuses(own, *paths, headers=cookie) == [200, 200, 200, 404, 404]
        assert await statuses(host.url, *paths, headers=cookie) == [404, 404, 200, 404, 200]
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{own}/v1/batch", json={}) as answer,
        ):
            assert answer.status == 404
            assert "events are sent to the host's other address" in (await answer.json())["message"]


@pytest.mark.usefixtures("bundle")
async def test_the_console_can_be_turned_off(tmp_path: Path) -> None:
    """No page, and no port; the control API stays."""
    async with hosting(tmp_path, console=False) as host:
        assert host.console_url is None
        headers = {"Authorization": f"Bearer {host.token.value}"}
        assert await statuses(host.url, "/", "/api/status", headers=headers) == [404, 200]


async def test_an_address_in_use_is_named_with_its_place(tmp_path: Path) -> None:
    """Nothing starts, and the message says which option names the address."""
    async with hosting(tmp_path / "a", console="127.0.0.1:0") as host:
        used = (host.console_url or "").removeprefix("http://")
        with pytest.raises(ConfigError) as refused:
            async with hosting(tmp_path / "b", console=used):
                pass
    [fault] = refused.value.faults
    assert fault.place == "host.console"
    assert fault.message.startswith(f"{used} is in use")


@pytest.mark.parametrize("written", [True, False, "127.0.0.1:8586", "[::1]:8586", "localhost:0"])
def test_what_may_be_written_is_read(written: object) -> None:
    """A switch or an address."""
    loaded = parse_config(Document(data={"host": {"console": written}}), catalog())
    assert loaded.host.console == written


@pytest.mark.parametrize(
    "written", ["", "8586", "127.0.0.1", "http://x:1", "::1:8586", "x:99999", "a b:1", 8586, []]
)
def test_anything_else_is_refused_with_what_to_write(written: object) -> None:
    """The fault names the key and shows an address."""
    with pytest.raises(ConfigError) as refused:
        parse_config(Document(data={"host": {"console": written}}), catalog())
    [fault] = refused.value.faults
    assert fault.place == "host.console"
    assert "true, false or" in fault.message


def catalog() -> Catalog:
    return load_catalog(load_plugins())
