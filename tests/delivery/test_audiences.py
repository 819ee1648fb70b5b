"""Events that name an audience get what the instance knows of it; batches have one audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from tests.delivery.audience_parts import (
    LIST_SECRET,
    ListPartner,
    lists_catalog,
    member_event,
)

from offramp import _json
from offramp.cli.commands.bench import measure
from offramp.config import Instance, References, Subscription
from offramp.delivery import (
    InstanceRuntime,
    Plan,
    Preparation,
    compile_subscription,
    deliver_batch,
    explain,
    make_audiences,
    make_runtime,
)
from offramp.errors import DeliveryError

VIP = {"vip": {"name": "VIP", "external_id": "L1", "settings": {"secret": LIST_SECRET}}}
NOW = 1_700_000_000.0


def parts(
    partner: ListPartner, audiences: Mapping[str, Any], **mapping: Any
) -> tuple[InstanceRuntime, Plan]:
    """An instance with these audiences, and its compiled subscription."""
    entry = lists_catalog()["lists"]
    instance = Instance(name="l", source="site", destination="lists", audiences=audiences)
    subscription = Subscription(
        id="l/sync",
        name="sync",
        instance="l",
        action="sync",
        trigger='type = "identify"',
        mapping={**entry.action("sync").default_mapping, **mapping},
    )
    runtime = make_runtime(
        instance,
        entry,
        {"token": "s3cr3t-token"},
        transport=partner,
        audiences=make_audiences(instance, entry, References()),
    )
    return runtime, compile_subscription(subscription, entry, instance=instance)


async def sent(
    events: Sequence[Mapping[str, Any]], audiences: Mapping[str, Any] = VIP, **mapping: Any
) -> list[dict[str, Any]]:
    """The requests that some events make."""
    partner = ListPartner()
    runtime, plan = parts(partner, audiences, **mapping)
    made = Preparation(bodies=[_json.dumps(each) for each in events])
    assert plan.prepare(made, now=NOW, settings_of=None)
    assert not made.failures
    for batch in made.batches(plan.batch):
        for verdict in await deliver_batch(runtime, plan, batch):
            assert verdict.error is None
    return partner.bodies


async def test_an_event_gets_what_the_instance_knows_of_its_audience() -> None:
    """Id, settings with their defaults, and class are laid in, for the mapping and the action."""
    [body] = await sent([member_event("u1")])
    assert body == {
        "list": "L1",
        "name": "VIP",
        "kind": "email",
        "ids": ["u1"],
        "lists": ["L1"],
        "members": [True],
    }


async def test_what_an_event_carries_wins() -> None:
    """The id and the settings of the event are used where it has its own."""
    own: dict[str, Any] = {"external_audience_id": "E9", "audience_settings": {"listKind": "phone"}}
    [body] = await sent([member_event("u1", "vip", **own)])
    assert (body["list"], body["lists"], body["kind"]) == ("E9", ["E9"], "phone")


async def test_an_audience_that_is_not_declared_passes_as_it_is() -> None:
    """As in Segment's engine: what stands in the event is what the action gets."""
    event = member_event("u1", "other", computation_class="audience", external_audience_id="E1")
    [body] = await sent([event])
    assert (body["list"], body["name"], body["kind"]) == ("E1", "other", None)
    assert body["members"] == [True]


async def test_an_event_without_an_audience_has_none() -> None:
    """The action sees no audience, and no membership."""
    [body] = await sent([member_event("u1", None)])
    assert (body["list"], body["members"]) == (None, [None])


async def test_a_request_has_the_events_of_one_audience() -> None:
    """Events of two audiences never share a request, and keep their order within each."""
    keys = ["vip", "new", "vip", None, "new"]
    audiences = {**VIP, "new": {"external_id": "L2"}}
    events = [member_event(f"u{n}", key) for n, key in enumerate(keys)]
    bodies = await sent(events, audiences)
    assert [(each["list"], each["ids"]) for each in bodies] == [
        ("L1", ["u0", "u2"]),
        ("L2", ["u1", "u4"]),
        (None, ["u3"]),
    ]


async def test_the_action_gets_the_audience_though_the_mapping_reads_nothing_of_it() -> None:
    """What is laid in does not depend on what the mapping reads."""
    [body] = await sent([member_event("u1")], list="constant")
    assert (body["list"], body["lists"]) == ("L1", ["constant"])


async def test_settings_of_an_event_that_do_not_fit_are_the_event_s_fault() -> None:
    """The event is rejected; the others of its batch have other settings, and are delivered."""
    partner = ListPartner()
    runtime, plan = parts(partner, VIP)
    wrong = member_event("u2", audience_settings={"listKind": "fax"})
    made = Preparation(bodies=[_json.dumps(each) for each in (member_event("u1"), wrong)])
    assert plan.prepare(made, now=NOW, settings_of=None)
    errors = [
        verdict.error
        for batch in made.batches(plan.batch)
        for verdict in await deliver_batch(runtime, plan, batch)
    ]
    assert [each and each.code for each in errors] == [None, "INVALID_AUDIENCE_SETTINGS"]
    assert [each["ids"] for each in partner.bodies] == [["u1"]]


@pytest.mark.parametrize("mapping", [{}, {"list": "constant"}])
async def test_events_of_an_audience_that_is_not_created_wait(mapping: dict[str, Any]) -> None:
    """They are tried again with a reason that says what to do; events of others go on."""
    partner = ListPartner()
    _, plan = parts(partner, {**VIP, "new": {}}, **mapping)
    events = [
        member_event("u1", "new"),
        member_event("u2"),
        member_event("u3", "new", external_audience_id="E1"),
    ]
    made = Preparation(bodies=[_json.dumps(each) for each in events])
    assert plan.prepare(made, now=NOW, settings_of=None)
    assert list(made.failures) == [0]
    error = made.failures[0]
    assert isinstance(error, DeliveryError)
    assert (error.code, error.retryable) == ("AUDIENCE_NOT_CREATED", True)
    assert "`offramp audiences create l new`" in error.message
    assert len(made.payloads) == 2


async def test_an_explanation_says_where_a_value_came_from() -> None:
    """The audience, and the paths that the configuration fills; secrets of settings are masked."""
    runtime, plan = parts(
        ListPartner(), VIP, id={"@path": "$.context.personas.audience_settings.secret"}
    )
    own = member_event("u1", computation_class="journey_step")
    shown = await explain(plan, runtime, own, now=NOW)
    assert shown["audience"] == {
        "key": "vip",
        "name": "VIP",
        "paths": [
            "$.context.personas.external_audience_id",
            "$.context.personas.audience_settings",
        ],
    }
    assert shown["payload"]["list"] == "L1"
    assert LIST_SECRET not in str(shown)
    assert LIST_SECRET not in str(await explain(plan, None, own, now=NOW))
    assert own == member_event("u1", computation_class="journey_step")  # it is not written anew


async def test_an_instance_without_audiences_pays_nothing() -> None:
    """Nothing is read of an event for its audience if there is none, or if no path needs it."""
    _, plan = parts(ListPartner(), VIP, list="constant")
    assert plan.read(_json.dumps(member_event("u1"))) == {"userId": "u1"}
    other = attrs.evolve(plan, audiences=None)
    made = Preparation(bodies=[_json.dumps(member_event("u1"))])
    assert other.prepare(made, now=NOW, settings_of=None)
    assert made.group is None


def test_a_benchmark_maps_what_a_host_maps() -> None:
    """`offramp bench` lays the audience in too, so that a field that needs it is there."""
    plan = parts(ListPartner(), VIP, id={"@path": "$.context.personas.external_audience_id"})[1]
    cost = measure(plan, [member_event("u1")], seconds=0.0)
    assert (cost.matched, cost.rejected) == (1, 0)
