"""Destinations that are each wrong in one way, and the test of the suite that has to say so."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

import attrs
from tests.testing.billing import OLDEST, SendUsage, Settings, Usage, billing, sandbox

from offramp import (
    Action,
    DeliveryError,
    Destination,
    Fault,
    Field,
    Idempotency,
    InvalidAuthenticationError,
    RejectedError,
    Request,
    RunningSandbox,
    literal,
    path,
    setting,
    wire,
)
from offramp.definition import fields_of

log = logging.getLogger(__name__)


@attrs.frozen
class Broken:
    """A destination, the test that finds the fault, and words of what it says."""

    destination: Destination
    test: str
    saying: str


def with_action(action: type[Action[Any, Any]]) -> Destination:
    return attrs.evolve(billing, actions=[action])


def with_preset(**changes: Any) -> Destination:
    preset = attrs.evolve(billing.presets[0], **changes)
    return attrs.evolve(billing, presets=[preset])


class Plain(Action[Settings, dict[str, Any]]):
    """Sends one event at a time, and has nothing wrong with it."""

    slug, title, description = "sendUsage", "Send usage", "Sends usage."
    fields = fields_of(Usage)

    async def perform(self, request: Request[Settings], payload: dict[str, Any]) -> None:
        await request.post(request.settings.url, json=payload)


def with_field(key: str, field: Field) -> Destination:
    class Changed(Plain):
        fields: ClassVar = {**Plain.fields, key: field}

    return with_action(Changed)


def note(**properties: Any) -> Destination:
    return with_field(
        "note", Field(**{"label": "Note", "description": "A note.", "type": "string", **properties})
    )


class Untitled(Plain):
    title = ""


class WrongDefaultTrigger(Plain):
    default_trigger = "type = "


class OptionalKey(Plain):
    fields: ClassVar = {
        **Plain.fields,
        "key": Field(label="Key", description="Known for a month.", type="string"),
    }
    idempotency = Idempotency(key="key", window=OLDEST)


@attrs.frozen
class OpenSettings(Settings):
    signing: str = setting(key="signingSecret", description="For signatures.")


@attrs.frozen
class WordlessSettings(Settings):
    region: str = setting()


class Logging(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        log.info("sending with %s", request.settings.api_token)
        await super().perform(request, payload)


class Printing(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        print(request.settings.api_token)  # noqa: T201 - this is the fault
        await super().perform(request, payload)


class Sleeping(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        time.sleep(1.5)  # noqa: ASYNC251 - this is the fault
        await super().perform(request, payload)


class Swallowing(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        await request.post(request.settings.url, json=wire(payload), check=False)


class GivingUp(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        try:
            await super().perform(request, payload)
        except DeliveryError as error:
            raise RejectedError(str(error)) from error


class GivingUpBatches(SendUsage):
    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Usage]) -> None:
        try:
            await super().perform_batch(request, payloads)
        except DeliveryError as error:
            raise RejectedError(str(error), status=error.status) from error


class GivingUpOnSilence(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        try:
            await super().perform(request, payload)
        except TimeoutError as error:
            raise RejectedError("no answer") from error


async def believe(request: Request[Settings]) -> None:
    """Takes whatever comes for good."""
    await request.get(request.settings.url, check=False)


async def let_pass(request: Request[Settings]) -> None:
    """Tells bad credentials as any other failure."""
    await request.get(request.settings.url)


async def suspect(request: Request[Settings]) -> None:
    """Blames the credentials for an outage."""
    if not (await request.get(request.settings.url, check=False)).ok:
        raise InvalidAuthenticationError("the token is refused")


async def blame(request: Request[Settings]) -> None:
    """Blames the credentials for silence."""
    try:
        answer = await request.get(request.settings.url, check=False)
    except DeliveryError as error:
        raise InvalidAuthenticationError("the token is refused") from error
    if answer.status in (401, 403):
        raise InvalidAuthenticationError("the token is refused")
    if not answer.ok:
        raise DeliveryError("an outage", status=answer.status)


async def refuse_all(request: Request[Settings]) -> None:
    raise InvalidAuthenticationError("the token is refused")


class OtherBatches(SendUsage):
    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Usage]) -> None:
        body = [{**wire(each), "at": each.at.timestamp()} for each in payloads]
        await request.post(request.settings.url, json=body)


class LosingBatches(SendUsage):
    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Usage]) -> None:
        await super().perform_batch(request, payloads[1:])


class HidingBatches(SendUsage):
    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Usage]) -> None:
        body = [wire(each) for each in payloads]
        await request.post(request.settings.url, json=body, check=False)


class HarshBatches(SendUsage):
    async def perform_batch(
        self, request: Request[Settings], payloads: Sequence[Usage]
    ) -> list[DeliveryError | None]:
        """Tells every event of a refused batch to be bad, which stops the search for it."""
        try:
            await super().perform_batch(request, payloads)
        except DeliveryError as error:
            if error.status != 400:
                raise
            return [RejectedError("refused") for _ in payloads]
        return [None for _ in payloads]


class OneMode(SendUsage):
    """Knows how to add, and nothing else."""

    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        if request.sync_mode != "add":
            raise KeyError(request.sync_mode)
        await super().perform(request, payload)


class SwallowingInOneMode(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        body = wire(payload)
        check = request.sync_mode == "add"
        await request.post(request.settings.url, json=body, check=check)


class OtherBatchesInOneMode(SendUsage):
    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Usage]) -> None:
        taken = payloads if request.sync_mode == "add" else payloads[1:]
        await super().perform_batch(request, taken)


class HidingBatchesInOneMode(SendUsage):
    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Usage]) -> None:
        body = [wire(each) for each in payloads]
        check = request.sync_mode == "add"
        await request.post(request.settings.url, json=body, check=check)


class Refusing(SendUsage):
    def validate(self, payload: Usage, **_: object) -> list[Fault]:
        """Takes no event at all."""
        return [Fault("$.customer", "is not a customer")]


class NotAwaiting(Plain):
    async def perform(self, request: Request[Settings], payload: dict[str, Any]) -> None:
        request.post(request.settings.url, json=payload)  # type: ignore[unused-coroutine]


class Silent(Plain):
    async def perform(self, request: Request[Settings], payload: dict[str, Any]) -> None:
        """Forgets what it is for."""


class UnquotedPath(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        url = f"{request.settings.url}/usage/{payload.id}"
        await request.put(url, json=wire(payload))


class HalfQuotedPath(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        """`quote` leaves slashes as they are."""
        url = f"{request.settings.url}/usage/{quote(payload.id.replace('.', ''))}"
        await request.put(url, json=wire(payload))


class UnquotedQuery(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        url = f"{request.settings.url}/usage?id={payload.id.partition('/')[0]}"
        await request.post(url, json=wire(payload))


class BreakingId(SendUsage):
    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        if "/" in payload.id:
            raise KeyError(payload.id)
        await super().perform(request, payload)


def authenticating(check: Any) -> Destination:
    return attrs.evolve(billing, test_authentication=check)


def with_sandbox(**changes: Any) -> Destination:
    return attrs.evolve(billing, sandbox=attrs.evolve(sandbox, **changes))


@asynccontextmanager
async def broken_start() -> AsyncIterator[RunningSandbox]:
    """A sandbox that finds no port."""
    async with sandbox.start() as running:
        if running.url:
            raise OSError("no port is free")
        yield running


@asynccontextmanager
async def listing_start() -> AsyncIterator[RunningSandbox]:
    """A sandbox whose list is not JSON data."""
    async with sandbox.start() as running:
        yield attrs.evolve(running, received=lambda: [{"at": object()}])


BROKEN: dict[str, Broken] = {
    "an action without a title": Broken(
        with_action(Untitled),
        "test_actions_and_fields_are_described",
        "action 'sendUsage' has no title",
    ),
    "a field without a description": Broken(
        note(description=""),
        "test_actions_and_fields_are_described",
        "field of sendUsage, 'note': has no description",
    ),
    "a setting without a description": Broken(
        attrs.evolve(billing, settings=WordlessSettings),
        "test_actions_and_fields_are_described",
        "setting, 'region': has no description",
    ),
    "no actions": Broken(
        attrs.evolve(billing, actions=[], presets=[]),
        "test_it_can_be_declared",
        "declares no action",
    ),
    "a preset of an action that is none": Broken(
        with_preset(action="sendUsages"),
        "test_it_can_be_declared",
        "sendUsages",
    ),
    "a preset with a field that is none": Broken(
        with_preset(mapping={"costumer": path("$.userId")}),
        "test_it_can_be_declared",
        "costumer",
    ),
    "a request that is not awaited": Broken(
        with_action(NotAwaiting),
        "test_defaults_make_payloads",
        "did not await it: POST",
    ),
    "an action that sends nothing": Broken(
        with_action(Silent),
        "test_defaults_make_payloads",
        "sent nothing: send a request",
    ),
    "an action that blocks the event loop": Broken(
        with_action(Sleeping),
        "test_defaults_make_payloads",
        "in Sleeping.perform for the instance test: nothing else has run for 1.",
    ),
    "a trigger of a preset that is no FQL": Broken(
        with_preset(trigger="type = "),
        "test_triggers_are_valid",
        "preset 'Usage'",
    ),
    "a default trigger that is no FQL": Broken(
        with_action(WrongDefaultTrigger),
        "test_triggers_are_valid",
        "action 'sendUsage'",
    ),
    "a trigger that nothing matches": Broken(
        with_preset(trigger='type = "track" and type = "identify"'),
        "test_presets_deliver",
        "no event could be made that its trigger matches",
    ),
    "a preset whose mapping fails": Broken(
        with_preset(mapping={"at": literal("yesterday-ish")}),
        "test_presets_deliver",
        "preset 'Usage' does not deliver",
    ),
    "a default mapping that cannot be compiled": Broken(
        note(default={"@pathe": "$.userId"}),
        "test_mappings_are_valid",
        "default mapping of sendUsage",
    ),
    "a key of a default mapping that goes nowhere": Broken(
        note(type="object", properties=fields_of(Usage), default={"quantiy": path("$.userId")}),
        "test_mappings_are_valid",
        "default mapping of sendUsage, 'note.quantiy': 'quantiy' is no property of the object",
    ),
    "a default mapping that looks nowhere": Broken(
        note(default=path("$.contxt.note")),
        "test_mappings_are_valid",
        "no event has '$.contxt.note'",
    ),
    "a default mapping of the wrong type": Broken(
        note(type="integer", default=literal("several")),
        "test_defaults_make_payloads",
        "$.note",
    ),
    "an idempotency key that may be absent": Broken(
        with_action(OptionalKey),
        "test_idempotency_keys_are_required",
        "'key' is not always present",
    ),
    "a default that is not JSON": Broken(
        note(default=datetime(2026, 1, 1, tzinfo=UTC)),
        "test_manifest_keeps_everything",
        "which is not JSON",
    ),
    "a secret that is no password": Broken(
        attrs.evolve(billing, settings=OpenSettings),
        "test_secrets_are_declared",
        "setting, 'signingSecret': looks like a secret by its name",
    ),
    "a secret field that is not marked": Broken(
        note(label="Access token", default=literal("t")),
        "test_secrets_are_declared",
        "field of sendUsage, 'note': looks like a secret by its name",
    ),
    "a secret in the log": Broken(
        with_action(Logging),
        "test_secrets_are_never_shown",
        "is not masked in the log",
    ),
    "a secret printed": Broken(
        with_action(Printing),
        "test_secrets_are_never_shown",
        "is not masked in what was printed",
    ),
    "a status that is not looked at": Broken(
        with_action(Swallowing),
        "test_statuses_are_retried_rightly",
        "where the partner answers 500, an event should end retrying, but came out delivered",
    ),
    "an outage taken for a refusal": Broken(
        with_action(GivingUp),
        "test_statuses_are_retried_rightly",
        "where the partner answers 429, an event should end retrying, but came out rejected",
    ),
    "an outage taken for a refusal of a batch": Broken(
        with_action(GivingUpBatches),
        "test_statuses_are_retried_rightly",
        "each of 2 events in a batch should end retrying, but came out rejected",
    ),
    "a mode that the action does not know": Broken(
        with_action(OneMode),
        "test_defaults_make_payloads",
        "action 'sendUsage' in the sync mode 'delete': an event made for all fields was not",
    ),
    "a status that is not looked at in one mode": Broken(
        with_action(SwallowingInOneMode),
        "test_statuses_are_retried_rightly",
        "action 'sendUsage' in the sync mode 'delete': where the partner answers 400",
    ),
    "batches that lose an event in one mode": Broken(
        with_action(OtherBatchesInOneMode),
        "test_batch_equals_single",
        "action 'sendUsage' in the sync mode 'delete': a batch does not carry",
    ),
    "batches whose refusal is not looked at in one mode": Broken(
        with_action(HidingBatchesInOneMode),
        "test_one_bad_event_harms_no_other",
        "action 'sendUsage' in the sync mode 'delete': the partner refuses event 4 of 5",
    ),
    "an action that refuses every event": Broken(
        with_action(Refusing),
        "test_statuses_are_retried_rightly",
        "nothing was sent, so the partner was never asked: fix the action, or override `event`",
    ),
    "silence taken for a refusal": Broken(
        with_action(GivingUpOnSilence),
        "test_silence_is_retried",
        "where there is no answer in time, an event should end retrying, but came out rejected",
    ),
    "no test of the credentials": Broken(
        attrs.evolve(billing, test_authentication=None),
        "test_bad_credentials_are_told",
        "no `test_authentication`",
    ),
    "bad credentials that pass": Broken(
        authenticating(believe),
        "test_bad_credentials_are_told",
        "with a partner answering 401, credentials should be refused",
    ),
    "bad credentials told as a failure": Broken(
        authenticating(let_pass),
        "test_bad_credentials_are_told",
        "with a partner answering 403, credentials should be refused",
    ),
    "an outage told as bad credentials": Broken(
        authenticating(suspect),
        "test_bad_credentials_are_told",
        "with a partner answering 500, credentials should be neither good nor bad",
    ),
    "silence told as bad credentials": Broken(
        authenticating(blame),
        "test_bad_credentials_are_told",
        "with no answer in time, credentials should be neither good nor bad",
    ),
    "good credentials told as bad": Broken(
        authenticating(refuse_all),
        "test_bad_credentials_are_told",
        "with a partner without faults, credentials should pass",
    ),
    "a sandbox that does not start": Broken(
        with_sandbox(start=broken_start),
        "test_its_sandbox_can_be_used",
        "did not start: OSError: no port is free",
    ),
    "a sandbox that refuses its own token": Broken(
        with_sandbox(settings={"apiToken": "not-the-token"}),
        "test_its_sandbox_can_be_used",
        "with the sandbox, credentials should pass",
    ),
    "a sandbox that lists objects": Broken(
        with_sandbox(start=listing_start),
        "test_its_sandbox_can_be_used",
        "lists what is not JSON data as received",
    ),
    "an id in the path unquoted": Broken(
        with_action(UnquotedPath),
        "test_hostile_ids_keep_the_address",
        "the address cannot be sent; build the address with offramp.join_url",
    ),
    "an id in the path half quoted": Broken(
        with_action(HalfQuotedPath),
        "test_hostile_ids_keep_the_address",
        "a request goes to another path",
    ),
    "an id in the query unquoted": Broken(
        with_action(UnquotedQuery),
        "test_hostile_ids_keep_the_address",
        "a request has another query",
    ),
    "an id that breaks the action": Broken(
        with_action(BreakingId),
        "test_hostile_ids_keep_the_address",
        "the action breaks",
    ),
    "batches written otherwise": Broken(
        with_action(OtherBatches),
        "test_batch_equals_single",
        "does not carry what was sent for each event alone",
    ),
    "batches that lose an event": Broken(
        with_action(LosingBatches),
        "test_batch_equals_single",
        "does not carry what was sent for each event alone",
    ),
    "batches whose refusal is not looked at": Broken(
        with_action(HidingBatches),
        "test_one_bad_event_harms_no_other",
        "that one alone should be rejected",
    ),
    "batches rejected as a whole": Broken(
        with_action(HarshBatches),
        "test_one_bad_event_harms_no_other",
        "that one alone should be rejected",
    ),
}
