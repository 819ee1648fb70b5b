"""The webhook as a destination: its two actions, the test of an instance, presets, the sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final

from offramp import (
    Action,
    Batch,
    DeliveryError,
    Destination,
    Fault,
    InvalidAuthenticationError,
    OutgoingRequest,
    Preset,
    Request,
    RequestOptions,
    Sandbox,
    dumps,
    join_url,
)
from offramp_webhook.message import Message, refusals
from offramp_webhook.sandbox import SANDBOX_SECRET, SANDBOX_TOKEN, start_sandbox
from offramp_webhook.settings import Settings, receiver_of
from offramp_webhook.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    message_id,
    sign,
)

#: Bytes of a batch. nginx refuses bodies above 1 MiB unless it is told otherwise
#: (`client_max_body_size`); a receiver that takes less answers 413, and the host halves the batch.
MAX_BATCH_BYTES: Final = 1_000_000
#: Events that differ in one of these fields cannot share a request.
BATCH_KEYS: Final = ("method", "path", "headers")

REFUSED: Final = (401, 403)
#: The id of the request that tests an instance; it carries no event.
TEST_ID: Final = "offramp-test"
EVERY_TYPE: Final = 'type in ["track", "identify", "page", "screen", "group", "alias"]'


class _Sending(Action[Settings, Message]):
    """What both actions have in common."""

    def validate(self, payload: Message, **_: object) -> Iterable[Fault]:
        """Headers that cannot be sent."""
        return refusals(payload)


class Send(_Sending):
    """Sends each event in a request of its own: the body is a JSON object."""

    slug = "send"
    title = "Send"
    description = "Send each event in a request of its own, as a JSON object"

    async def perform(self, request: Request[Settings], payload: Message) -> None:
        """Send one event."""
        await send_messages(request, [payload], dumps(payload.data))


class SendBatch(_Sending):
    """Sends many events in a request: the body is a JSON array, also for a single event.

    There is no `perform`, so the host sends a single event as a batch of one.
    """

    slug = "sendBatch"
    title = "Send in Batches"
    description = "Send many events in a request, as a JSON array"
    batch = Batch(max_bytes=MAX_BATCH_BYTES, keys=BATCH_KEYS)

    async def perform_batch(self, request: Request[Settings], payloads: Sequence[Message]) -> None:
        """Send events that share method, path and headers; the receiver takes all or none."""
        await send_messages(request, payloads, dumps([each.data for each in payloads]))


async def send_messages(
    request: Request[Settings], messages: Sequence[Message], body: bytes
) -> None:
    """Send messages that share method, path and headers; `body` has the data of all of them."""
    receiver = receiver_of(request.settings)
    first = messages[0]
    # Without segments the URL stays as it is, with a slash at its end if it has one.
    url = join_url(receiver.url, *first.segments) if first.segments else receiver.url
    await request.send(first.method, url, data=body)


def add_headers(outgoing: OutgoingRequest) -> RequestOptions:
    """All headers of a request: our own replace those of the settings, and these a mapping's.

    The timestamp is that of this attempt, so that a receiver can refuse a recorded request that
    somebody sends again later.
    """
    receiver = receiver_of(outgoing.settings_as(Settings))
    messages: Sequence[Message] = outgoing.payloads
    ids = [each.message_id for each in messages]
    request_id = message_id(ids) if ids else TEST_ID
    timestamp = int(time.time())
    headers = {"Content-Type": "application/json", **messages[0].header_texts()} if messages else {}
    headers |= {**receiver.headers, ID_HEADER: request_id, TIMESTAMP_HEADER: str(timestamp)}
    if receiver.keys:
        headers[receiver.signature_header] = sign(
            outgoing.body or b"", message_id=request_id, timestamp=timestamp, keys=receiver.keys
        )
    return RequestOptions(headers=headers)


async def check_receiver(request: Request[Settings]) -> None:
    """Send a signed HEAD, which by RFC 9110 changes nothing at the receiver.

    Raises `InvalidAuthenticationError` if a setting is wrong or the receiver refuses, and
    `DeliveryError` if its answer says neither: many receivers accept only the method of events.
    """
    receiver = receiver_of(request.settings)
    answer = await request.send("HEAD", receiver.url, check=False)
    if answer.status in REFUSED:
        raise InvalidAuthenticationError(
            f"the receiver answered {answer.status} to a HEAD request: check `headers`, "
            "`urlSecret` and `signingSecret`"
        )
    if not answer.ok:
        raise DeliveryError(
            f"the receiver answered {answer.status} to a HEAD request, which does not say whether "
            "it takes events: send a test event",
            status=answer.status,
        )


webhook = Destination(
    slug="webhook",
    name="Webhook",
    description="Any HTTP endpoint",
    settings=Settings,
    actions=[Send, SendBatch],
    presets=[
        Preset(name="Send track events", action="send", trigger='type = "track"'),
        Preset(name="Send all events in batches", action="sendBatch", trigger=EVERY_TYPE),
    ],
    extend_request=add_headers,
    test_authentication=check_receiver,
    sandbox=Sandbox(
        label="Webhook receiver",
        description=(
            "A receiver on this machine, which checks each signature and shows what arrived. It "
            "keeps the latest requests, up to 5 MB, until it stops."
        ),
        settings={
            "url": "https://receiver.example",
            "urlSecret": "/hooks",
            "headers": {"Authorization": f"Bearer {SANDBOX_TOKEN}"},
            "signingSecret": SANDBOX_SECRET,
            "signatureHeader": SIGNATURE_HEADER,
        },
        start=start_sandbox,
    ),
)
