"""A large backlog: memory stays flat, and the start does not read it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.torture.host import TOKEN, HostProcess

from offramp import _json
from offramp.queue import EventBatch, Route, open_queue
from offramp.storage import Store
from offramp_metronome.emulator import Emulator, Fault

SUBSCRIPTION: Final = "metronome/Usage"
#: `make bench` measures a million; the difference per event is what counts here.
BACKLOG: Final = 100_000
CHUNK: Final = 2_000
#: Ten bytes an event would be 10 MB for a million: flat.
MOST_BYTES_PER_EVENT: Final = 100


async def fill(folder: Path, count: int) -> None:
    """Accept events without a host that would deliver them."""
    async with Store.open(folder) as store, open_queue(store) as queue:
        for first in range(0, count, CHUNK):
            await queue.accept(batch(range(first, min(first + CHUNK, count))))


def batch(numbers: range) -> EventBatch:
    message_ids = [f"m{number}" for number in numbers]
    return EventBatch(
        source="torture",
        received_at=1_780_000_000.0,
        message_ids=message_ids,
        types=["track"] * len(numbers),
        names=["usage"] * len(numbers),
        bodies=[body(message_id) for message_id in message_ids],
        routes=[Route(subscriptions=(SUBSCRIPTION,))],
        route_of=[0] * len(numbers),
    )


def body(message_id: str) -> bytes:
    event = {
        "type": "track",
        "event": "usage",
        "messageId": message_id,
        "userId": "u1",
        "timestamp": "2026-11-23T00:00:00.000Z",
        "properties": {"customer": "c1", "filler": "x" * 600},
    }
    return _json.dumps(event)


async def memory(folder: Path, count: int) -> int:
    """What a host holds that has so many events waiting for a partner that is down."""
    async with Emulator(token=TOKEN, keep_events=False) as emulator:
        emulator.faults.add(Fault(status=503, times=1_000_000))
        host = HostProcess(folder, emulator.url)
        host.prepare()
        await fill(folder / "offramp-data", count)
        await host.start()
        held = host.rss_bytes
        await host.kill()
        return held


async def test_memory_does_not_grow_with_the_backlog(tmp_path: Path) -> None:
    """A hundred thousand waiting events cost next to no memory."""
    few = await memory(tmp_path / "few", CHUNK)
    many = await memory(tmp_path / "many", BACKLOG)
    assert (many - few) / BACKLOG < MOST_BYTES_PER_EVENT
