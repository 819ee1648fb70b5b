"""The command line gives a token to the host that it belongs to, and to nobody else."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
import pytest
from aiohttp import web
from tests.cli.conftest import CONFIG, TOKEN
from tests.cli.parts import ask, running

from offramp import _json
from offramp.api import IDENTITY_FILE, IDENTITY_PATH, TOKEN_FILE
from offramp.api.logins import QUIET_SECONDS, RefusedLogins
from offramp.cli.client import HostOptions, open_api
from offramp.errors import OfframpError
from offramp.host.run import URL_FILE, Host


@attrs.frozen
class Impostor:
    """Answers everything at its port, and sets down what it was sent."""

    url: str
    seen: list[str]


@asynccontextmanager
async def impostor(relay_to: str | None = None) -> AsyncIterator[Impostor]:
    """Who took a port; it may pass challenges on to a real host."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(f"{request.raw_path} {dict(request.headers)} {await request.text()}")
        if relay_to is None or request.path != IDENTITY_PATH:
            return web.json_response({"proof": "0" * 64, "rows": []})
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{relay_to}{IDENTITY_PATH}", params=request.query) as relayed,
        ):
            return web.Response(body=await relayed.read(), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Impostor(f"http://127.0.0.1:{runner.addresses[0][1]}", seen)
    finally:
        await runner.cleanup()


async def status(host_options: HostOptions) -> None:
    async with open_api(host_options) as api:
        assert (await api.get("status"))["version"]


@pytest.fixture
def folder(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a host that was started once."""
    monkeypatch.setenv("METRONOME_TOKEN", TOKEN)
    return config.parent / "data"


async def test_who_takes_the_port_of_a_killed_host_gets_no_token(
    config: Path, folder: Path
) -> None:
    """Its files are still there, and the command asks whoever listens now to prove itself."""
    async with running(config, folder):
        left = {name: _read(folder / name) for name in (URL_FILE, IDENTITY_FILE)}
    token = _read(folder / TOKEN_FILE).strip()
    async with impostor() as other:
        for name, text in {**left, URL_FILE: other.url}.items():
            _write(folder / name, text)
        by_folder = HostOptions(data_dir=folder)
        ways = attrs.evolve(by_folder, url=other.url), attrs.evolve(by_folder, token=token)
        for host_options in (by_folder, *ways):
            with pytest.raises(OfframpError, match="does not prove that it is the host of"):
                await status(host_options)
        (folder / IDENTITY_FILE).unlink()
        with pytest.raises(OfframpError, match="no host runs on the data folder"):
            await status(HostOptions(data_dir=folder))
    assert len(other.seen) == 3
    assert token not in "".join(other.seen)
    assert left[IDENTITY_FILE] not in "".join(other.seen)


async def test_nobody_can_pass_on_the_proof_of_the_real_host(config: Path, folder: Path) -> None:
    """A proof is for an address, and a host proves its own addresses only."""
    async with running(config, folder) as host, impostor(relay_to=host.url) as other:
        await status(HostOptions(data_dir=folder))
        await status(HostOptions(data_dir=folder, url=host.url))
        with pytest.raises(OfframpError, match="does not prove"):
            await status(HostOptions(data_dir=folder, url=other.url))
    assert host.token.value not in "".join(other.seen)


async def test_an_address_and_a_token_that_a_person_gives_are_used(
    config: Path, folder: Path
) -> None:
    """As through a tunnel, from a machine that has no data folder."""
    async with running(config, folder) as host:
        port = host.url.rpartition(":")[2]
        elsewhere = HostOptions(url=f"http://localhost:{port}", token=host.token.value)
        await status(elsewhere)
        assert (folder / IDENTITY_FILE).stat().st_mode & 0o777 == 0o600
    assert not (folder / IDENTITY_FILE).exists()
    assert not (folder / URL_FILE).exists()


async def test_a_public_url_is_the_hosts_own(config: Path, folder: Path) -> None:
    """Behind a proxy the address is the one that the configuration tells."""
    async with impostor() as proxy:  # its port is where nothing of the host listens
        _write(config, f'[host]\npublic_url = "{proxy.url}/"\n{CONFIG}')
    async with running(config, folder) as host:
        query = {"nonce": "0" * 64, "url": proxy.url}
        assert await _get(host, IDENTITY_PATH, query) == 200
        assert await _get(host, IDENTITY_PATH, {**query, "url": "http://other"}) == 404
        assert await _get(host, IDENTITY_PATH, {**query, "nonce": "short"}) == 400


async def test_refused_logins_are_counted_and_told(
    config: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is counted by what was wrong; one line tells who, and never what was given."""
    caplog.set_level(logging.WARNING)
    async with running(config, folder) as host, aiohttp.ClientSession() as session:
        for value in ("Bearer guess-1", "Bearer guess-2", "Basic guess-3"):
            headers = {"Authorization": value}
            async with session.get(f"{host.url}/api/status", headers=headers) as answer:
                assert answer.status == 401
        assert await ask(host, "GET", "status") == 200
        async with session.get(f"{host.url}/metrics") as answer:
            metrics = await answer.text()
    assert 'offramp_api_logins_refused_total{reason="wrong_token"} 2.0' in metrics
    assert 'offramp_api_logins_refused_total{reason="no_token"} 1.0' in metrics
    messages = [
        record.getMessage() for record in caplog.records if "control API" in record.getMessage()
    ]
    assert messages == ["the control API refused a request with a wrong token from 127.0.0.1"]
    assert "guess" not in caplog.text


def test_who_guesses_does_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One line a minute, with how many more there were."""
    now = [0.0]
    logins = RefusedLogins(clock=lambda: now[0])
    for second in range(100):
        now[0] = float(second)
        logins.note("wrong_token", "192.0.2.1")
    assert len(caplog.records) == 2
    assert f"and {QUIET_SECONDS - 1:g} more since" in caplog.records[1].getMessage()


async def _get(host: Host, path: str, query: dict[str, str]) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(host.url + path, params=query) as answer,
    ):
        assert isinstance(_json.loads(await answer.read()), dict)
        return answer.status


def _read(path: Path) -> str:
    return path.read_text()


def _write(path: Path, text: str) -> None:
    path.write_text(text)


async def test_endpoints_without_a_token_tell_no_value(
    config: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/readyz` names what does not run; whoever has the token hears why."""
    monkeypatch.delenv("METRONOME_TOKEN")
    async with running(config, folder) as host, aiohttp.ClientSession() as session:
        async with session.get(f"{host.url}/readyz") as answer:
            [degraded] = (await answer.json())["degraded"]
        headers = {"Authorization": f"Bearer {host.token.value}"}
        async with session.get(f"{host.url}/api/status", headers=headers) as answer:
            [problem] = (await answer.json())["degraded"]
    assert degraded["pointer"] == problem["pointer"] == "#/instances/metronome"
    assert "`offramp status` shows why" in degraded["detail"]
    assert "METRONOME_TOKEN" not in degraded["detail"]
    assert "the variable METRONOME_TOKEN is not set" in problem["detail"]
