"""What an action sees of where it runs: instance, subscription, dry run, cache."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import Item, Settings, event, make_small_runtime
from tests.delivery.wild import (
    SUBSCRIPTION,
    TOKEN,
    URL,
    config,
    deliveries_of,
    outcomes,
    running,
    well,
    wild,
)

from offramp import (
    Action,
    Destination,
    Fault,
    OutgoingRequest,
    Request,
    RequestOptions,
    Response,
    SyncMode,
    _json,
    setting,
)
from offramp.definition import Handler
from offramp.delivery import compile_subscription, explain
from offramp.errors import ConfigError
from offramp.testing import MakeIntegration
from offramp.testing import Partner as PartnerOfTests


async def test_an_action_sees_where_it_runs_and_whether_it_is_a_dry_run(tmp_path: Path) -> None:
    """Instance and subscription by their names; only an explanation says that it explains."""
    seen: list[tuple[Any, ...]] = []

    async def perform(request: Request[Any], _: Any) -> None:
        seen.append((request.instance, request.subscription, request.explaining))
        assert request.hook_outputs == {}
        await request.post(URL)

    catalog = wild(perform=perform)
    async with running(tmp_path, catalog) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.explain(SUBSCRIPTION, event("m1"))
        await engine.accept("site", [event("m2")])
        [delivery] = await deliveries_of(ledger, "m2")
    assert delivery.stage.value == "delivered"
    assert seen == [("wild", SUBSCRIPTION, True), ("wild", SUBSCRIPTION, False)]


def test_a_call_that_is_of_no_subscription_says_so() -> None:
    """A test of the credentials belongs to the instance alone."""
    client = make_small_runtime(well).client()
    assert (client.instance, client.subscription, client.explaining) == ("small", None, False)


async def test_validate_sees_the_settings_of_the_instance(tmp_path: Path) -> None:
    """In a delivery and in an explanation; without settings, an explanation leaves it out."""

    def validate(payload: Any, *, settings: Any, **_: object) -> list[Fault]:
        return [Fault("$.id", f"is not for {settings.token[:3]}")]

    async def perform(request: Request[Any], _: Any) -> None:
        await request.post(URL)

    catalog = wild(perform=perform, validate=validate)
    async with running(tmp_path, catalog, token="abc-of-the-test") as (engine, ledger):
        await engine.apply(config(catalog))
        explained = await engine.explain(SUBSCRIPTION, event("m1"))
        await engine.accept("site", [event("m2")])
        [delivery] = await deliveries_of(ledger, "m2")
    assert [each["detail"] for each in explained["errors"]] == ["is not for abc"]
    assert (delivery.stage.value, delivery.reason) == ("rejected", "PAYLOAD_VALIDATION_FAILED")
    assert "is not for abc" in delivery.message
    [subscription] = config(catalog).subscriptions.values()
    [instance] = config(catalog).instances.values()
    plan = compile_subscription(subscription, catalog["wild"], instance=instance)
    without = await explain(plan, None, event("m1"), now=0.0)
    assert (without["errors"], without["payload"]["id"]) == ([], "m1")


class Keep(Action[Settings, Item]):
    """Cannot make what has no kind."""

    slug, title = "keep", "Keep"
    sync_mode = SyncMode(
        default="update", label="L", description="D", choices=(("add", "Add"), ("update", "Up"))
    )

    async def perform(self, request: Request[Settings], payload: Item) -> None:
        await request.post(URL)

    def validate(
        self, payload: Item, *, sync_mode: str | None, settings: Settings, **_: object
    ) -> Iterable[Fault]:
        if sync_mode == "add" and settings.token and payload.kind is None:
            yield Fault("$.kind", "is missing; a new record needs one")


async def test_validate_sees_the_sync_mode_of_the_subscription(
    integration: MakeIntegration, partner: PartnerOfTests
) -> None:
    """The same event is good for one mode, the default, and refused for another."""
    keeps = integration(Destination(slug="keep", name="K", settings=Settings, actions=[Keep]))
    partner.post(URL)
    (await keeps.test_action("keep")).assert_delivered()
    run = await keeps.test_action("keep", sync_mode="add")
    run.assert_rejected("PAYLOAD_VALIDATION_FAILED", saying="a new record needs one")


@attrs.frozen
class Ours:
    """Another plugin's view of the same settings."""

    token: str = setting(type="password")


async def test_requests_are_signed_over_body_and_payloads_with_a_secret_of_the_settings(
    tmp_path: Path,
) -> None:
    """`extend_request` and middleware see both; each part of a batch that is halved has its own."""
    sent: list[tuple[str, ...]] = []

    def of(outgoing: OutgoingRequest, token: str) -> str:
        ids = "+".join(payload.id for payload in outgoing.payloads)
        return hashlib.sha256(f"{token} {ids} ".encode() + (outgoing.body or b"")).hexdigest()

    def extend(outgoing: OutgoingRequest) -> RequestOptions:
        return RequestOptions(headers={"X-Signed": of(outgoing, outgoing.settings.token)})

    async def countersign(outgoing: OutgoingRequest, handler: Handler) -> Response:
        assert (outgoing.instance, outgoing.subscription) == ("wild", SUBSCRIPTION)
        outgoing.headers["X-Countersigned"] = of(outgoing, outgoing.settings_as(Ours).token)
        return await handler(outgoing)

    async def partner(outgoing: OutgoingRequest) -> Response:
        ids = _json.loads(outgoing.body or b"[]")
        text = f"{TOKEN} {'+'.join(ids)} ".encode() + (outgoing.body or b"")
        digest = hashlib.sha256(text).hexdigest()
        assert outgoing.headers["X-Signed"] == outgoing.headers["X-Countersigned"] == digest
        sent.append(tuple(ids))
        status = 400 if len(ids) > 1 else 200
        return Response(status=status, headers={}, body=b"", url=outgoing.url)

    async def perform_batch(request: Request[Any], payloads: Sequence[Any]) -> None:
        await request.post(URL, json=[payload.id for payload in payloads])

    catalog = wild(perform_batch=perform_batch, extend_request=extend)
    got = await outcomes(tmp_path, catalog, "m1", "m2", transport=partner, middleware=[countersign])
    assert [stage for stage, *_ in got] == ["delivered", "delivered"]
    assert sent == [("m1", "m2"), ("m1",), ("m2",)]


async def test_a_request_outside_actions_has_no_payloads(tmp_path: Path) -> None:
    """It has the settings all the same; settings by a class that they do not fit are an error."""
    seen: list[OutgoingRequest] = []

    async def partner(outgoing: OutgoingRequest) -> Response:
        seen.append(outgoing)
        return await well(outgoing)

    @attrs.frozen
    class More:
        region: str = setting()

    await make_small_runtime(partner).client().get(URL)
    [outgoing] = seen
    assert list(outgoing.payloads) == []
    assert outgoing.settings.token == TOKEN
    assert TOKEN not in repr(outgoing)
    with pytest.raises(ConfigError, match="region"):
        outgoing.settings_as(More)


async def test_the_cache_of_an_instance_serves_its_deliveries_until_its_settings_change(
    tmp_path: Path,
) -> None:
    """One token for many events; a dry run makes none; other settings begin with an empty cache."""
    made: list[str] = []

    async def perform(request: Request[Any], payload: Any) -> None:
        async def make() -> str:
            await request.post(URL)
            if not request.explaining:
                made.append(request.settings.token)
            return "token"

        await request.cache.get_or_make("token", make, expires=timedelta(hours=1))
        await request.post(URL)

    catalog = wild(perform=perform)
    before = config(catalog)
    async with running(tmp_path, catalog) as (engine, ledger):
        await engine.apply(before)
        await engine.explain(SUBSCRIPTION, event("m0"))
        await engine.accept("site", [event(f"m{n}") for n in range(1, 6)])
        await asyncio.gather(*(deliveries_of(ledger, f"m{n}") for n in range(1, 6)))
        assert len(made) == 1
        explained = await engine.explain(SUBSCRIPTION, event("m0"))
        assert "earlier" not in explained["request"]  # the dry run finds the token
        changed = attrs.evolve(before.instances["wild"], settings={"token": "other"})
        await engine.apply(attrs.evolve(before, instances={"wild": changed}))
        await engine.accept("site", [event("m6")])
        await deliveries_of(ledger, "m6")
    assert len(made) == 2


def test_no_instance_sees_the_cache_of_another() -> None:
    """Each instance has a cache of its own."""
    one, other = make_small_runtime(well), make_small_runtime(well)
    one.client().cache.set("token", "of one", expires=timedelta(hours=1))
    assert one.client().cache.get("token") == "of one"
    assert other.client().cache.get("token") is None
