"""A host whose partner has an address to which nothing is sent until the operator allows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.host.calls import PATIENCE, SOURCES, SUBSCRIPTION, accept, ask
from tests.listening import LOCAL_EGRESS

from offramp.config import Document, EgressSettings, HostSettings, parse_config
from offramp.errors import ConfigError
from offramp.host.run import Host, run_host
from offramp.plugins import load_catalog, load_plugins
from offramp_metronome.emulator import Emulator

TOKEN = "made-up-token"
INSTANCE = {
    "destination": "metronome-actions",
    "source": "site",
    "settings": {"apiToken": TOKEN},
    "subscriptions": [SUBSCRIPTION],
}


@asynccontextmanager
async def hosting(folder: Path, egress: EgressSettings) -> AsyncIterator[Host]:
    """A host with one instance."""
    catalog = load_catalog(load_plugins())
    document = {"sources": SOURCES, "instances": {"metronome": INSTANCE}}
    config = parse_config(Document(data=document), catalog).config
    settings = HostSettings(port=0, egress_settings=egress)
    async with run_host(lambda _: config, catalog, settings, folder=folder) as host:
        yield host


async def held(host: Host) -> dict[str, Any]:
    """The status, once the instance is held."""
    async with asyncio.timeout(PATIENCE):
        while not host.engine.held:  # noqa: ASYNC110 - none tells
            await asyncio.sleep(0.02)
    found: dict[str, Any] = await ask(host, "GET", "status")
    return found


@pytest.mark.parametrize(
    ("egress", "place", "message"),
    [
        ({"proxy": "env:NO_SUCH_VARIABLE"}, "proxy", "NO_SUCH_VARIABLE is not set"),
        ({"proxy": "env:SOCKS"}, "proxy", "must be the address of an HTTP proxy"),
        ({"ca_file": Path("/no/such.pem")}, "ca_file", "No such file"),
        ({"ca_file": Path(__file__)}, "ca_file", "cannot be used"),
    ],
)
async def test_a_host_does_not_start_with_another_way_out_than_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, egress: Any, place: str, message: str
) -> None:
    """What cannot be used is told with its place; the value of a reference is not."""
    monkeypatch.setenv("SOCKS", "socks5://user:pass-word@proxy.example")
    with pytest.raises(ConfigError, match=message) as caught:
        async with hosting(tmp_path, EgressSettings(**egress)):
            pass
    [fault] = caught.value.faults
    assert fault.place == f"host.egress.{place}"
    assert "pass-word" not in fault.message


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_events_wait_for_an_address_to_be_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The reason stands in status, health and the event's record at once; then all is delivered."""
    async with Emulator(token=TOKEN) as emulator:
        monkeypatch.setenv("METRONOME_BASE_URL", emulator.url.replace("127.0.0.1", name))
        async with hosting(tmp_path, EgressSettings()) as host:
            for number in range(3):
                await accept(host, f"m{number}")
            status = await held(host)
            [instance] = status["instances"]
            breaker = instance["circuit_breaker"]
            assert breaker["state"] in {"open", "half-open"}
            assert breaker["reason"] == "egress"
            [degraded] = [each for each in status["degraded"] if each["kind"] == "held"]
            assert degraded["pointer"] == "#/instances/metronome"
            assert "list its network in `allow` of [host.egress]" in degraded["detail"]
            [record] = (await ask(host, "GET", "events/m0"))["events"]
            [delivery] = record["deliveries"]
            assert (delivery["stage"], delivery["reason"]) == ("retrying", "ADDRESS_REFUSED")
            assert "loopback address" in delivery["message"]
            assert "held back" in delivery["why"]["text"]
            assert emulator.stats().requests == 0
        async with hosting(tmp_path, LOCAL_EGRESS) as host:
            assert await host.wait_until_idle(timeout=PATIENCE)
            assert len(emulator.events) == 3
