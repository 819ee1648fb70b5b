"""The whole way to Metronome: the request that an event becomes, here and at Segment."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cache
from typing import Any

from tests.conformance.events import DATES, EVENTS, TEXTS, key, members, scalar, value
from tests.conformance.source import Source

from offramp import _json
from offramp.config import Instance, Subscription
from offramp.definition import Handler, OutgoingRequest, Response
from offramp.delivery import (
    InstanceRuntime,
    Plan,
    compile_subscription,
    explain,
    make_runtime,
)
from offramp.errors import ConfigError, DeliveryError
from offramp.plugins import Catalog, load_catalog, load_plugins

SLUG, ACTION, TRIGGER = "metronome-actions", "sendEvent", 'type = "track"'
SETTINGS = {"apiToken": "a-token"}
#: Where the present is put beside an event, so that Metronome finds it neither too new (24 hours
#: ahead) nor too old (34 days). In the first years that there are it cannot lie before the event.
AHEAD, BEHIND = timedelta(hours=23), timedelta(days=34)
MIDDLE_YEAR = 5000
EVENTS_PER_CASE = 4
#: The headers by which Metronome knows who asks and what comes.
HEADERS = ("authorization", "content-type")
MAPPING = {
    "transaction_id": {"@path": "$.messageId"},
    "customer_id": {"@path": "$.context.groupId"},
    "timestamp": {"@path": "$.timestamp"},
    "event_type": {"@path": "$.event"},
    "properties": {"@path": "$.properties"},
}
#: Numbers as timestamps: milliseconds since 1970, and what some take for them.
EPOCHS = (1706704200000, 1706704200123, 1706704200, 0, -1, 253402214399999, 1)


def make(source: Source) -> dict[str, Any]:
    """Usage events, mapped as by default or nearly so."""
    mapping: dict[str, Any] = dict(MAPPING)
    if source.chance(25):
        mapping[source.pick(list(MAPPING))] = source.pick(
            (
                {"@path": "$.userId"},
                {"@path": "$.properties.a"},
                {"@template": "{{messageId}}-{{userId}}"},
                {"a": {"@path": "$.properties.a"}, "b": {"@path": "$.traits"}},
                "fixed",
                {"@path": "$.originalTimestamp"},
            )
        )
    made = [usage_event(source) for _ in range(EVENTS_PER_CASE)]
    return {
        "kind": "metronome",
        "trigger": TRIGGER,
        "mapping": mapping,
        "settings": SETTINGS,
        "events": made,
    }


def usage_event(source: Source) -> dict[str, Any]:
    """An event such as Metronome bills by, and some that it cannot."""
    made: dict[str, Any] = {
        "type": "track",
        "event": source.pick(EVENTS),
        "messageId": source.pick(("m1", "uuid-2", "x" * 128)),
        "context": {"groupId": source.pick(("acme", "ü", "5"))},
        "timestamp": _timestamp(source),
        "properties": members(source),
    }
    if source.chance(25):
        made[source.pick((*made, "userId"))] = value(source, 2)
    if source.chance(10):
        del made[source.pick(list(made))]
    if source.chance(20):
        made[source.pick(("userId", "originalTimestamp", key(source)))] = source.pick(TEXTS)
    return made


def _timestamp(source: Source) -> Any:
    if source.chance(60):
        return source.pick(DATES)
    return source.pick(EPOCHS) if source.chance(70) else scalar(source)


def our_requests(case: dict[str, Any]) -> list[dict[str, Any]]:
    """What Offramp would send for each event: its `explain`, which sends nothing."""
    return asyncio.run(_our_requests(case))


async def _our_requests(case: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        plan = make_plan(case["trigger"], case["mapping"])
    except ConfigError as error:
        return [{"error": str(error)} for _ in case["events"]]
    return [await _our_request(plan, case["settings"], event) for event in case["events"]]


async def _our_request(
    plan: Plan, settings: dict[str, Any], event: dict[str, Any]
) -> dict[str, Any]:
    if not plan.matches(event):
        return {"value": []}
    seen: list[OutgoingRequest] = []
    runtime = make_watched_runtime(settings, seen)
    answer = await explain(plan, runtime, event, now=time_of(plan, event))
    if answer["errors"]:
        return {"error": "\n".join(error["detail"] for error in answer["errors"])}
    [outgoing] = seen
    shown = answer["request"]
    assert (shown["method"], shown["url"]) == (outgoing.method, outgoing.url)
    return {"value": [request_of(outgoing.method, outgoing.url, outgoing.headers, outgoing.body)]}


def request_of(method: str, url: str, headers: Any, body: Any) -> dict[str, Any]:
    """A request in the form in which two are compared; the headers that matter are named."""
    known = {name.lower(): value for name, value in headers.items()}
    return {
        "method": method,
        "url": url,
        "headers": {name: known.get(name) for name in HEADERS},
        "body": _json.loads(body),
    }


def their_requests(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Segment's requests in the same form."""
    for answer in answers:
        if "value" in answer:
            answer["value"] = [request_of(**sent) for sent in answer["value"]]
    return answers


def time_of(plan: Plan, event: dict[str, Any]) -> float:
    """A present at which the event is neither too old nor too new for Metronome."""
    try:
        _, payload = plan.make(plan.transform(event))
    except (DeliveryError, ValueError):
        return 0
    late = payload.timestamp.year > MIDDLE_YEAR
    at = payload.timestamp + (-AHEAD if late else BEHIND)
    return float(at.timestamp())


@cache
def catalog() -> Catalog:
    """What is installed."""
    return load_catalog(load_plugins())


def make_plan(trigger: str, mapping: dict[str, Any]) -> Plan:
    """A subscription to Metronome, compiled."""
    subscription = Subscription(
        id="conformance/one",
        name="one",
        instance="conformance",
        action=ACTION,
        trigger=trigger,
        mapping=mapping,
    )
    instance = Instance(name="conformance", source="conformance", destination=SLUG)
    return compile_subscription(
        subscription, catalog()[SLUG], catalog().directives, instance=instance
    )


def make_watched_runtime(settings: dict[str, Any], seen: list[OutgoingRequest]) -> InstanceRuntime:
    """An instance whose requests are seen as they would leave, before explaining ends them."""

    async def watch(outgoing: OutgoingRequest, handler: Handler) -> Response:
        seen.append(outgoing)
        return await handler(outgoing)

    async def unreachable(outgoing: OutgoingRequest) -> Response:
        raise AssertionError(f"explaining sent a request to {outgoing.url}")

    instance = Instance(name="conformance", source="site", destination=SLUG)
    return make_runtime(
        instance, catalog()[SLUG], settings, transport=unreachable, middleware=[watch]
    )
