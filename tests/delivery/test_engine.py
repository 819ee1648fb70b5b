"""The running whole on a real queue: nothing lost, everything recorded, changed while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import (
    PATIENCE,
    SUBSCRIPTION,
    Partner,
    config,
    event,
    running,
    small_catalog,
)

from offramp import OutgoingRequest, Response
from offramp.config import Instance
from offramp.delivery import Engine, make_runtime
from offramp.delivery.runtime import InstanceRuntime
from offramp.errors import ConfigError, Fault
from offramp.plugins import CatalogEntry
from offramp.queue import Stage, open_queue
from offramp.storage import Store


@pytest.mark.parametrize("action", ["take", "takeOne", "takeByKind"])
async def test_accepted_events_arrive_once(tmp_path: Path, action: str) -> None:
    """Every accepted event is delivered once, whether the action batches or not."""
    partner = Partner()
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config(action=action))
        ids = [f"m{number}" for number in range(250)]
        await engine.accept("site", [event(each, kind=int(each[1:]) % 3) for each in ids])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        assert sorted(partner.taken) == sorted(ids)
        assert (await ledger.reconcile()).ok


async def test_batch_keys_keep_payloads_apart(tmp_path: Path) -> None:
    """Payloads share a request only if they agree in the batch keys."""
    partner = Partner()
    kinds = {f"m{number}": f"k{number % 3}" for number in range(30)}
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config(action="takeByKind"))
        await engine.accept("site", [event(each, kind=kind) for each, kind in kinds.items()])
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert all(len({kinds[each] for each in request}) == 1 for request in partner.requests)
    assert len(partner.taken) == 30


async def test_a_bad_event_is_rejected_with_its_reason_beside_good_ones(tmp_path: Path) -> None:
    """One event that cannot become a payload, and one that the partner refuses, end alone."""
    partner = Partner(judge=lambda ids: 422 if "refused" in ids else 200)
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(
            config(kind={"@path": "$.properties.kind"}, id={"@path": "$.properties.id"})
        )
        events = [event("good", id="good"), event("nothing"), event("bad", id="refused")]
        await engine.accept("site", events)
        assert await engine.wait_until_idle(timeout=PATIENCE)
        ended = {
            each: (await ledger.event(each))[0].deliveries[0] for each in ("good", "nothing", "bad")
        }
    assert ended["good"].stage is Stage.DELIVERED
    assert (ended["nothing"].stage, ended["nothing"].reason) == (
        Stage.REJECTED,
        "PAYLOAD_VALIDATION_FAILED",
    )
    assert "$.id" in ended["nothing"].message
    assert (ended["bad"].stage, ended["bad"].reason) == (Stage.REJECTED, "422")
    assert partner.taken == ["good"]


async def test_an_outage_is_waited_out(tmp_path: Path) -> None:
    """What fails with 503 is tried again until it is taken."""
    answers = iter([503, 503])
    partner = Partner(judge=lambda ids: next(answers, 200))
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        record = (await ledger.event("m1"))[0]
    assert partner.taken == ["m1"]
    assert record.deliveries[0].attempts == 3


async def test_events_that_do_not_match_are_accounted_for(tmp_path: Path) -> None:
    """A filtered event has its end state and reason; the sums hold."""
    async with running(tmp_path, Partner()) as (engine, ledger):
        await engine.apply(config(trigger='type = "page"'))
        await engine.accept("site", [event("m1")])
        delivery = (await ledger.event("m1"))[0].deliveries[0]
        audit = await ledger.reconcile()
    assert (delivery.stage, delivery.reason) == (Stage.FILTERED, "NO_MATCHING_MAPPING")
    assert audit.ok


async def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What waited at the stop is delivered after the start, once."""
    down = Partner(judge=lambda ids: 503)
    async with running(tmp_path, down) as (engine, _):
        await engine.apply(config())
        await engine.accept("site", [event(f"m{number}") for number in range(10)])
        await asyncio.sleep(0.2)
    partner = Partner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert sorted(partner.taken) == sorted(f"m{number}" for number in range(10))


async def test_a_change_of_mapping_takes_effect_while_running(tmp_path: Path) -> None:
    """Events accepted after a change are shaped by the new mapping."""
    partner = Partner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        assert await engine.wait_until_idle(timeout=PATIENCE)
        await engine.apply(config(id={"@template": "new-{{ messageId }}"}))
        await engine.accept("site", [event("m2")])
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert partner.taken == ["m1", "new-m2"]


async def test_disabling_a_subscription_ends_what_waits(tmp_path: Path) -> None:
    """Waiting deliveries of a disabled subscription end with that reason, and can be replayed."""
    partner = Partner(judge=lambda ids: 503)
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        await asyncio.sleep(0.3)
        await engine.apply(config(enabled=False))
        async with asyncio.timeout(PATIENCE):
            while (await engine.queue.depth(SUBSCRIPTION)).total:  # noqa: ASYNC110 - it ends by itself
                await asyncio.sleep(0.01)
        delivery = (await ledger.event("m1"))[0].deliveries[0]
    assert (delivery.stage, delivery.reason) == (Stage.EXPIRED, "SUBSCRIPTION_DISABLED")


async def test_an_instance_that_cannot_start_keeps_its_events(tmp_path: Path) -> None:
    """Where settings do not hold, events wait, the problem is listed, and a mended one delivers."""
    partner = Partner()
    broken = [True]

    def start(instance: Instance, entry: CatalogEntry) -> InstanceRuntime:
        if broken[0]:
            raise ConfigError([Fault("instances.small.settings.token", "is missing")])
        return make_runtime(instance, entry, {"token": "s3cr3t-token"}, transport=partner)

    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        engine = Engine(small_catalog(), queue, start)
        snapshot = await engine.apply(config())
        assert "is missing" in snapshot.problems["instances.small"]
        await engine.accept("site", [event("m1")])
        assert (await queue.depth(SUBSCRIPTION)).total == 1
        broken[0] = False
        await engine.apply(config())
        assert await engine.wait_until_idle(timeout=PATIENCE)
        await engine.stop()
    assert partner.taken == ["m1"]


async def test_explain_sends_nothing(tmp_path: Path) -> None:
    """An explanation shows trigger, fields and the exact request, and no request is made."""
    partner = Partner()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        explained = await engine.explain(SUBSCRIPTION, event("m1", kind="a"))
    assert explained["matches"] is True
    assert explained["payload"] == {"id": "m1", "kind": "a"}
    assert explained["request"]["body"] == '["m1"]'
    assert partner.requests == []


async def test_a_plugin_that_raises_keeps_the_event_and_the_others_go_on(tmp_path: Path) -> None:
    """A bug in a plugin is a reason to try again; events beside the one it trips over arrive."""

    def judge(ids: Any) -> int:
        if "trips" in ids:
            raise KeyError("a bug")
        return 200

    partner = Partner(judge=judge)
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config())
        await engine.accept("site", [event("m1"), event("trips"), event("m2")])
        async with asyncio.timeout(PATIENCE):
            while len(partner.taken) < 2:  # noqa: ASYNC110 - the partner sends no signal
                await asyncio.sleep(0.01)
        delivery = (await ledger.event("trips"))[0].deliveries[0]
    assert sorted(partner.taken) == ["m1", "m2"]
    assert (delivery.stage, delivery.reason) == (Stage.RETRYING, "INTERNAL")


async def test_a_change_takes_effect_while_an_old_request_is_under_way(tmp_path: Path) -> None:
    """A slow request does not hold up the new version; it ends under the old one, unrepeated."""
    release = asyncio.Event()

    class Slow(Partner):
        async def __call__(self, outgoing: OutgoingRequest) -> Response:
            if not self.requests:
                answer = await super().__call__(outgoing)
                await release.wait()
                return answer
            return await super().__call__(outgoing)

    partner = Slow()
    async with running(tmp_path, partner) as (engine, _):
        await engine.apply(config())
        await engine.accept("site", [event("m1")])
        async with asyncio.timeout(PATIENCE):
            while not partner.requests:  # noqa: ASYNC110 - the partner sends no signal
                await asyncio.sleep(0.01)
        async with asyncio.timeout(PATIENCE / 2):
            await engine.apply(config(id={"@template": "new-{{ messageId }}"}))
            await engine.accept("site", [event("m2")])
            while len(partner.requests) < 2:  # noqa: ASYNC110 - nor here
                await asyncio.sleep(0.01)
        release.set()
        assert await engine.wait_until_idle(timeout=PATIENCE)
    assert partner.taken == ["m1", "new-m2"]


async def test_a_check_of_a_plugin_that_raises_does_not_hold_up_its_subscription(
    tmp_path: Path,
) -> None:
    """Where `validate` breaks on one event, that one is tried again and the others arrive."""
    partner = Partner()
    async with running(tmp_path, partner) as (engine, ledger):
        await engine.apply(config(action="takeChecked"))
        await engine.accept("site", [event("m1"), event("breaks"), event("m2")])
        async with asyncio.timeout(PATIENCE):
            while len(partner.taken) < 2:  # noqa: ASYNC110 - the partner sends no signal
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        delivery = (await ledger.event("breaks"))[0].deliveries[0]
    assert sorted(partner.taken) == ["m1", "m2"]
    assert (delivery.stage, delivery.reason) == (Stage.RETRYING, "INTERNAL")
