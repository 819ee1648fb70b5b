"""What goes wrong for a while in one round: each kind a context that mends it at its end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from tests.torture.damage import damage_block
from tests.torture.host import API_TOKEN, SUBSCRIPTION
from tests.torture.operations import (
    disabled,
    paused,
    rotated_keys,
    stepped_clock,
    stopped_process,
)
from tests.torture.partner import GOOD
from tests.torture.restoring import restored
from tests.torture.safekeeping import backed_up, rotated_sealing_key
from tests.torture.scene import Scene

from offramp_metronome.emulator import Fault

#: Descriptors that a host gets beyond those that it has open, and idle connections that use them.
SPARE_DESCRIPTORS: Final = 12
IDLE_CONNECTIONS: Final = 80
#: Poisoned events of one episode.
MOST_POISON: Final = 2
HALF: Final = 0.5
#: Between two changes of the configuration.
CHANGE_SECONDS: Final = 0.15
REQUEST_SECONDS: Final = 20.0
DEFAULTS: Final[dict[str, Any]] = {
    "transaction_id": {"@path": "$.messageId"},
    "timestamp": {"@path": "$.timestamp"},
    "event_type": {"@path": "$.event"},
    "properties": {"@path": "$.properties"},
}
#: Two ways to write one mapping.
MAPPINGS: Final[tuple[dict[str, Any], ...]] = (
    {**DEFAULTS, "customer_id": {"@template": "{{properties.customer}}"}},
    {**DEFAULTS, "customer_id": {"@path": "$.properties.customer"}},
)
NEIGHBOUR: Final = {
    "instance": "metronome",
    "name": "Neighbour",
    "action": "sendEvent",
    "trigger": 'type = "track" and event = "never"',
    "mapping": {**DEFAULTS, "customer_id": {"@path": "$.userId"}},
}


@contextlib.asynccontextmanager
async def bad_certificate(scene: Scene) -> AsyncIterator[None]:
    """The partner's certificate has expired, is nobody's, is another host's, or is not there."""
    await scene.front.present(scene.rng.choice(scene.front.bad))
    try:
        yield
    finally:
        await scene.front.present(GOOD)


@contextlib.asynccontextmanager
async def poison(scene: Scene) -> AsyncIterator[None]:
    """A client sends events at which the partner answers 500, whatever else the batch holds."""
    scene.rng.choice(scene.loads).poison_due += scene.rng.randint(1, MOST_POISON)
    yield


@contextlib.asynccontextmanager
async def refused_credentials(scene: Scene) -> AsyncIterator[None]:
    """The partner refuses the token, whatever it is asked, and takes it again later."""
    refusal = Fault(status=scene.rng.choice([401, 403]), times=None)
    scene.emulator.faults.add(refusal, first=True)
    try:
        yield
    finally:
        scene.emulator.faults.remove(refusal)


@contextlib.asynccontextmanager
async def changed_configuration(scene: Scene) -> AsyncIterator[None]:
    """Mappings are written otherwise, and a neighbour comes and goes, while events flow."""
    changing = asyncio.create_task(_keep_changing(scene))
    try:
        yield
    finally:
        changing.cancel()
        await asyncio.wait([changing])
        if not changing.cancelled():
            changing.result()


@contextlib.asynccontextmanager
async def no_descriptors(scene: Scene) -> AsyncIterator[None]:
    """The host may open hardly any file more, and idle connections take what is left."""
    pid = scene.host.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = scene.host.open_files + SPARE_DESCRIPTORS
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, before[1]))
    port = int(scene.host.url.rsplit(":", 1)[1])
    idle = [
        writer
        for _ in range(IDLE_CONNECTIONS)
        for _, writer in [await asyncio.open_connection("127.0.0.1", port)]
    ]
    try:
        yield
    finally:
        for writer in idle:
            writer.transport.abort()
        if scene.host.pid == pid:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextlib.asynccontextmanager
async def damaged_block(scene: Scene) -> AsyncIterator[None]:
    """Once the host has ended, the disk changes a byte of a block, or a page of it."""
    whole_page = scene.rng.random() < HALF
    yield
    scene.while_down.append(
        lambda: scene.damaged.append(
            damage_block(scene.host.database, scene.rng, whole_page=whole_page)
        )
    )


async def _keep_changing(scene: Scene) -> None:
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        for number in range(1_000_000):
            # The host may be killed in the middle of it.
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                await _change(session, scene, number)
            await asyncio.sleep(CHANGE_SECONDS)


async def _change(session: aiohttp.ClientSession, scene: Scene, number: int) -> None:
    subscription = f"{scene.host.url}/api/subscriptions/{quote(SUBSCRIPTION, safe='')}"
    neighbour = f"{scene.host.url}/api/subscriptions/{quote('metronome/Neighbour', safe='')}"
    calls: list[Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]]] = [
        lambda: session.patch(subscription, json={"mapping": MAPPINGS[number // 2 % 2]}),
        lambda: (
            session.delete(neighbour)
            if number // 2 % 2
            else session.post(f"{scene.host.url}/api/subscriptions", json=NEIGHBOUR)
        ),
    ]
    async with calls[number % 2]() as answer:
        said = await answer.text()
        # The neighbour may be there or not: a start with the file has taken it away.
        assert answer.status in {200, 201, 204, 404, 409}, f"{answer.status}: {said}"
        scene.changes.append(answer.status)


#: Those that an older version cannot play.
NEW: Final = frozenset(
    {
        *("backups", "sealing key", "restored", "clock", "stopped"),
        *("paused", "disabled", "keys", "damage"),
    }
)
#: Kind of an episode -> what plays it.
EPISODES: Final[dict[str, Callable[[Scene], AbstractAsyncContextManager[None]]]] = {
    "certificates": bad_certificate,
    "poison": poison,
    "refused credentials": refused_credentials,
    "changes": changed_configuration,
    "descriptors": no_descriptors,
    "backups": backed_up,
    "sealing key": rotated_sealing_key,
    "restored": restored,
    "clock": stepped_clock,
    "stopped": stopped_process,
    "paused": paused,
    "disabled": disabled,
    "keys": rotated_keys,
    "damage": damaged_block,
}
