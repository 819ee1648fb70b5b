"""`check`, `explain` and `send` on a configuration, good and bad."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from tests.cli.conftest import CONFIG, TOKEN, Offramp, ndjson, usage

from offramp.errors import counted
from offramp_metronome.emulator import Emulator


@pytest.fixture
def metronome(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An emulator in a thread of its own, as commands bring their own event loop."""
    started, stop = Event(), []
    box: dict[str, Any] = {}

    async def main() -> None:
        async with Emulator(token=TOKEN) as emulator:
            box["emulator"] = emulator
            done = asyncio.Event()
            stop.append((asyncio.get_running_loop(), done))
            started.set()
            await done.wait()

    thread = Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(10)
    monkeypatch.setenv("METRONOME_BASE_URL", box["emulator"].url)
    yield box["emulator"]
    loop, done = stop[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)


def test_a_good_configuration_is_called_good(offramp: Offramp, config: Path) -> None:
    """A summary in one line, status 0."""
    result = offramp("check", config)
    assert result.status == 0
    assert "1 subscription (1 enabled)" in result.out


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        (("sendEvent", "sendEvnt"), ["subscriptions[0].action", "sendEvent"]),
        (('type = "track" and', 'type = "track" andd'), ["subscriptions[0].trigger", "column"]),
        (('"@path" = "$.properties.cid"', '"@pat" = "x"'), ["customer_id", "@path"]),
        (("customer_id =", "custmer_id ="), ["custmer_id", "customer_id"]),
        (('source = "product"', 'source = "prodct"'), ["instances.metronome.source", "product"]),
        (("metronome-actions", "metronome"), ["instances.metronome.destination"]),
        (('settings = { apiToken = "env:METRONOME_TOKEN" }', ""), ["settings", "apiToken"]),
        (('write_key = "product-key"', ""), ["sources.product", "write_key"]),
        (("[sources.product]", "[sources.product"), ["line 5"]),
    ],
)
def test_every_fault_has_its_place(
    offramp: Offramp, config: Path, change: tuple[str, str], messages: list[str]
) -> None:
    """A broken configuration is refused, whole, with place and remedy."""
    assert change[0] in CONFIG
    config.write_text(CONFIG.replace(*change))
    result = offramp("check", config)
    assert result.status == 2
    assert all(word in result.err for word in messages), result.err
    assert "Traceback" not in result.err


def test_a_file_that_is_not_there_is_told(offramp: Offramp, tmp_path: Path) -> None:
    """The message names the file."""
    result = offramp("check", tmp_path / "nothing.toml")
    assert result.status == 2
    assert "nothing.toml" in result.err.replace("\n", "")


def test_a_trigger_that_segment_reads_otherwise_is_flagged(offramp: Offramp, config: Path) -> None:
    """A trigger that means something else at Segment gets a warning."""
    config.write_text(CONFIG.replace("and event =", "or event ="))
    result = offramp("check", config)
    assert result.status == 0
    assert "Segment reads this as" in result.err


def test_explain_shows_trigger_fields_and_request_and_sends_nothing(
    offramp: Offramp, config: Path, metronome: Emulator
) -> None:
    """Everything a person needs to see, the token in none of it, and no request made."""
    result = offramp("explain", "--config", config, stdin=ndjson(usage()))
    assert result.status == 0
    for word in ("matches", "@path $.properties.cid", "533c3db43f22", "/v1/ingest"):
        assert word in result.out
    assert TOKEN not in result.out + result.err
    assert metronome.stats().requests == 0


HOLDER = """
import contextlib
import pathlib

from offramp import hookimpl

note = pathlib.Path(__file__).with_suffix(".txt")


@hookimpl
def offramp_middleware():
    return [send_on]


async def send_on(outgoing, handler):
    note.write_text(note.read_text() + " sends")
    return await handler(outgoing)


@hookimpl
@contextlib.asynccontextmanager
async def offramp_lifespan():
    note.write_text("entered")
    yield
    note.write_text(note.read_text() + " left")
"""


@pytest.mark.parametrize("command", ["explain", "send"])
def test_what_a_plugin_holds_open_is_open_meanwhile(
    offramp: Offramp, config: Path, metronome: Emulator, command: str
) -> None:
    """A command that runs actions without a host enters lifespans and leaves them."""
    config.write_text('plugin_files = ["holder.py"]\n' + config.read_text())
    (config.parent / "holder.py").write_text(HOLDER)
    result = offramp(command, "--config", config, stdin=ndjson(usage()))
    assert result.status == 0, result.err
    assert (config.parent / "holder.txt").read_text() == "entered sends left"


def test_a_lifespan_that_does_not_start_is_told(
    offramp: Offramp, config: Path, metronome: Emulator
) -> None:
    """Nothing is sent by the instances that use the plugin, and the message names it."""
    config.write_text('plugin_files = ["holder.py"]\n' + config.read_text())
    (config.parent / "holder.py").write_text(
        HOLDER.replace("yield", "note.with_name('none').read_text(); yield")
    )
    result = offramp("send", "--config", config, stdin=ndjson(usage()))
    assert result.status == 2
    assert "plugin 'holder': offramp_lifespan did not start: FileNotFoundError" in result.err
    assert metronome.stats().requests == 0


def test_check_counts_in_words_that_fit(offramp: Offramp, config: Path) -> None:
    """One source is no `1 sources`; and the trigger's own warning stands beside."""
    result = offramp("check", config)
    message = " ".join((result.out + result.err).split())
    assert "1 source, 1 instance, 1 subscription (1 enabled)" in message
    assert "does not match events that have no text there" in message


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 deliveries"), (1, "1 delivery"), (1200, "1,200 deliveries")]
)
def test_a_number_has_its_noun(count: int, words: str) -> None:
    """Singular for one, thousands parted."""
    assert counted(count, "delivery", "deliveries") == words


def test_explain_says_which_condition_failed(offramp: Offramp, config: Path) -> None:
    """The billing engineer's question, answered: the user is a colleague."""
    colleague = usage(userId="ada@company.com")
    [answer] = offramp("explain", "--config", config, "--json", stdin=ndjson(colleague)).lines
    assert answer["matches"] is False
    assert [c["text"] for c in answer["trigger"]["children"] if not c["result"]] == [
        '!contains(userId, "@company.com")'
    ]


def test_send_delivers_now_and_shows_the_answer(
    offramp: Offramp, config: Path, metronome: Emulator
) -> None:
    """A real request through the production path, without a host."""
    result = offramp("send", "--config", config, stdin=ndjson(usage("m7")))
    assert result.status == 0
    assert "delivered" in result.out
    assert metronome.effects() == {"m7": 1}


def test_send_uses_the_sandbox_of_an_instance_that_has_it(
    offramp: Offramp, config: Path, metronome: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs for the command alone: nothing reaches the partner, and no token is needed."""
    monkeypatch.delenv("METRONOME_TOKEN")
    config.write_text(CONFIG.replace('source = "product"', 'source = "product"\nsandbox = true'))
    result = offramp("send", "--config", config, "--json", stdin=ndjson(usage("m7")))
    assert result.status == 0, result.err
    exchange = result.lines[0]["exchange"]
    assert exchange["status"] == 200
    assert exchange["url"] != f"{metronome.url}/v1/ingest"
    assert metronome.effects() == {}
    explained = offramp("explain", "--config", config, "--json", stdin=ndjson(usage("m8")))
    assert explained.lines[0]["request"]["url"].startswith("http://127.0.0.1:")


def test_send_tells_what_was_refused(
    offramp: Offramp, config: Path, metronome: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad token and an event without a customer: status 1, each with its reason."""
    monkeypatch.setenv("METRONOME_TOKEN", "another-wrong-token")
    result = offramp("send", "--config", config, "--json", stdin=ndjson(usage("m8")))
    assert result.status == 1
    assert result.lines[0]["error"]["status"] == 403
    nobody = usage("m9")
    del nobody["properties"]["cid"]
    result = offramp("send", "--config", config, stdin=ndjson(nobody))
    assert result.status == 1
    assert "customer_id" in result.out


def test_a_missing_variable_is_named(
    offramp: Offramp, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that leads nowhere is told by its name; everything else is still explained."""
    monkeypatch.delenv("METRONOME_TOKEN")
    result = offramp("explain", "--config", config, stdin=ndjson(usage()))
    assert "METRONOME_TOKEN" in result.err
    assert "533c3db43f22" in result.out


MIDDLEWARE_RAISES = """
from offramp import hookimpl

@hookimpl
def offramp_middleware(destination):
    raise KeyError("SIGNING_KEY")
"""


def test_middleware_that_cannot_be_had_is_an_error(offramp: Offramp, config: Path) -> None:
    """A host would hold the instance, as the plugin may sign or redact; unless it is disabled."""
    (config.parent / "site.py").write_text(MIDDLEWARE_RAISES)
    config.write_text('plugin_files = ["site.py"]\n' + config.read_text())
    result = offramp("check", config)
    assert result.status == 2
    assert "error config @ instances.metronome: does not run: plugin 'site': " in result.err
    assert "offramp_middleware failed: KeyError: 'SIGNING_KEY'" in result.err
    explained = offramp("explain", "--config", config, stdin=ndjson(usage()))
    assert explained.status == 1
    assert "offramp_middleware failed" in explained.err
    head = "[instances.metronome]\n"
    config.write_text(config.read_text().replace(head, head + "enabled = false\n"))
    assert offramp("check", config).status == 0


def test_a_check_tells_of_client_certificates_that_cannot_be_used(
    offramp: Offramp, config: Path
) -> None:
    """One that no instance shows is a warning, one that cannot be read an error with its place."""
    table = '[host.egress.client_certificates]\n{} = "no-such.pem"\n'
    config.write_text(CONFIG + table.format("metronome"))
    result = offramp("check", config)
    assert result.status == 2
    assert "host.egress.client_certificates.metronome" in result.err
    assert "No such file" in result.err
    config.write_text(CONFIG + table.format("nobody"))
    assert "there is no instance of this name" in offramp("check", config).err
