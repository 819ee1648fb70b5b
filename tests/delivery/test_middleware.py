"""Middleware that raises holds its instance: it may sign or redact, so nothing goes without it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from tests.delivery.virtual import World, run

from offramp import OutgoingRequest, Response
from offramp.definition import Handler
from offramp.errors import ConnectionFailedError

HOUR = 3_600.0
MANY = [f"m{number}" for number in range(1_000)]


def test_middleware_that_raises_holds_its_instance() -> None:
    """Nothing leaves and nothing is rejected; one event a minute tries it, and then all go."""
    broken = True

    async def sign(outgoing: OutgoingRequest, handler: Handler) -> Response:
        if broken:
            raise KeyError("no key to sign with")
        return await handler(outgoing)

    async def main() -> None:
        nonlocal broken
        world = World(judge=lambda ids: 200)
        world.runtime.middleware = [sign]
        world.runtime.handler = world.runtime.around(world.runtime.transport)
        world.queue.accept(MANY)
        world.start()
        await asyncio.sleep(HOUR)
        held = world.runtime.gate.held
        assert held is not None
        assert held.code == "middleware"
        assert (
            "middleware raised KeyError: 'no key to sign with' (test_middleware.py" in held.message
        )
        assert not world.requests
        assert not world.queue.ends
        broken = False
        await world.until(lambda: not world.queue.rows, within=180)
        assert Counter(world.stages.values()) == {"delivered": len(MANY)}
        assert world.runtime.gate.held is None
        await world.stop()

    run(main)


@pytest.mark.parametrize("raised", [ConnectionFailedError("reset"), ValueError("odd")])
async def test_what_middleware_lets_through_is_no_fault_of_its_own(raised: Exception) -> None:
    """Faults of the network, and of what lies further in, are told as they are."""

    async def passing(outgoing: OutgoingRequest, handler: Handler) -> Response:
        return await handler(outgoing)

    async def transport(_: OutgoingRequest) -> Response:
        raise raised

    world = World(judge=lambda ids: 200)
    world.runtime.middleware = [passing, passing]
    outgoing = OutgoingRequest(
        method="GET",
        url="http://partner.test/",
        headers={},
        body=None,
        timeout=timedelta(seconds=1),
    )
    with pytest.raises(type(raised)) as caught:
        await world.runtime.around(transport)(outgoing)
    assert caught.value is raised
