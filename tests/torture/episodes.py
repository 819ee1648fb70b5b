"""What goes wrong for a while in one round: each kind a context that mends it at its end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from urllib.parse import quote

from tests.torture.control import change, in_background
from tests.torture.damage import damage_block
from tests.torture.host import SUBSCRIPTION
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
    async with in_background(_keep_changing(scene)):
        yield


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
    for number in range(1_000_000):
        await _change(scene, number)
        await asyncio.sleep(CHANGE_SECONDS)


async def _change(scene: Scene, number: int) -> None:
    subscription = f"subscriptions/{quote(SUBSCRIPTION, safe='')}"
    neighbour = f"subscriptions/{quote('metronome/Neighbour', safe='')}"
    if number % 2 == 0:
        await change(scene, "PATCH", subscription, {"mapping": MAPPINGS[number // 2 % 2]})
    # The neighbour may be there or not: a start with the file has taken it away.
    elif number // 2 % 2:
        await change(scene, "DELETE", neighbour, allowed={404, 409})
    else:
        await change(scene, "POST", "subscriptions", NEIGHBOUR, allowed={404, 409})


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
