"""Explains the outcome of a delivery: conditions, errors, what to change, which command to run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from offramp import _json
from offramp.api.candidates import compiled_saved
from offramp.api.host_context import HostContext
from offramp.api.shapes import WhyShape
from offramp.api.times import write_time
from offramp.delivery import NOT_CREATED
from offramp.delivery.disabled import KINDS, why_disabled
from offramp.delivery.pausing import PAUSED_TOO_LONG
from offramp.delivery.router import BROKEN, NO_MATCH, SWITCHED_OFF
from offramp.errors import AddressRefusedError, BudgetError, OfframpError, TransformError
from offramp.fql import generate
from offramp.http import EGRESS_REMEDY
from offramp.pointers import ErrorShape, keys_of
from offramp.queue import Delivery, Reason, Stage, split_delivery_id
from offramp.storage import DamagedRange

#: Longer values of an event are cut, in characters.
MAX_VALUE_CHARACTERS: Final = 60
#: Reasons that the mapping causes.
_OF_THE_MAPPING: Final = frozenset(
    {"PAYLOAD_VALIDATION_FAILED", TransformError.code, BudgetError.code}
)
_NOT_SENT: Final = (
    "the plugin made a request that cannot be sent: fix the plugin, or the settings and values"
    " in its address and headers"
)
#: What to do about reasons that the partner's answer does not explain.
_FIXES: Final[Mapping[str, str]] = {
    Reason.SUBSCRIPTION_REMOVED: "the subscription was removed meanwhile, and is there again: "
    "replay it",
    Reason.DAMAGED: "let its sender send it again; nothing is left of it to replay",
    PAUSED_TOO_LONG: "resume what is paused, and raise `max_paused_events` before another long "
    "pause",
    AddressRefusedError.code: f"{EGRESS_REMEDY}; then replay it",
    NOT_CREATED: "create the audience with `offramp audiences`, then replay it",
    "INVALID_AUDIENCE_SETTINGS": "correct the settings where the event is sent, or let it leave "
    "them out, so that it gets those of the instance",
    "INVALID_URL": _NOT_SENT,
    "INVALID_REQUEST": _NOT_SENT,
    "PLUGIN_FAILED": "fix the plugin, and replay it if the partner does not have it",
}
#: A stored event stays as it was sent, and its id is dropped as a duplicate for a day.
_SEND_ANOTHER: Final = "or send a corrected event under another messageId"
_FIX_THE_MAPPING: Final = f"change the mapping and replay it, {_SEND_ANOTHER}"
_OF_THE_CREDENTIALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


async def why(
    host: HostContext, delivery: Delivery, event: dict[str, Any] | None
) -> WhyShape | None:
    """Explain one delivery by its present subscription; `None` if it was delivered."""
    if delivery.stage is Stage.DELIVERED:
        return None
    if delivery.subscription not in host.config.subscriptions:
        return None if delivery.stage is Stage.WAITING else _of_removed(delivery)
    if delivery.stage in (Stage.WAITING, Stage.RETRYING):
        return _of_unfinished(host, delivery)
    explanation = await _explained(host, delivery, event)
    if delivery.stage is Stage.FILTERED:
        return _of_filtered(host, delivery, event, explanation)
    return _of_dead(host, delivery, explanation)


def failing(trigger: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Find the single conditions that make a trigger false."""
    if trigger["result"]:
        return
    if trigger.get("operator") in {"and", "or"}:
        for child in trigger["children"]:
            yield from failing(child)
    else:
        yield trigger


def found(condition: Mapping[str, Any]) -> str:
    """Describe what a condition found in the event: `userId is "ada"`, or that it is missing."""
    if "actual" in condition:
        paths = [f"{path} is {_short(value)}" for path, value in condition["actual"].items()]
        return " and ".join(paths) or "the event has nothing there"
    return " and ".join(filter(None, map(found, condition.get("children", ()))))


async def _explained(
    host: HostContext, delivery: Delivery, event: dict[str, Any] | None
) -> dict[str, Any] | None:
    if event is None:
        return None
    try:
        async with compiled_saved(host, delivery.subscription) as candidate:
            return await candidate.explain(event)
    except OfframpError:  # it no longer compiles: the status of the host says why
        return None


def _of_removed(delivery: Delivery) -> WhyShape:
    if delivery.stage is Stage.FILTERED or delivery.reason == Reason.DAMAGED:
        return _why(f"{_said(delivery)}; the subscription was deleted since")
    return _why(
        f"{_said(delivery)}; the subscription was deleted since",
        fix="replay it into another subscription, or create this one again with the same id",
        replay=f"{_command(delivery)} --into SUBSCRIPTION",
    )


def _of_unfinished(host: HostContext, delivery: Delivery) -> WhyShape | None:
    """Explain what a delivery waits for; `None` if it only waits for its first attempt."""
    if (known := _damaged(host, delivery)) is not None:
        return _why(
            "its event and those stored with it are damaged on disk, so it is not sent: "
            f"{known.cause}",
            fix="restore the events, or let their sender send them again and end these deliveries "
            "with `offramp damaged --expire`",
        )
    tried = delivery.stage is Stage.RETRYING
    obstacle = _obstacle(host, delivery.subscription)
    if obstacle is None:
        return _why(f"it is retried automatically: {_said(delivery)}") if tried else None
    last = f"; its last attempt: {_said(delivery)}" if tried else ""
    return _why(f"it waits, as {obstacle}{last}")


def _damaged(host: HostContext, delivery: Delivery) -> DamagedRange | None:
    """The damage of a delivery that waits in its block; one that was tried has a copy."""
    numbers = split_delivery_id(delivery.id)
    if numbers is None or delivery.reason != Reason.ACCEPTED:
        return None
    return host.damage.range_of(numbers[0])


def _obstacle(host: HostContext, subscription: str) -> str | None:
    """Explain why a subscription sends nothing now; `None` if it sends."""
    if subscription in host.engine.withheld:
        return (
            "it was in flight at the backup that was restored, or came since: decide with "
            "`offramp restored` what becomes of the former"
        )
    for paused in host.engine.snapshot.paused:
        if subscription in paused.subscriptions:
            since = write_time(paused.since)
            resume = f"`offramp resume {shlex.quote(paused.id)}` lets it go on"
            return f"the {paused} is paused since {since}; {resume}"
    instance = host.config.subscriptions[subscription].instance
    hold = host.engine.held.get(instance)
    if hold is not None:
        return f"{instance} is held back: {hold.remedy}"
    places = (f"instances.{instance}", f"subscriptions.{subscription}")
    found = (f"{p} does not run: {host.problems[p]}" for p in places if p in host.problems)
    return next(found, None)


def _of_filtered(
    host: HostContext,
    delivery: Delivery,
    event: dict[str, Any] | None,
    explanation: Mapping[str, Any] | None,
) -> WhyShape:
    if delivery.reason == SWITCHED_OFF:
        chosen = _json.dumps((event or {}).get("integrations")).decode()
        text = f"the sender switched this destination off: integrations is {chosen}"
        return _why(text, fix="change `integrations` where the event is sent")
    if delivery.reason == BROKEN:
        fix = "fix the trigger; `offramp check` lists its errors"
        return _why("the subscription's trigger could not be compiled", fix=fix)
    if delivery.reason in KINDS:
        return _of_disabled(host, delivery)
    if explanation is None or delivery.reason != NO_MATCH:
        return _why(_said(delivery))
    if explanation["matches"]:
        text = "the trigger was changed since: the present one matches this event"
        fix = "send it through the present trigger, if it is still needed"
        replay = _command_of_filtered(delivery)
        return _why(text, fix=fix, trigger=explanation["trigger"], replay=replay)
    reasons = [f"{c['text']} is false ({found(c)})" for c in failing(explanation["trigger"])]
    text = "the trigger does not match: " + "; ".join(reasons)
    return _why(text, trigger=explanation["trigger"])


def _disabled(host: HostContext, delivery: Delivery) -> str:
    """Name what was disabled, by the reason of a delivery."""
    kind = KINDS[delivery.reason]
    thing = dict(host.config.holders_of(delivery.subscription))[kind]
    return f"{kind} {thing.key}"


def _of_disabled(host: HostContext, delivery: Delivery) -> WhyShape:
    """Explain what was disabled when an event came, and how to send what came meanwhile."""
    text = f"the {_disabled(host, delivery)} was disabled when the event came"
    if why_disabled(host.config, delivery.subscription) is None:
        return _why(text, fix="it is enabled now", replay=_command_of_filtered(delivery))
    which = f"--subscription {shlex.quote(delivery.subscription)} --reason {delivery.reason}"
    replay = f"`offramp replay --filtered {which} --since 7d`"
    return _why(text, fix=f"enable it; then {replay} sends what came meanwhile")


def _of_dead(
    host: HostContext, delivery: Delivery, explanation: Mapping[str, Any] | None
) -> WhyShape:
    errors: list[ErrorShape] = [] if explanation is None else explanation["errors"]
    if delivery.reason in _OF_THE_MAPPING:
        fix = _fix_of_mapping(explanation, errors)
    else:
        fix = _fix_of_answer(host, delivery)
    replay = None if delivery.reason == Reason.DAMAGED else _command(delivery)
    return _why(_said(delivery), fix=fix, errors=errors, replay=replay)


def _fix_of_mapping(explanation: Mapping[str, Any] | None, errors: Sequence[ErrorShape]) -> str:
    if explanation is None:
        return _FIX_THE_MAPPING
    if not errors:
        return "the present mapping has no fault with this event: replay it"
    fields = [keys[0] for error in errors if (keys := keys_of(error.get("pointer", "#")))]
    fixes = [_origin(key, explanation["fields"]) for key in dict.fromkeys(fields)]
    return "; ".join(fixes) or _FIX_THE_MAPPING


def _origin(key: str, fields: Mapping[str, Any]) -> str:
    """Describe where the faulty value comes from, and so what to change."""
    origin = next((c for c in fields["children"] if c["place"] == f"$.{key}"), None)
    if origin is None:
        return f"map {key} to a value that the event has"
    paths = ", ".join(origin["paths"])
    if not paths:
        return f"change what {key} is mapped to ({_short(origin['value'])})"
    if origin["found"]:
        return f"{key} comes from {paths}: map another path and replay it, {_SEND_ANOTHER}"
    return (
        f"{key} comes from {paths}, which this event lacks: map another path and replay it, "
        f"{_SEND_ANOTHER}"
    )


def _fix_of_answer(host: HostContext, delivery: Delivery) -> str:
    if delivery.reason in _FIXES:
        return _FIXES[delivery.reason]
    if delivery.reason in KINDS:
        return f"enable the {_disabled(host, delivery)}, then replay it"
    if delivery.stage is Stage.EXPIRED:
        return "it could not be delivered in time; once the partner answers, replay it"
    if delivery.status in _OF_THE_CREDENTIALS:
        instance = host.config.subscriptions[delivery.subscription].instance
        return f"the partner refuses the credentials of {instance}: change its settings"
    return f"the partner refused it, and its answer says why: {_FIX_THE_MAPPING}"


def _why(
    text: str,
    *,
    fix: str | None = None,
    trigger: Any = None,
    errors: Sequence[ErrorShape] = (),
    replay: str | None = None,
) -> WhyShape:
    return WhyShape(text=text, trigger=trigger, errors=[*errors], fix=fix, replay=replay)


def _said(delivery: Delivery) -> str:
    return delivery.message or delivery.reason


def _command(delivery: Delivery) -> str:
    return f"offramp replay {shlex.quote(delivery.id)}"


def _command_of_filtered(delivery: Delivery) -> str:
    """The command that sends one event, and no other, through the trigger as it is now."""
    where = {
        "type": "event-field",
        "name": "messageId",
        "operator": "=",
        "value": delivery.message_id,
    }
    given = {
        "subscription": delivery.subscription,
        # The times are written to the millisecond, cut off.
        "since": write_time(delivery.accepted_at),
        "until": write_time(delivery.accepted_at + 1),
        "where": generate({"type": "group", "operator": "and", "children": [where]}),
    }
    options = " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items())
    return f"offramp replay --filtered {options}"


def _short(value: Any) -> str:
    text = _json.dumps(value).decode()
    limit = MAX_VALUE_CHARACTERS
    return text if len(text) <= limit else text[: limit - 1] + "…"
