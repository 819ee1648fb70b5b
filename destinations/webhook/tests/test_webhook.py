"""The webhook as a destination: what every destination owes, and what leaves in its requests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from offramp.testing import (
    Answer,
    DestinationSuite,
    MakeIntegration,
    Partner,
    RecordedRequest,
    TestIntegration,
    create_test_event,
)
from offramp_webhook import webhook

URL = "https://receiver.example/hooks"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER_SECRET = "whsec_b2xkZXItc2VjcmV0LW9mLTI0LWJ5dGVz"
#: Every secret that an instance can have.
SETTINGS: dict[str, Any] = {
    "url": URL,
    "urlSecret": "/end-of-the-url",
    "headers": {"Authorization": "Bearer a-secret-token", "X-Key": "another-secret"},
    "signingSecret": SECRET,
    "previousSigningSecret": OLDER_SECRET,
}


class TestWhatEveryDestinationOwes(DestinationSuite):
    destination = webhook
    settings = SETTINGS
    varying_headers = ("webhook-timestamp", "webhook-signature")

    def answer(self, request: RecordedRequest) -> Answer:
        """A receiver takes everything."""
        return Answer(status=200)


@pytest.fixture
def instance(integration: MakeIntegration, partner: Partner) -> TestIntegration:
    """A receiver that takes everything, without any secret."""
    partner.otherwise(lambda _: Answer())
    return integration(webhook, settings={"url": URL})


async def test_an_event_is_the_body(instance: TestIntegration, partner: Partner) -> None:
    """By default, all of an event is sent with POST, and its id as the idempotency key."""
    event = create_test_event(messageId="m-1")
    run = await instance.test_action("send", event=event)
    run.assert_delivered()
    assert (partner.request.method, partner.request.url) == ("POST", URL)
    assert partner.request.json == event
    assert partner.request.header("Content-Type") == "application/json"
    assert partner.request.header("webhook-id") == "m-1"
    assert partner.request.header("webhook-signature") is None


@pytest.mark.parametrize("count", [1, 3])
async def test_a_batch_is_a_list_whatever_its_size(
    instance: TestIntegration, partner: Partner, count: int
) -> None:
    """A receiver of batches always gets a list, also of a single event."""
    events = [create_test_event(messageId=f"m{n}") for n in range(count)]
    run = await instance.test_action("sendBatch", events=events)
    run.assert_delivered()
    assert partner.request.json == events


async def test_a_batch_has_one_method_path_and_set_of_headers(
    instance: TestIntegration, partner: Partner
) -> None:
    """Events that differ in a batch key go in requests of their own, the others together."""
    mapping = {
        "data": {"n": {"@path": "$.properties.n"}},
        "method": {"@path": "$.properties.method"},
        "path": ["users", {"@path": "$.userId"}],
        "headers": {"X-Plan": {"@path": "$.properties.plan"}},
    }
    ways = [
        ("POST", "u1", "pro"),
        ("PUT", "u1", "pro"),
        ("POST", "u2", "pro"),
        ("POST", "u1", "free"),
        ("POST", "u1", "pro"),
    ]
    events = [
        create_test_event(userId=user, properties={"n": n, "method": method, "plan": plan})
        for n, (method, user, plan) in enumerate(ways)
    ]
    run = await instance.test_action("sendBatch", events=events, mapping=mapping)
    run.assert_delivered()
    sent = {
        (each.method, each.url.removeprefix(URL), each.header("X-Plan")): [
            item["n"] for item in each.json
        ]
        for each in partner.requests
    }
    assert sent == {
        ("POST", "/users/u1", "pro"): [0, 4],
        ("PUT", "/users/u1", "pro"): [1],
        ("POST", "/users/u2", "pro"): [2],
        ("POST", "/users/u1", "free"): [3],
    }


async def test_the_secret_end_and_the_path_make_the_url(
    integration: MakeIntegration, partner: Partner
) -> None:
    """The path goes before a query, and its segments are quoted."""
    partner.otherwise(lambda _: Answer())
    settings = {"url": f"{URL}?", "urlSecret": "sig=a-secret-of-the-url"}
    run = await integration(webhook, settings=settings).test_action(
        "send", mapping={"path": ["users", "../../admin?x"]}
    )
    run.assert_delivered()
    wanted = f"{URL}/users/..%2F..%2Fadmin%3Fx?sig=a-secret-of-the-url"
    assert partner.request.url == wanted
    assert "a-secret-of-the-url" not in repr(run)


async def test_a_url_keeps_its_slash(integration: MakeIntegration, partner: Partner) -> None:
    """Some servers redirect an address without it, and a redirect is not followed."""
    partner.otherwise(lambda _: Answer())
    made = integration(webhook, settings={"url": f"{URL}/"})
    (await made.test_action("send")).assert_delivered()
    assert partner.request.url == f"{URL}/"


async def test_numbers_arrive_exactly(instance: TestIntegration, partner: Partner) -> None:
    """Integers of any size and every decimal digit arrive as they came."""
    event = create_test_event(
        properties={"big": 12345678901234567890123, "exact": Decimal("0.10000000000000000001")}
    )
    run = await instance.test_action("send", event=event)
    run.assert_delivered()
    assert b'"big":12345678901234567890123' in partner.request.body
    assert b'"exact":0.10000000000000000001' in partner.request.body


async def test_secret_headers_are_sent_and_never_shown(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Headers of the settings are in each request, before those of a mapping, and masked."""
    partner.otherwise(lambda _: Answer())
    made = integration(webhook, settings=SETTINGS)
    run = await made.test_action("send", mapping={"headers": {"x-key": "of the event", "X-N": 5}})
    run.assert_delivered()
    assert partner.request.header("Authorization") == "Bearer a-secret-token"
    assert partner.request.header("X-Key") == "another-secret"
    assert partner.request.header("X-N") == "5"
    assert "another-secret" not in repr(run)


@pytest.mark.parametrize(
    ("headers", "saying"),
    [
        ({"Authorization": "Bearer x"}, "$.headers.Authorization: is a credential"),
        ({"cookie": "a=b"}, "is a credential"),
        ({"Host": "other.example"}, "is set by the HTTP client alone"),
        ({"Transfer-Encoding": "chunked"}, "is set by the HTTP client alone"),
        ({"Webhook-Signature": "v1,x"}, "is set by this destination alone"),
        ({"X Plan": "pro"}, "is not the name of a header"),
        ({"X-Plan:": "pro"}, "is not the name of a header"),
        ({"X-Plan": "pro\r\nX-Admin: 1"}, "has a line break"),
        ({"X-Plan": "přo"}, "a character beyond ASCII"),
        ({"X-Plan": ["pro"]}, "is an object or a list"),
        ({"X-Plan": "x" * 8_000}, "has 8000 characters"),
        ({f"X-{n}": "x" for n in range(51)}, "has 51 headers; at most 50"),
    ],
)
@pytest.mark.parametrize("action", ["send", "sendBatch"])
async def test_headers_that_no_server_takes_are_refused_before_they_are_sent(
    instance: TestIntegration, partner: Partner, action: str, headers: Any, saying: str
) -> None:
    """The event is rejected with the header at fault, and nothing is sent."""
    run = await instance.test_action(action, mapping={"headers": {"@literal": headers}})
    run.assert_rejected("PAYLOAD_VALIDATION_FAILED", saying=saying)
    assert partner.requests == []


async def test_fifty_headers_of_every_kind_are_sent(
    instance: TestIntegration, partner: Partner
) -> None:
    """The edges: the greatest number, numbers, booleans; what is null is left out."""
    headers = {f"X-{n}": "x" for n in range(47)} | {"X-T": True, "X-F": 1.5, "X-Null": None}
    run = await instance.test_action("send", mapping={"headers": {"@literal": headers}})
    run.assert_delivered()
    sent = partner.request
    assert (sent.header("X-46"), sent.header("X-T"), sent.header("X-F")) == ("x", "true", "1.5")
    assert sent.header("X-Null") is None


WRONG_SETTINGS = [
    ({"url": "http://receiver.example"}, "setting @ url: is not https"),
    ({"url": "ftp://receiver.example"}, "is not a URL of a web server"),
    ({"url": "https://user:password@receiver.example"}, "has a user or a password"),
    ({"url": "https://receiver.example", "urlSecret": "@evil.example"}, "has a user"),
    ({"url": "https://receiver.example/#part"}, "has a space, a `#`"),
    ({"url": "https://receiver.example:99999"}, "is not a URL"),
    ({"url": URL, "signingSecret": "my secret"}, "@ signingSecret: is not whsec_ followed by"),
    ({"url": URL, "signingSecret": "whsec_dG9vIHNob3J0"}, "24 to 64 bytes"),
    ({"url": URL, "previousSigningSecret": SECRET[:-1]}, "@ previousSigningSecret"),
    ({"url": URL, "headers": {"Host": "other.example"}}, "@ headers.Host"),
    ({"url": URL, "headers": {"X-Key": "a\nb"}}, "@ headers.X-Key: is empty, or has a line break"),
    ({"url": URL, "signatureHeader": "Authorization"}, "@ signatureHeader.Authorization"),
]


@pytest.mark.parametrize(("settings", "saying"), WRONG_SETTINGS)
async def test_a_wrong_setting_holds_the_instance(
    integration: MakeIntegration, partner: Partner, settings: dict[str, Any], saying: str
) -> None:
    """Nothing is sent and no event is lost: it waits, and the test of the instance says why."""
    made = integration(webhook, settings=settings)
    for action in ("send", "sendBatch"):
        run = await made.test_action(action)
        run.assert_retrying("INVALID_AUTHENTICATION", saying=saying)
    tested = await made.test_authentication()
    tested.assert_refused()
    assert saying in tested.message
    assert partner.requests == []


async def test_http_is_sent_where_the_operator_says_so(
    integration: MakeIntegration, partner: Partner
) -> None:
    """`allowHttp` is a decision of the operator's, for one receiver."""
    partner.otherwise(lambda _: Answer())
    settings = {"url": "http://receiver.example", "allowHttp": True}
    run = await integration(webhook, settings=settings).test_action("send")
    run.assert_delivered()
    assert partner.request.url == "http://receiver.example"


async def test_presets_choose_their_events(instance: TestIntegration) -> None:
    """One sends tracks alone, the other every event."""
    page = create_test_event(type="page")
    (await instance.test_preset("Send track events", event=page)).assert_filtered()
    (await instance.test_preset("Send all events in batches", event=page)).assert_delivered()


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, "good"), (204, "good"), (401, "refused"), (403, "refused"),
     (404, "unclear"), (405, "unclear"), (302, "unclear"), (503, "unclear")],
)  # fmt: skip
async def test_the_test_of_an_instance_says_what_head_can_tell(
    integration: MakeIntegration, partner: Partner, status: int, result: str
) -> None:
    """HEAD has no effect; only success is good, and only a refusal bad."""
    partner.otherwise(lambda _: Answer(status=status))
    run = await integration(webhook, settings=SETTINGS).test_authentication()
    assert {"good": run.good, "refused": run.refused, "unclear": run.unclear}[result]
    assert partner.request.method == "HEAD"
    assert partner.request.header("webhook-signature")
