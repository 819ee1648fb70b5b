"""401 and 403: of a whole instance they hold it, of one event they reject that event alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import (
    PATIENCE,
    SUBSCRIPTION,
    Partner,
    attempt,
    config,
    event,
    make_plan,
    make_small_runtime,
    prepare,
    small_catalog,
)
from tests.delivery.virtual import World, run

from offramp import OutgoingRequest, Response
from offramp.config import Config, Instance
from offramp.delivery import Engine, InstanceRuntime, make_runtime
from offramp.delivery.memory import Past
from offramp.errors import AddressRefusedError
from offramp.plugins import CatalogEntry
from offramp.queue import SqliteLedger, open_queue
from offramp.storage import Store

HOUR = 3_600.0
MANY = [f"m{number}" for number in range(1_000)]


def reason(world: World) -> str | None:
    held = world.runtime.gate.held
    return None if held is None else held.code


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("action", ["take", "takeOne"])
def test_a_refused_token_rejects_nothing(action: str, status: int) -> None:
    """For six hours one event a minute asks; then all are delivered, and none was rejected."""
    refused = True

    async def main() -> None:
        nonlocal refused
        world = World(judge=lambda ids: status if refused else 200, action=action)
        world.queue.accept(MANY)
        world.start()
        await world.until(lambda: reason(world) == "credentials", within=10)
        held = len(world.requests)
        await asyncio.sleep(6 * HOUR)
        assert reason(world) == "credentials"
        probes = world.requests[held + 10 :]
        assert 6 * 55 < len(probes) <= 6 * 60
        assert all(len(ids) == 1 for _, ids, _ in probes)
        refused = False
        await world.until(lambda: not world.queue.rows, within=180)
        assert Counter(world.stages.values()) == {"delivered": len(MANY)}
        assert reason(world) is None
        await world.stop()

    run(main)


def refused_address() -> AddressRefusedError:
    return AddressRefusedError("POST http://10.0.0.1/: nothing is sent there")


@pytest.mark.parametrize("action", ["take", "takeOne"])
@pytest.mark.parametrize(
    "refused", [{"m0"}, {"m500"}, {"m1", "m2", "m3"}], ids=lambda ids: " ".join(sorted(ids))
)
@pytest.mark.parametrize("refusal", [lambda: 403, refused_address])
def test_an_event_that_is_refused_alone_is_rejected_alone(
    action: str, refused: set[str], refusal: Callable[[], Any]
) -> None:
    """A partner that refuses one customer's events gets all others, and the instance goes on.

    So does an address that a plugin takes from an event: it holds up nobody else's.
    """

    async def main() -> None:
        world = World(judge=lambda ids: refusal() if refused & set(ids) else 200, action=action)
        world.queue.accept(MANY)
        world.start()
        await world.until(lambda: not world.queue.rows, within=60)
        assert {each for each, end in world.stages.items() if end == "rejected"} == refused
        assert Counter(world.delivered) == Counter(set(MANY) - refused)
        world.queue.accept(["new"])
        await world.until(lambda: "new" in world.delivered, within=1)
        await world.stop()

    run(main)


def test_an_instance_whose_address_is_refused_is_held_by_that_name() -> None:
    """No event is rejected; once the address is allowed, all are delivered."""
    refused = True

    async def main() -> None:
        nonlocal refused
        world = World(judge=lambda _: refused_address() if refused else 200)
        world.queue.accept(MANY)
        world.start()
        await world.until(lambda: reason(world) == "egress", within=10)
        await asyncio.sleep(HOUR)
        assert reason(world) == "egress"
        refused = False
        await world.until(lambda: not world.queue.rows, within=180)
        assert Counter(world.stages.values()) == {"delivered": len(MANY)}
        assert reason(world) is None
        await world.stop()

    run(main)


def test_an_only_event_probes_until_its_window_ends() -> None:
    """Without another request nobody knows whose fault it is: it expires, and is not rejected."""

    async def main() -> None:
        world = World(judge=lambda ids: 403)
        world.queue.accept(["m1"])
        world.start()
        await asyncio.sleep(24 * HOUR + 300)
        [(_, end)] = world.queue.ends.items()
        assert (end.stage.value, end.reason) == ("expired", "403")
        await world.stop()

    run(main)


def test_what_was_not_tried_while_the_instance_was_held_does_not_expire() -> None:
    """After more than the window without credentials the first attempts are made."""
    refused = True

    async def main() -> None:
        nonlocal refused
        world = World(judge=lambda ids: 401 if refused else 200)
        world.queue.accept([f"m{number}" for number in range(1_700)])
        world.start()
        await asyncio.sleep(26 * HOUR)
        refused = False
        await world.until(lambda: not world.queue.rows, within=120)
        ends = Counter(world.stages.values())
        assert ends.keys() == {"delivered", "expired"}
        # One event a minute was tried once its window was over.
        assert 0 < ends["expired"] <= 2 * 60 + 10
        await world.stop()

    run(main)


@pytest.mark.parametrize(("since", "again"), [(-1.0, True), (1.0, False)])
def test_only_what_was_asked_after_the_refusal_clears_the_credentials(
    since: float, *, again: bool
) -> None:
    """An answer that was under way when the token was revoked proves nothing."""

    async def main() -> None:
        runtime = make_small_runtime(Partner(judge=lambda ids: 401))
        plan = make_plan()
        refused_at = runtime.gate.now() - 2
        runtime.gate.note(None, started=refused_at + since)
        batch = prepare(plan, ["m1"], {0: Past(refused_at=refused_at)})
        [verdict] = await attempt(runtime, plan, batch)
        assert verdict.retryable == again

    run(main)


async def test_other_settings_are_tried_at_once(tmp_path: Path) -> None:
    """An instance that rests for a minute delivers as soon as its settings have changed."""
    partners = {"old": Partner(judge=lambda ids: 401), "new": Partner()}

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        token = instance.settings["token"]
        return make_runtime(instance, entry, {"token": token}, transport=partners[token])

    def with_token(token: str) -> Config:
        made = config()
        small = attrs.evolve(made.instances["small"], settings={"token": token})
        return attrs.evolve(made, instances={"small": small})

    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        engine = Engine(small_catalog(), queue, start)
        await engine.apply(with_token("old"))
        await engine.accept("site", [event(f"m{number}") for number in range(300)])
        async with asyncio.timeout(PATIENCE):
            gate = engine.snapshot.runtimes["small"].gate
            while gate.held is None or gate.pause < 3:  # noqa: ASYNC110 - nobody signals it
                await asyncio.sleep(0.01)
        assert engine.held["small"].code == "credentials"
        await engine.apply(with_token("new"))
        assert await engine.wait_until_idle(timeout=2.5)
        assert len(partners["new"].taken) == 300
        assert (await SqliteLedger(store).reconcile()).ok
        assert (await queue.depth(SUBSCRIPTION)).total == 0
        await engine.stop()


def answering(statuses: Sequence[int], retry_after: str) -> World:
    answers = iter(statuses)
    world = World(judge=lambda ids: next(answers, 200))
    world.headers = {"Retry-After": retry_after}
    return world


@pytest.mark.parametrize(
    ("asked", "waits", "message"),
    [
        ("30", 30, "(Retry-After: 30 s)"),
        ("1795866402", 300, "(Retry-After: 1795866402 s, obeyed for 300 s)"),
        ("60000", 300, "(Retry-After: 60000 s, obeyed for 300 s)"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300, "s, obeyed for 300 s)"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_is_obeyed_up_to_the_cap(
    status: int, asked: str, waits: float, message: str
) -> None:
    """The batch and the instance wait as long as asked, and no longer than the cap."""

    async def main() -> None:
        world = answering([status], asked)
        world.queue.accept(["m1", "m2"])
        world.start()
        await world.until(lambda: len(world.requests) == 1, within=1)
        await asyncio.sleep(1)
        world.queue.accept(["m3"])
        assert reason(world) == "retry_after"
        assert message in world.queue.outcomes[0].message
        held = world.runtime.gate.held
        assert held is not None
        assert message in held.message
        await world.until(lambda: len(world.delivered) == 3, within=waits + 5)
        assert world.requests[1][0] >= waits
        assert set(world.stages.values()) == {"delivered"}
        await world.stop()

    run(main)


def test_a_pause_ends_no_delivery_that_the_window_still_holds() -> None:
    """A partner that asks for an hour again and again is asked a last time at the window's end."""

    async def main() -> None:
        world = answering([429] * 1_000, "3600")
        world.queue.accept(["m1"])
        world.start()
        await world.until(lambda: bool(world.queue.ends), within=25 * HOUR, every=60)
        last = world.requests[-1][0]
        assert 24 * HOUR <= last <= 24 * HOUR + 300
        assert world.queue.ends["m1"].stage.value == "expired"
        await world.stop()

    run(main)


async def test_a_held_partner_is_left_alone(tmp_path: Path) -> None:
    """No request of a batch leaves while the instance is held, whatever waits."""

    async def refuse(outgoing: OutgoingRequest) -> Response:
        return Response(status=401, headers={}, body=b"", url=outgoing.url)

    runtime = make_small_runtime(refuse)
    runtime.gate.hold("middleware", "it raised", "mend it")
    plan = make_plan()
    verdicts = await attempt(runtime, plan, prepare(plan, ["a", "b"]))
    assert all(verdict.held_back for verdict in verdicts)
