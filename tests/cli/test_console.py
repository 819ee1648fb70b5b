"""`offramp console`: an address that signs a browser in once, without the token in it."""

from __future__ import annotations

import asyncio
import webbrowser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from tests.cli.conftest import Live, Offramp

from offramp.cli.commands.console import _reachable
from offramp.config import HostSettings
from offramp.host.run import run_host
from offramp.plugins import load_catalog, load_plugins


async def sign_in(url: str) -> int:
    """Sign in as the page does with the code in its address."""
    parts = urlsplit(url)
    [code] = parse_qs(urlsplit(parts.fragment).query)["code"]
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{parts.netloc}/api/sessions", json={"code": code}) as answer,
    ):
        return answer.status


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser of a desktop was opened with."""
    found: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")

    def open_it(url: str) -> bool:
        found.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_it)
    return found


def test_the_console_is_opened_signed_in(live: Live, offramp: Offramp, opened: list[str]) -> None:
    """The address is printed and opened; it works once, and the token is not in it."""
    done = offramp("console")
    url = done.out.strip()
    assert done.status == 0
    assert opened == [url]
    assert url.startswith(f"{live.host.url}/#/?code=")
    assert live.host.token.value not in done.out + done.err
    assert asyncio.run(sign_in(url)) == 201
    assert asyncio.run(sign_in(url)) == 401


def test_without_a_desktop_the_address_is_only_printed(
    live: Live, offramp: Offramp, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor where it is asked for; the message says what to do with it."""
    asked = offramp("console", "--no-browser")
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    missing = offramp("console")
    for done in (asked, missing):
        assert done.out.startswith(live.host.url)
        assert "open this address within a minute" in done.err
    assert opened == []


@pytest.mark.parametrize("console", [False, "127.0.0.1:0"])
async def test_the_address_is_where_the_console_is(
    tmp_path: Path, offramp: Offramp, *, console: bool | str
) -> None:
    """At its own address, or a message that there is none."""
    settings = HostSettings(port=0, console=console)
    async with run_host(None, load_catalog(load_plugins()), settings, folder=tmp_path) as host:
        done = await asyncio.to_thread(offramp, "console", "--no-browser", "--data-dir", tmp_path)
        if console is False:
            assert done.status == 2
            assert "this host has no console" in done.err
        else:
            assert host.console_url is not None
            assert done.out.startswith(f"{host.console_url}/#/?code=")
            assert await sign_in(done.out.strip()) == 201


@pytest.mark.parametrize(
    ("url", "known", "reachable"),
    [
        ("http://127.0.0.1:8586", "http://10.0.0.1:8585", "http://127.0.0.1:8586"),
        ("http://0.0.0.0:8586", "http://10.0.0.1:8585", "http://10.0.0.1:8586"),
        ("http://[::]:8586", "http://[::1]:8585", "http://[::1]:8586"),
    ],
)
def test_an_address_of_all_is_shown_as_one_that_can_be_opened(
    url: str, known: str, reachable: str
) -> None:
    """The name by which the command reached the host takes its place."""
    assert _reachable(url, known) == reachable
