"""What an operator does, or what befalls the machine, for a while in one round."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final
from urllib.parse import quote

from tests.torture.control import change, finished, in_background, post
from tests.torture.host import INSTANCE, SOURCE, SUBSCRIPTION
from tests.torture.scene import Scene

HOUR: Final = 3_600.0
#: Steps of the wall clock: about as far as a wrong time zone, and further than any window.
STEPS: Final = (2 * HOUR, -2 * HOUR, 36 * 24 * HOUR, -36 * 24 * HOUR)
#: Longer than a lease, and so than whatever a stopped host had sent.
LONG_STOP_SECONDS: Final = 65.0
SHORT_STOP_SECONDS: Final = 6.0
#: How many stops are long.
LONG_STOPS: Final = 2
#: Longest time between pausing and resuming.
LONGEST_PAUSE_SECONDS: Final = 1.0
#: What can be paused or disabled: the resource of the API, and the name.
THINGS: Final = (
    ("subscriptions", SUBSCRIPTION),
    ("instances", INSTANCE),
    ("sources", SOURCE),
)
#: While this lasts, requests that were sent with the key before are answered.
IN_USE_SECONDS: Final = 0.3
DISABLED_REASONS: Final = ("SUBSCRIPTION_DISABLED", "INSTANCE_DISABLED", "SOURCE_DISABLED")
#: Whoever disables something says so that what waits may expire.
CONFIRMED: Final = {"disable": "?confirm=true"}


@contextlib.asynccontextmanager
async def stepped_clock(scene: Scene) -> AsyncIterator[None]:
    """The machine's wall clock is set to another time, and back."""
    scene.host.set_clock(scene.rng.choice(STEPS))
    try:
        yield
    finally:
        scene.host.set_clock(0)


@contextlib.asynccontextmanager
async def stopped_process(scene: Scene) -> AsyncIterator[None]:
    """The host stands still, at first for longer than a lease, and goes on."""
    scene.stops.append(scene.host.pid)
    is_long = len(scene.stops) <= LONG_STOPS
    os.kill(scene.host.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(LONG_STOP_SECONDS if is_long else SHORT_STOP_SECONDS)
    finally:
        os.kill(scene.host.pid, signal.SIGCONT)
    yield


def paused(scene: Scene) -> AbstractAsyncContextManager[None]:
    """The subscription, its instance or its source is paused for a while, over and over."""
    return _switched(scene, "pause", "resume")


def disabled(scene: Scene) -> AbstractAsyncContextManager[None]:
    """The subscription, its instance or its source is disabled for a while, over and over."""
    return _switched(scene, "disable", "enable")


@contextlib.asynccontextmanager
async def _switched(scene: Scene, there: str, back: str) -> AsyncIterator[None]:
    try:
        async with in_background(_switch(scene, there, back)):
            yield
    finally:
        for resource, name in THINGS:
            await change(scene, "POST", f"{resource}/{_quoted(name)}/{back}")


async def replay_disabled(scene: Scene) -> None:
    """Replay what ended or never began because something was disabled."""
    for reason in DISABLED_REASONS:
        await _replay(scene, {"subscription": SUBSCRIPTION, "reason": reason})
    filtered = {"filtered": True, "where": 'event = "usage"', "since": scene.began_at}
    await _replay(scene, {"subscription": SUBSCRIPTION, **filtered})


async def _replay(scene: Scene, which: dict[str, object]) -> None:
    begun = (await post(scene, "replays", which))["replay"]
    replay = await finished(scene, "replays", begun, while_in=("counting", "running"))
    assert replay["state"] == "done", replay


@contextlib.asynccontextmanager
async def rotated_keys(scene: Scene) -> AsyncIterator[None]:
    """The senders' write key and the partner's token are replaced."""
    async with in_background(_rotate(scene)):
        yield


async def _rotate(scene: Scene) -> None:
    await _rotate_write_key(scene)
    token = f"partner-token-{scene.rng.getrandbits(64):x}"
    scene.emulator.change_token(token)
    scene.host.write_token(token)
    await change(scene, "POST", "reload")


async def _rotate_write_key(scene: Scene) -> None:
    """Add a key, let the clients send with it, and revoke the others; the file follows."""
    host = scene.host
    before = dict(host.keys)
    label = f"k{scene.rng.getrandbits(64):x}"
    key = f"torture-key-{label}"
    # The file decides at the next start, which may come at any moment.
    host.keys = {label: key, **before}
    host.write_config()
    new = {"label": label, "key": key}
    if not await change(scene, "POST", f"sources/{SOURCE}/keys", new):
        host.keys = before
        host.write_config()
        return
    host.keys = {**before, label: key}
    await asyncio.sleep(IN_USE_SECONDS)
    host.keys = {label: key}
    host.write_config()
    for old in before:
        await change(scene, "DELETE", f"sources/{SOURCE}/keys/{old}")


async def _switch(scene: Scene, there: str, back: str) -> None:
    while True:
        resource, name = scene.rng.choice(THINGS)
        for verb in (there, back):
            path = f"{resource}/{_quoted(name)}/{verb}{CONFIRMED.get(verb, '')}"
            await change(scene, "POST", path)
            await asyncio.sleep(scene.rng.uniform(0, LONGEST_PAUSE_SECONDS))


def _quoted(name: str) -> str:
    return quote(name, safe="")
