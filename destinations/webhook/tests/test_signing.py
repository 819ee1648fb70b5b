"""The signature: verified by another implementation than the one that makes it."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from offramp.testing import Answer, MakeIntegration, Partner, RecordedRequest, create_test_event
from offramp_webhook import webhook
from offramp_webhook.signing import key_of, message_id, sign

URL = "https://receiver.example/hooks"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER_SECRET = "whsec_b2xkZXItc2VjcmV0LW9mLTI0LWJ5dGVz"
#: Most seconds between sending and verifying. Source: the libraries of Standard Webhooks.
TOLERANCE = 5 * 60


class UnsignedError(Exception):
    """A request that a receiver must not trust."""


def verify(
    headers: Mapping[str, str], body: bytes, secret: str, *, header: str = "webhook-signature"
) -> None:
    """Verify a request as the specification says; raises `UnsignedError`."""
    given = {name.lower(): value for name, value in headers.items()}
    timestamp = given["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise UnsignedError("too old, or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for signature in given[header].split(" "):
        version, _, encoded = signature.partition(",")
        check = HMAC(key, SHA256())
        check.update(f"{given['webhook-id']}.{timestamp}.".encode() + body)
        try:
            check.verify(base64.b64decode(encoded))
        except InvalidSignature:
            continue
        if version == "v1":
            return
    raise UnsignedError("no signature matches")


async def sent(
    integration: MakeIntegration, partner: Partner, action: str, events: Any, **settings: Any
) -> RecordedRequest:
    """The one request with these events."""
    partner.otherwise(lambda _: Answer())
    made = integration(webhook, settings={"url": URL, "signingSecret": SECRET, **settings})
    (await made.test_action(action, events=events)).assert_delivered()
    return partner.request


EVENTS = [
    create_test_event(messageId=f"m{n}", properties={"text": "ž ☃ \u2028", "n": 10**30, "f": 0.1})
    for n in range(3)
]


def test_it_is_the_signature_of_the_specification() -> None:
    """The example that every library of Standard Webhooks tests itself with."""
    signature = sign(
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        keys=[key_of(SECRET)],
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(("action", "events"), [("send", EVENTS[:1]), ("sendBatch", EVENTS)])
async def test_it_covers_exactly_what_leaves(
    integration: MakeIntegration, partner: Partner, action: str, events: Any
) -> None:
    """It verifies with the bytes that were sent; with any other byte, id or time it does not."""
    request = await sent(integration, partner, action, events)
    headers, body = dict(request.headers), request.body
    verify(headers, body, SECRET)
    forged = [
        (headers, body[:-1] + b" "),
        (headers, body.replace(b"m0", b"mx")),
        (headers | {"webhook-id": "other"}, body),
        (headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}, body),
    ]
    if len(events) > 1:  # at Segment, the signature covers the first event of a batch alone
        forged.append((headers, body.replace(b"m2", b"mx")))
    for other_headers, other_body in forged:
        with pytest.raises(UnsignedError):
            verify(other_headers, other_body, SECRET)
    with pytest.raises(UnsignedError):
        verify(headers, body, OLDER_SECRET)


async def test_it_is_of_the_time_of_the_attempt(
    integration: MakeIntegration, partner: Partner
) -> None:
    """An old event is signed with the time at which it is sent, so a recorded request grows old."""
    old = create_test_event(messageId="m1", timestamp="2020-01-01T00:00:00.000Z")
    request = await sent(integration, partner, "send", [old])
    assert abs(time.time() - int(request.header("webhook-timestamp") or 0)) < 60


async def test_both_secrets_verify_while_one_is_changed(
    integration: MakeIntegration, partner: Partner
) -> None:
    """A receiver may know the new secret already, or still the old one."""
    request = await sent(
        integration, partner, "send", EVENTS[:1], previousSigningSecret=OLDER_SECRET
    )
    verify(request.headers, request.body, SECRET)
    verify(request.headers, request.body, OLDER_SECRET)


async def test_the_header_may_have_another_name(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Some gateways look for the signature elsewhere."""
    request = await sent(
        integration, partner, "send", EVENTS[:1], signatureHeader="X-Hook-Signature"
    )
    verify(request.headers, request.body, SECRET, header="x-hook-signature")
    assert request.header("webhook-signature") is None


PLAIN = "ajs-next-1795120512359-c0ffee_1"


@pytest.mark.parametrize("given", ["a.b", "a b", "", "ž", "a\r\nX: 1", "x" * 129])
def test_an_id_cannot_reach_into_the_signature(given: str) -> None:
    """With a dot, the end of an id could pass for a timestamp; with a line break, for a header."""
    made = message_id([given])
    assert made.startswith("msg_")
    assert len(made) == 36
    assert made == message_id([given]) != message_id([given + "x"])


def test_a_repeat_has_the_same_id() -> None:
    """A plain id is sent as it is; that of a batch depends on all its events and their order."""
    assert message_id([PLAIN]) == PLAIN
    assert message_id(["a", "b"]) == message_id(["a", "b"])
    assert len({message_id(ids) for ids in (["a", "b"], ["b", "a"], ["a"], ["ab"], ['a","b'])}) == 5
