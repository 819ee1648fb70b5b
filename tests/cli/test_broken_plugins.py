"""Plugins that are broken, beside Metronome: the host starts, and what they may sign waits."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import attrs
import pytest
from tests.cli.conftest import CONFIG, TOKEN, Offramp, usage

from offramp import _json
from offramp_metronome.emulator import Emulator

PATIENCE = 20.0
#: Longer than a delivery takes here.
A_WHILE = 1.0
COMMAND = [sys.executable, "-c", "from offramp.cli import main; main()"]
AUTHORIZATION = {"Authorization": "Basic cHJvZHVjdC1rZXk6"}

DOES_NOT_IMPORT = "import no_such_library"
PRESET_TYPO = """
from offramp import Preset, hookimpl

@hookimpl
def offramp_presets(destination):
    if destination.slug == "metronome-actions":
        return [Preset(name="Usage", action="sendEvnet")]
"""
MIDDLEWARE_RAISES = """
from offramp import hookimpl

@hookimpl
def offramp_middleware(destination):
    raise KeyError("SIGNING_KEY")
"""
SOUND = """
from offramp import hookimpl

async def sign(outgoing, handler):
    outgoing.headers["X-Signature"] = "signed"
    return await handler(outgoing)

@hookimpl
def offramp_middleware(destination):
    return [sign]
"""


@attrs.define
class Process:
    """A host in a process of its own."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def track(self, *ids: str) -> int:
        """Send events; answers the status."""
        body = {"batch": [usage(each) for each in ids]}
        async with (
            aiohttp.ClientSession(headers=AUTHORIZATION) as session,
            session.post(f"{self.url}/v1/batch", json=body) as answer,
        ):
            return answer.status

    async def ready(self) -> tuple[int, dict[str, str]]:
        """The status of `/readyz`, and what is degraded by pointer."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/readyz") as answer,
        ):
            shown = await answer.json()
            return answer.status, {e["pointer"]: e["detail"] for e in shown.get("degraded", ())}


@asynccontextmanager
async def serving(config: Path, metronome: str) -> AsyncIterator[Process]:
    """`offramp serve`, ready; stopped with SIGTERM."""
    found = config.parent / "offramp-data" / "url"
    log = config.parent / "log"
    with log.open("wb") as err:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "serve", str(config), "--port", "0",
            cwd=config.parent,
            env={**os.environ, "METRONOME_BASE_URL": metronome, "COLUMNS": "2000"},
            stderr=err,
        )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            while not found.exists() or not found.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Process(process, found.read_text().strip(), log)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def with_file(config: Path, text: str) -> Path:
    """Name a plugin file in a configuration, and write it; answers the plugin's path."""
    plugin = config.parent / "site.py"
    plugin.write_text(text)
    config.write_text(f'plugin_files = ["site.py"]\n{CONFIG}')
    return plugin


def install(folder: Path, name: str, text: str) -> None:
    """A distribution with one plugin, as a package installer leaves it behind."""
    (folder / f"{name}.py").write_text(text)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[offramp]\n{name} = {name}\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which distributions are found, here and in a process of its own."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    yield folder
    for path in folder.glob("*.py"):
        sys.modules.pop(path.stem, None)


async def arrived(emulator: Emulator, *ids: str) -> None:
    """Wait until the emulator has these events, and no others."""
    async with asyncio.timeout(PATIENCE):
        while len(emulator.effects()) < len(ids):  # noqa: ASYNC110 - the far end sends no signal
            await asyncio.sleep(0.05)
    assert emulator.effects() == dict.fromkeys(ids, 1)


def errors(log: str) -> list[str]:
    """The messages of a log's errors."""
    messages = [_json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [each["message"] for each in messages if each["level"] == "error"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (DOES_NOT_IMPORT, "No module named 'no_such_library'"),
        (PRESET_TYPO, "preset 'Usage': no action 'sendEvnet'; did you mean 'sendEvent'?"),
        (MIDDLEWARE_RAISES, "offramp_middleware failed: KeyError: 'SIGNING_KEY'"),
    ],
    ids=["does not import", "faulty declaration", "middleware raises"],
)
async def test_a_named_plugin_that_cannot_be_used_holds_every_instance(
    config: Path, text: str, cause: str
) -> None:
    """It may sign or redact: events are accepted and wait, it is told, and mended it goes on."""
    plugin = with_file(config, text)
    async with Emulator(token=TOKEN) as emulator:
        async with serving(config, emulator.url) as host:
            assert await host.track("m1", "m2") == 200
            status, degraded = await host.ready()
            await asyncio.sleep(A_WHILE)
            assert emulator.effects() == {}
            log = host.log.read_text()
        assert status == 200
        assert cause in degraded["#/instances/metronome"]
        assert "'site'" in degraded["#/instances/metronome"]
        [messages] = [line for line in errors(log) if "instances.metronome does not run" in line]
        assert cause in messages
        plugin.write_text(SOUND)
        async with serving(config, emulator.url) as host:
            await arrived(emulator, "m1", "m2")
            assert await host.ready() == (200, {})


@pytest.mark.parametrize("text", [DOES_NOT_IMPORT, PRESET_TYPO])
async def test_an_installed_plugin_that_nothing_names_is_left_out(
    config: Path, packages: Path, text: str
) -> None:
    """The rest runs, and log and health tell of it with the way out."""
    install(packages, "astray", text)
    async with Emulator(token=TOKEN) as emulator, serving(config, emulator.url) as host:
        assert await host.track("m1") == 200
        await arrived(emulator, "m1")
        status, degraded = await host.ready()
        assert (status, list(degraded)) == (200, ["#/plugins/astray"])
        assert "OFFRAMP_BLOCKED_PLUGINS=astray" in degraded["#/plugins/astray"]
        log = host.log.read_text()
    [answer] = errors(log)
    assert answer == f"plugin 'astray': {degraded['#/plugins/astray']}"


BLOCKS = """
import time
from offramp import hookimpl

async def sign(outgoing, handler):
    time.sleep(1.5)
    return await handler(outgoing)

@hookimpl
def offramp_middleware(destination):
    return [sign]
"""


async def test_a_plugin_that_blocks_the_event_loop_is_named_in_log_and_metrics(
    config: Path,
) -> None:
    """Whoever wonders why everything is late reads where, and how much of the time."""
    plugin = with_file(config, BLOCKS)
    async with Emulator(token=TOKEN) as emulator, serving(config, emulator.url) as host:
        assert await host.track("m1") == 200
        await arrived(emulator, "m1")
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{host.url}/metrics") as answer,
        ):
            metrics = await answer.text()
        [shown] = errors(host.log.read_text())
    assert f"plugin 'site' blocks the event loop at {plugin}:6 in sign" in shown
    assert "for the instance metronome" in shown
    found = re.search(r'offramp_event_loop_blocked_seconds_total{plugin="site"} ([0-9.]+)', metrics)
    assert found is not None
    assert float(found[1]) > 1


DESTINATION = """
import os
import attrs
from offramp import Action, Destination, Preset, field, hookimpl, path, setting

@attrs.frozen
class Settings:
    key: str = setting(type="password")

@attrs.frozen
class Note:
    id: str = field(default=path("$.messageId"))

class Send(Action[Settings, Note]):
    slug, title = "send", "Send"

    async def perform(self, request, payload):
        event = {"transaction_id": payload.id, "customer_id": "c", "timestamp": "%s",
                 "event_type": "note"}
        await request.post(os.environ["METRONOME_BASE_URL"] + "/v1/ingest", json=[event],
                           headers={"Authorization": f"Bearer {request.settings.key}"})

@hookimpl
def offramp_destinations():
    presets = [Preset(name="Notes", action="send", trigger='type = "track"')]
    return [
        Destination(
            slug="notes", name="Notes", settings=Settings, actions=[Send], presets=presets
        )
    ]
""" % usage()["properties"]["ts"]  # noqa: UP031 - the text is full of braces
NOTES = """
plugin_files = ["site.py"]
[host.egress]
allow = ["127.0.0.0/8", "::1"]
[sources.product]
write_key = "product-key"
[instances.notes]
destination = "notes"
source = "product"
settings = { key = "%s" }
[[instances.notes.subscriptions]]
%s
"""


def with_notes(config: Path, subscription: str) -> Path:
    """Name a plugin file that declares the destination; answers the plugin's path."""
    config.write_text(NOTES % (TOKEN, subscription))
    return config.parent / "site.py"


async def test_an_instance_stays_as_it_was_while_its_destination_is_missing(
    config: Path,
) -> None:
    """Its preset is unknown now, and known to the data folder: events take the way they took."""
    plugin = with_notes(config, 'preset = "Notes"')
    async with Emulator(token=TOKEN) as emulator:
        plugin.write_text(DESTINATION)
        async with serving(config, emulator.url) as host:
            assert await host.track("m1") == 200
            await arrived(emulator, "m1")
        plugin.write_text(DESTINATION + DOES_NOT_IMPORT)
        async with serving(config, emulator.url) as host:
            assert await host.track("m2") == 200
            _, degraded = await host.ready()
            await asyncio.sleep(A_WHILE)
            log = host.log.read_text()
        assert "no_such_library" in degraded["#/instances/notes"]
        assert "instances.notes: stays as it was, as a plugin is left out" in log
        assert TOKEN not in log
        plugin.write_text(DESTINATION)
        async with serving(config, emulator.url):
            await arrived(emulator, "m1", "m2")


async def test_a_new_instance_of_a_missing_destination_waits_as_it_is_written(
    config: Path,
) -> None:
    """It says all that it needs by itself; what its plugin adds is read once that is mended."""
    written = 'name = "Notes"\naction = "send"\ntrigger = \'type = "track"\''
    plugin = with_notes(config, written)
    plugin.write_text(DESTINATION + DOES_NOT_IMPORT)
    async with Emulator(token=TOKEN) as emulator:
        async with serving(config, emulator.url) as host:
            assert await host.track("m1") == 200
        database = config.parent / "offramp-data" / "offramp.sqlite3"
        assert TOKEN.encode() not in database.read_bytes()
        plugin.write_text(DESTINATION)
        async with serving(config, emulator.url):
            await arrived(emulator, "m1")


@pytest.mark.parametrize("text", [DOES_NOT_IMPORT, PRESET_TYPO])
def test_check_takes_a_named_plugin_that_cannot_be_used_for_an_error(
    offramp: Offramp, config: Path, text: str
) -> None:
    """The host would deliver nothing."""
    plugin = with_file(config, text)
    result = offramp("check", config)
    assert result.status == 2
    assert "error config @ plugin_files[0]: " in result.err
    assert f"fix {plugin}, take it out of `plugin_files`, or block it" in result.err


@pytest.mark.parametrize("text", [DOES_NOT_IMPORT, PRESET_TYPO])
def test_check_warns_of_a_plugin_that_is_only_installed(
    offramp: Offramp, config: Path, packages: Path, text: str
) -> None:
    """The host runs without it; `catalog` lists it too."""
    install(packages, "astray", text)
    for arguments in (("check", config), ("catalog",)):
        result = offramp(*arguments)
        assert result.status == 0
        assert result.err.startswith("warning plugin 'astray': ")
        assert result.err.count("'astray'") == 1
        assert "OFFRAMP_BLOCKED_PLUGINS=astray" in result.err


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({}, "no destination 'notse'. There are: "),
        ({"astray": PRESET_TYPO}, "no destination 'notse'. There are: "),
        ({"astray": DOES_NOT_IMPORT}, "no destination 'notse'; a plugin that could not"),
    ],
)
def test_check_tells_a_typo_from_a_destination_that_is_missing(
    offramp: Offramp, config: Path, packages: Path, broken: dict[str, str], message: str
) -> None:
    """Only a plugin that could not be asked may be the one that declares it."""
    for name, text in broken.items():
        install(packages, name, text)
    config.write_text(NOTES.replace('"notes"', '"notse"').replace('plugin_files = ["site.py"]', "")
                      % ("k", 'name = "N"'))  # fmt: skip
    result = offramp("check", config)
    assert result.status == 2
    assert f"error config @ instances.notes.destination: {message}" in result.err


COMMANDS = """
from offramp import hookimpl

def check():
    "Has the name of another command."

def greet():
    "Greets."
    print("hello")

@hookimpl
def offramp_commands(context):
    return [check, greet]
"""


def test_a_command_that_cannot_be_added_is_left_out(
    offramp: Offramp, config: Path, packages: Path
) -> None:
    """No plugin breaks the command line, nor takes a command of it."""
    install(packages, "greeting", COMMANDS)
    result = offramp("check", config)
    assert result.status == 0
    assert "is valid" in result.out
    assert "plugin 'greeting': its command check is left out" in result.err
    assert offramp("greet").out == "hello\n"
