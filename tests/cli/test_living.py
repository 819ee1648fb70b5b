"""The configuration lives in the data folder: files lay themselves over it, and it runs without."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests.cli.conftest import CONFIG, TOKEN, Offramp, usage
from tests.cli.parts import COMMAND, PATIENCE, ask, running, write

from offramp.cli.commands.export import load_stored
from offramp.cli.context import Context
from offramp.config import Config
from offramp.errors import ConfigError
from offramp.host.run import Host

SUBSCRIPTION = "metronome/Billing events"


def config_of(host: Host) -> Config:
    return host.engine.snapshot.config


async def test_without_a_file_the_stored_configuration_runs_on(config: Path) -> None:
    """Made by a file once, changed through the API, and still so at a start without a file."""
    folder = config.parent / "data"
    async with running(config, folder) as host:
        assert [str(change).splitlines()[0] for change in host.changes] == [
            "+ source product",
            "+ instance metronome",
            f"+ subscription {SUBSCRIPTION}",
        ]
        assert await ask(host, "PATCH", f"subscriptions/{SUBSCRIPTION.replace('/', '%2F')}",
                         {"trigger": 'type = "page"'}) == 200  # fmt: skip
        assert config_of(host).subscriptions[SUBSCRIPTION].trigger == 'type = "page"'
    async with running(None, folder) as host:
        assert host.changes == ()
        assert config_of(host).subscriptions[SUBSCRIPTION].trigger == 'type = "page"'
        assert not host.token.fresh


async def test_a_file_takes_the_place_of_what_was_changed_meanwhile(config: Path) -> None:
    """The file wins at a start, and the audit log says that it was the file."""
    folder = config.parent / "data"
    async with running(config, folder) as host:
        assert await ask(host, "POST", "instances/metronome/disable") == 200
    async with running(config, folder) as host:
        [change] = host.changes
        assert (change.what, change.id) == ("changed", "metronome")
        assert config_of(host).instances["metronome"].enabled
        headers = {"Authorization": f"Bearer {host.token.value}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{host.url}/api/audit-log") as answer,
        ):
            rows = (await answer.json())["rows"]
    assert [row["actor"] for row in rows][:2] == ["file", "api"]


async def test_a_masked_file_means_what_is_stored(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export may be a start's file: its masked secrets are those in the folder."""
    folder = config.parent / "data"
    write(config, CONFIG.replace("env:METRONOME_TOKEN", TOKEN))
    async with running(config, folder):
        pass
    write(config, CONFIG.replace("env:METRONOME_TOKEN", f"***{TOKEN[-4:]}"))
    async with running(config, folder) as host:
        assert host.changes == ()
        assert config_of(host).instances["metronome"].settings == {"apiToken": TOKEN}
    with pytest.raises(ConfigError, match="masked"):
        async with running(config, config.parent / "another"):
            pass


async def test_a_reference_that_leads_nowhere_is_never_stored(config: Path) -> None:
    """A write key that cannot be resolved stops the start, and the next one finds no trace."""
    folder = config.parent / "data"
    write(config, CONFIG.replace('"product-key"', '"env:NOT_THERE"'))
    with pytest.raises(ConfigError, match="NOT_THERE"):
        async with running(config, folder):
            pass
    async with running(None, folder) as host:
        assert config_of(host).sources == {}


async def test_the_stored_configuration_is_read_without_a_host(config: Path) -> None:
    """Secrets in the clear for whoever may read the folder and its key; the next start works."""
    folder = config.parent / "data"
    config_then = None
    async with running(config, folder) as host:
        config_then = config_of(host)
    assert await load_stored(folder, Context().catalog) == config_then
    async with running(None, folder) as host:
        assert config_of(host) == config_then


async def test_commands_find_a_host_only_while_it_runs(config: Path) -> None:
    """Its address stands in the data folder, and is gone with it."""
    folder = config.parent / "data"
    async with running(config, folder) as host:
        assert (folder / "url").read_text().strip() == host.url
    assert not (folder / "url").exists()


ROUTES = """
from offramp import Route, hookimpl

async def hello(query, body):
    return 200, {"hello": query["name"]}

@hookimpl
def offramp_routes():
    return [Route("GET", "/x/hello/{name}", hello)]
"""


async def test_a_plugin_file_of_the_configuration_serves_its_routes(config: Path) -> None:
    """Below `/x/`, behind the host's token."""
    write(config.with_name("mine.py"), ROUTES)
    write(config, 'plugin_files = ["mine.py"]\n' + CONFIG)
    async with running(config, config.parent / "data") as host, aiohttp.ClientSession() as session:
        async with session.get(f"{host.url}/x/hello/ada") as answer:
            assert answer.status == 401
        headers = {"Authorization": f"Bearer {host.token.value}"}
        async with session.get(f"{host.url}/x/hello/ada", headers=headers) as answer:
            assert await answer.json() == {"hello": "ada"}


@asynccontextmanager
async def started(config: Path, *, terminal: bool = False) -> AsyncIterator[str]:
    """`offramp serve` as a process, and what it told until it was ready."""
    ours, its = os.openpty() if terminal else os.pipe()
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", "--port", "0",
        cwd=config.parent,
        env={**os.environ, "COLUMNS": "200"},
        stderr=its,
    )  # fmt: skip
    os.close(its)
    message = ""
    async with asyncio.timeout(PATIENCE):
        while "Billing events: " not in message:
            message += (await asyncio.to_thread(os.read, ours, 1 << 16)).decode()
    yield message
    process.terminate()
    await asyncio.wait_for(process.wait(), PATIENCE)
    os.close(ours)
    assert process.returncode == 0


async def test_a_terminal_is_told_the_token_once_and_the_file_here_is_taken(config: Path) -> None:
    """First start: the diff, the token, where it stands. Second: only where it stands."""
    async with started(config, terminal=True) as message:
        token = (config.parent / "offramp-data" / "token").read_text().strip()
        assert f"the token {token} (shown once" in message
        assert f"+ subscription {SUBSCRIPTION}" in message
    write(config, None)
    async with started(config, terminal=True) as message:
        assert token not in message
        assert re.search(r"token in \S*offramp-data/token", message)
        assert "+ " not in message


async def test_a_file_that_ends_a_pause_says_so(config: Path) -> None:
    """A person paused it, and no file knows: the start names it, with what keeps it paused."""
    folder = config.parent / "offramp-data"
    async with running(config, folder) as host:
        assert await ask(host, "POST", "instances/metronome/pause") == 200
        assert await ask(host, "POST", "sources/product/disable") == 200
    async with started(config, terminal=True) as message:
        assert "instance metronome was paused, and the file resumes it" in message
        assert "source product was disabled, and the file enables it" in message
        assert message.count("warning") == 2


async def test_the_token_is_never_told_to_a_log(config: Path) -> None:
    """What is no terminal is kept and read by others: it hears where the token stands."""
    async with started(config) as message:
        token = (config.parent / "offramp-data" / "token").read_text().strip()
        assert token not in message
        assert re.search(r"token in \S*offramp-data/token", message)


def test_check_warns_of_references_that_lead_nowhere(
    offramp: Offramp, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is not set is told before the host starts."""
    monkeypatch.delenv("METRONOME_TOKEN")
    result = offramp("check", config)
    assert result.status == 0
    assert "METRONOME_TOKEN is not set" in result.err


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('public_url = "events.example"', "host.public_url"),
        ("trusted_proxies = -1", "host.trusted_proxies"),
        ('api_token = "***"', "host.api_token"),
        ("colour = 1", "host.colour"),
    ],
)
def test_host_settings_are_checked(offramp: Offramp, config: Path, line: str, place: str) -> None:
    """Each with its place, by `check` and by `serve` before anything starts."""
    config.write_text(f"[host]\n{line}\n{CONFIG}")
    for command in ("check", "serve"):
        result = offramp(command, config)
        assert result.status == 2
        assert place in result.err
    assert not (config.parent / "offramp-data").exists()


async def test_only_references_of_the_file_are_followed(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the API nobody reads the process's variables; what the file says runs on without it."""
    monkeypatch.setenv("CANARY", "a-variable-of-the-process")
    folder = tmp_path / "data"
    async with running(config, folder) as host:
        assert set(host.engine.snapshot.runtimes) == {"metronome"}
    async with running(None, folder) as host:
        assert set(host.engine.snapshot.runtimes) == {"metronome"}, "the file's reference holds"
        assert await ask(host, "PATCH", "instances/metronome", {"requests_per_second": 5}) == 200
        again = {"settings": {"apiToken": "env:METRONOME_TOKEN"}}
        assert await ask(host, "PATCH", "instances/metronome", again) == 200
        for reference in ("env:CANARY", "file:/etc/hostname", "env:OFFRAMP_SECRET_KEY"):
            stolen = {"settings": {"apiToken": reference}}
            assert await ask(host, "PATCH", "instances/metronome", stolen) == 422
            assert await ask(host, "PATCH", "sources/product", {"write_key": reference}) == 422
            new = {"name": "new", "destination": "metronome-actions", "source": "product"}
            assert await ask(host, "POST", "instances", {**new, **stolen}) == 422
        assert set(host.engine.snapshot.runtimes) == {"metronome"}
    write(config, f'[host]\nreferences = ["env:CAN*"]\n{CONFIG}')
    async with running(config, folder) as host:
        allowed = {"settings": {"apiToken": "env:CANARY"}}
        assert await ask(host, "PATCH", "instances/metronome", allowed) == 200
        runtime = host.engine.snapshot.runtimes["metronome"]
        assert runtime.settings["apiToken"] == "a-variable-of-the-process"


async def test_what_waits_for_an_instance_that_does_not_run_says_so(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks why an event was not billed hears which instance stands still, and the cause."""
    monkeypatch.delenv("METRONOME_TOKEN")
    async with running(config, config.parent / "data") as host:
        await host.engine.accept("product", [usage("m1")])
        headers = {"Authorization": f"Bearer {host.token.value}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{host.url}/api/events/m1") as answer,
        ):
            [event] = (await answer.json())["events"]
    [delivery] = event["deliveries"]
    assert delivery["stage"] == "waiting"
    assert delivery["why"]["text"].startswith("it waits, as instances.metronome does not run: ")
    assert "the variable METRONOME_TOKEN is not set" in delivery["why"]["text"]
