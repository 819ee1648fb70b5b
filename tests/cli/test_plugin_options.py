"""A plugin's own options: `[plugins.NAME]` in a file, read and checked before the catalog."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import aiohttp
import attrs
import pytest
from tests.cli.conftest import CONFIG, TOKEN, Offramp, usage

from offramp import _json
from offramp.cli.context import Context
from offramp.cli.load import open_file
from offramp.definition import OutgoingRequest, Response
from offramp.errors import ConfigError
from offramp.host.run import run_host
from offramp_metronome.emulator import Emulator

KEY = "planted-signing-key-77aa"
PATIENCE = 20.0
PLUGIN = '''
"""Puts a key into every request, and fails with it where deliveries have ended."""

from datetime import timedelta

import attrs

from offramp import hookimpl, option


@attrs.frozen
class Options:
    signing_key: str = option(description="what signs", secret=True, required="give the key")
    wait: timedelta = option(default=timedelta(seconds=1), description="how long to wait")


@hookimpl
def offramp_options():
    return Options


@hookimpl
def offramp_directives(options):
    return {"@waiting": lambda value, compiler: lambda event: options.wait.total_seconds()}


@hookimpl
def offramp_middleware(options):
    async def sign(outgoing, handler):
        headers = {**outgoing.headers, "X-Key": options.signing_key}
        answer = await handler(attrs.evolve(outgoing, headers=headers))
        # As a partner answers that sends back what it got.
        return attrs.evolve(answer, headers={**answer.headers, "X-Got": options.signing_key})

    return [sign]


@hookimpl
def offramp_settled(outcomes, options):
    raise ValueError(f"cannot settle with {options.signing_key}")
'''


#: An option that is a table of secrets.
TABLE = 'option(default={}, secret=True, description="keys by name")'


@pytest.fixture
def file(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with the plugin beside it, its key in the environment."""
    monkeypatch.setenv("SIGNING_KEY", KEY)
    config.with_name("sign.py").write_text(PLUGIN)
    return config


def write(file: Path, tables: str) -> None:
    file.write_text(f'plugin_files = ["sign.py"]\n{tables}\n{CONFIG}')


async def test_hooks_get_the_options_that_the_file_gives(file: Path) -> None:
    """References are followed, durations read, and what is left out is as by default."""
    write(file, '[plugins.sign]\nsigning_key = "env:SIGNING_KEY"\nwait = "2m"')
    catalog = open_file(Context(), file).catalog
    assert catalog.problems == ()
    assert catalog.directives["@waiting"](None, None)({}) == 120
    [sign] = catalog.plugins.middleware(catalog["metronome-actions"].destination)
    seen: list[OutgoingRequest] = []

    async def handler(outgoing: OutgoingRequest) -> Response:
        seen.append(outgoing)
        return Response(status=200, headers={}, body=b"")

    await sign(
        OutgoingRequest(method="GET", url="https://a.example", timeout=timedelta(seconds=1)),
        handler,
    )
    assert seen[0].headers["X-Key"] == KEY


async def test_the_texts_of_a_table_may_be_references(file: Path) -> None:
    """Each is followed by its key, is masked as a secret, and may not be a mask itself."""
    text = PLUGIN.replace("class Options:", "class Options:\n    keys: Mapping = " + TABLE)
    file.with_name("sign.py").write_text(f"from collections.abc import Mapping\n{text}")
    write(file, '[plugins.sign]\nsigning_key = "plain"\nkeys = {a = "env:SIGNING_KEY", b = "open"}')
    plugins = open_file(Context(), file).catalog.plugins
    assert plugins.problems == ()
    assert set(plugins.secrets) == {KEY, "open", "plain"}
    write(file, '[plugins.sign]\nsigning_key = "plain"\nkeys = {a = "***", b = "env:NOT_SET"}')
    with pytest.raises(ConfigError) as raised:
        open_file(Context(), file)
    assert [each.place for each in raised.value.faults] == [
        "plugins.sign.keys.a",
        "plugins.sign.keys.b",
    ]


async def test_a_secret_option_is_masked_wherever_it_is_shown(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partner gets it; the ledger, the reports and the data folder do not."""
    write(file, '[plugins.sign]\nsigning_key = "env:SIGNING_KEY"')
    folder = file.parent / "data"
    async with Emulator(token=TOKEN) as emulator:
        monkeypatch.setenv("METRONOME_BASE_URL", emulator.url)
        opened = open_file(Context(), file)
        settings = attrs.evolve(opened.host, port=0)
        async with run_host(opened.config, opened.catalog, settings, folder=folder) as host:
            body = _json.dumps({"writeKey": "product-key", "batch": [usage("m1")]})
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{host.url}/v1/batch", data=body) as answer,
            ):
                assert answer.status == 200
            assert await host.wait_until_idle(timeout=PATIENCE)
            event = _json.dumps(await host.event("m1")).decode()
            problems = "\n".join(map(str, opened.catalog.plugins.problems))
            stored = b"".join(f.read_bytes() for f in folder.iterdir() if f.is_file())
    assert '"delivered"' in event
    assert '"X-Got":"***"' in event
    assert "cannot settle with ***" in problems
    assert KEY not in event + problems + repr(opened.catalog.plugins)
    assert KEY.encode() not in stored


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("[plugins.sign]\nsigning_kye = 1", "plugins.sign.signing_kye: is unknown; did you mean"),
        ("[plugins.sign]\nwait = 3", "plugins.sign.signing_key: is missing: give the key"),
        ('[plugins.sign]\nsigning_key = "***"', "plugins.sign.signing_key: is masked"),
        (f'[plugins.sign]\nsigning_key = "{KEY}"\nwait = "{KEY}"', "plugins.sign.wait: must be"),
        ("[plugins.sing]\nx = 1", "plugins.sing: there is no plugin 'sing'; did you mean 'sign'?"),
        ("[plugins.metronome]\nx = 1", "plugins.metronome: this plugin has no options"),
    ],
)
def test_options_that_do_not_fit_are_faults_of_the_file(
    tables: str, message: str, file: Path, offramp: Offramp
) -> None:
    """`offramp check` tells them with their place, and no secret with them."""
    write(file, tables)
    result = offramp("check", file)
    assert result.status == 2
    assert message in result.err.replace("\n", " ")
    assert KEY not in result.out + result.err


def test_a_reference_that_leads_nowhere_stops_the_start_and_not_the_check(
    file: Path, offramp: Offramp
) -> None:
    """A file can be checked on a machine that does not have its secrets."""
    write(file, '[plugins.sign]\nsigning_key = "env:NOT_SET_ANYWHERE"')
    assert offramp("check", file).status == 0
    with pytest.raises(ConfigError, match=r"plugins\.sign\.signing_key: .*NOT_SET_ANYWHERE"):
        open_file(Context(), file)


def test_a_plugin_that_needs_an_option_is_left_out_without_its_table(file: Path) -> None:
    """What it says of itself tells the operator what to write."""
    write(file, "")
    [problem] = open_file(Context(), file).catalog.problems
    assert problem.left_out
    assert "plugins.sign.signing_key" in problem.cause
    assert "is missing: give the key" in problem.cause
