"""What an operator does, or what befalls the machine, for a while in one round."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from tests.torture.host import API_TOKEN, INSTANCE, SOURCE, SUBSCRIPTION
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
REQUEST_SECONDS: Final = 20.0
#: While this lasts, requests that were sent with the key before are answered.
IN_USE_SECONDS: Final = 0.3
LOOK_SECONDS: Final = 0.2
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


@contextlib.asynccontextmanager
async def paused(scene: Scene) -> AsyncIterator[None]:
    """The subscription, its instance or its source is paused for a while, over and over."""
    pausing = asyncio.create_task(_switch(scene, "pause", "resume"))
    try:
        yield
    finally:
        await _end(pausing)
        for resource, name in THINGS:
            await post(scene, f"{resource}/{_quoted(name)}/resume")


@contextlib.asynccontextmanager
async def disabled(scene: Scene) -> AsyncIterator[None]:
    """The subscription, its instance or its source is disabled for a while, over and over."""
    switching = asyncio.create_task(_switch(scene, "disable", "enable"))
    try:
        yield
    finally:
        await _end(switching)
        for resource, name in THINGS:
            await post(scene, f"{resource}/{_quoted(name)}/enable")


async def replay_disabled(scene: Scene) -> None:
    """Replay what ended or never began because something was disabled."""
    for reason in DISABLED_REASONS:
        await _replay(scene, {"subscription": SUBSCRIPTION, "reason": reason})
    filtered = {"filtered": True, "where": 'event = "usage"', "since": scene.began_at}
    await _replay(scene, {"subscription": SUBSCRIPTION, **filtered})


async def _replay(scene: Scene, which: dict[str, object]) -> None:
    replay = (await post(scene, "replays", which))["replay"]
    while replay["state"] in {"counting", "running"}:
        await asyncio.sleep(LOOK_SECONDS)
        replay = await get(scene, f"replays/{replay['id']}")
    assert replay["state"] == "done", replay


@contextlib.asynccontextmanager
async def rotated_keys(scene: Scene) -> AsyncIterator[None]:
    """The senders' write key and the partner's token are replaced."""
    rotating = asyncio.create_task(_rotate(scene))
    try:
        yield
    finally:
        await _end(rotating)


async def _rotate(scene: Scene) -> None:
    await _rotate_write_key(scene)
    token = f"partner-token-{len(scene.changes)}-of-the-torture"
    scene.emulator.change_token(token)
    scene.host.write_token(token)
    await post(scene, "reload")


async def _rotate_write_key(scene: Scene) -> None:
    """Add a key, let the clients send with it, and revoke the others; the file follows."""
    host = scene.host
    before = dict(host.keys)
    label = f"k{len(scene.changes)}"
    key = f"torture-key-{label}"
    # The file decides at the next start, which may come at any moment.
    host.keys = {label: key, **before}
    host.write_config()
    if not await post(scene, f"sources/{SOURCE}/keys", {"label": label, "key": key}):
        host.keys = before
        host.write_config()
        return
    host.keys = {**before, label: key}
    await asyncio.sleep(IN_USE_SECONDS)
    host.keys = {label: key}
    host.write_config()
    for old in before:
        await _call(scene, "DELETE", f"sources/{SOURCE}/keys/{old}")


async def _switch(scene: Scene, there: str, back: str) -> None:
    while True:
        resource, name = scene.rng.choice(THINGS)
        for verb in (there, back):
            await post(scene, f"{resource}/{_quoted(name)}/{verb}{CONFIRMED.get(verb, '')}")
            await asyncio.sleep(scene.rng.uniform(0, LONGEST_PAUSE_SECONDS))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def _quoted(name: str) -> str:
    return quote(name, safe="")


async def post(scene: Scene, path: str, body: object = None) -> Any:
    """Post to the API; returns the answer, or nothing if the host was killed meanwhile."""
    return await _call(scene, "POST", path, body)


async def get(scene: Scene, path: str) -> Any:
    """Get from the API; returns the answer, or nothing if the host was killed meanwhile."""
    return await _call(scene, "GET", path)


async def _call(scene: Scene, method: str, path: str, body: object = None) -> Any:
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.request(method, f"{scene.host.url}/api/{path}", json=body) as answer,
        ):
            said = await answer.text()
            assert answer.ok, f"{method} {path}: {answer.status}: {said}"
            scene.changes.append(answer.status)
            return await answer.json()
    return None
