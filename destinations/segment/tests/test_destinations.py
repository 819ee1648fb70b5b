"""Published destinations on the production path: what partners get, and what their answers mean."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest

from offramp import (
    AudienceDetails,
    AuthTokens,
    Handler,
    OfframpError,
    OutgoingRequest,
    Response,
    hookimpl,
)
from offramp.testing import (
    LocalPartner,
    RecordedRequest,
    TestIntegration,
    create_test_integration,
)
from offramp_segment import node
from offramp_segment.definitions import index
from offramp_segment.destination import load
from offramp_segment.pools import Pools

#: What Kafka's action needs of an event.
KAFKA = {"topic": "events", "payload": {"@path": "$."}}


@attrs.frozen(eq=False)
class RunningPools:
    """What the plugin's lifespan does."""

    pools: Pools

    @hookimpl
    def offramp_lifespan(self) -> AbstractAsyncContextManager[None]:
        return self.pools.run(isolated=True)


def to_partner(partner: LocalPartner) -> Any:
    """Middleware by which every request goes to the partner; it gets the host in a header."""

    async def send(outgoing: OutgoingRequest, handler: Handler) -> Response:
        address = urlsplit(outgoing.url)
        outgoing.headers["X-Host"] = address.netloc
        query = f"?{address.query}" if address.query else ""
        outgoing.url = f"{partner.url}{address.path or '/'}{query}"
        return await handler(outgoing)

    return send


def integration(
    slug: str,
    partner: LocalPartner,
    settings: Mapping[str, Any] | None,
    *,
    auth: AuthTokens | None = None,
    oauth: Mapping[str, Any] | None = None,
) -> TestIntegration:
    """A published destination under test, with workers of its own."""
    pools = Pools(1, {}, [])
    return create_test_integration(
        load(index()[slug], pools),
        settings=settings,
        middleware=[to_partner(partner)],
        plugins=[RunningPools(pools)],
        auth=auth,
        oauth=oauth,
    )


@pytest.fixture
def partner() -> Iterator[LocalPartner]:
    with LocalPartner() as running:
        yield running


def track(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Signed Up",
        "userId": f"u{number}",
        "messageId": f"m{number}",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "receivedAt": "2026-01-02T03:04:06.000Z",
        "properties": {"plan": "gold"},
        **more,
    }


def header(request: RecordedRequest, name: str) -> str:
    """A header, whose name may be written in any case."""
    return {key.lower(): value for key, value in request.headers.items()}[name.lower()]


async def test_a_message_goes_to_slack(partner: LocalPartner) -> None:
    """The URL is mapped; the body, its type and the user agent are those of Segment's code."""
    partner.post("/services/T/B", body="ok")
    slack = integration("actions-slack", partner, {})
    mapping = {"url": "https://hooks.slack.com/services/T/B", "text": {"@path": "$.event"}}
    run = await slack.test_action("postToChannel", event=track(), mapping=mapping)
    assert list(run.outcomes) == ["delivered"]
    [request] = partner.requests
    assert header(request, "X-Host") == "hooks.slack.com"
    assert header(request, "User-Agent") == "Segment (Actions)"
    assert json.loads(request.body)["text"] == "Signed Up"


async def test_a_webhook_is_signed_by_segments_code(partner: LocalPartner) -> None:
    """`X-Signature` is the SHA-1 HMAC of the event as JavaScript writes it."""
    partner.post("/hook")
    webhook = integration("actions-webhook", partner, {"sharedSecret": "a-shared-secret"})
    mapping = {"url": "https://receiver.example/hook", "data": {"@path": "$.properties"}}
    run = await webhook.test_action(
        "send", event=track(), mapping=mapping, batch={"enabled": False}
    )
    assert list(run.outcomes) == ["delivered"]
    [request] = partner.requests
    assert json.loads(request.body) == {"plan": "gold"}
    signature = hmac.new(b"a-shared-secret", b'{"plan":"gold"}', hashlib.sha1).hexdigest()
    assert header(request, "X-Signature") == signature


async def test_events_share_a_request_and_a_refused_one_is_found(partner: LocalPartner) -> None:
    """Customer.io takes batches; its 400 halves them until the bad event is alone."""
    partner.post("/api/v2/batch", status=400, body="bad", repeat=4)
    partner.post("/api/v2/batch", repeat=True)
    settings = {"siteId": "site", "apiKey": "a-long-api-key", "accountRegion": "US 🇺🇸"}
    customerio = integration("actions-customerio", partner, settings)
    run = await customerio.test_action("trackEvent", events=[track(n) for n in range(4)])
    sizes = [len(json.loads(each.body)["batch"]) for each in partner.requests]
    assert sizes[0] == 4
    assert run.outcomes.count("rejected") == 1
    assert run.outcomes.count("delivered") == 3
    assert "a-long-api-key" not in str(run)


async def test_the_outcomes_of_a_batch_are_per_event(partner: LocalPartner) -> None:
    """Braze takes a part of a batch: the event that it names is rejected, the others delivered."""
    errors = [{"type": "bad name", "input_array": "events", "index": 1}]
    partner.post("/users/track", status=201, payload={"message": "success", "errors": errors})
    settings = {"api_key": "k", "app_id": "a", "endpoint": "https://rest.iad-01.braze.com"}
    braze = integration("actions-braze-cloud", partner, settings)
    run = await braze.test_action("trackEvent", events=[track(n) for n in range(3)])
    assert list(run.outcomes) == ["delivered", "rejected", "delivered"]


async def test_tokens_are_refreshed_by_the_destinations_own_function(
    partner: LocalPartner,
) -> None:
    """After a 401 HubSpot's code asks for new tokens with the operator's app, and sends again."""
    path = "/crm/v3/objects/contacts/a@b.example"
    partner.patch(path, status=401, body="expired")
    partner.post("/oauth/v1/token", payload={"access_token": "new", "refresh_token": "r2"})
    partner.patch(path, payload={"id": "1", "properties": {"email": "a@b.example"}})
    hubspot = integration(
        "actions-hubspot-cloud",
        partner,
        {},
        auth=AuthTokens(access_token="old", refresh_token="r1"),
        oauth={"client_id": "the-app", "client_secret": "app-secret"},
    )
    identify = {"type": "identify", "userId": "u", "traits": {"email": "a@b.example"}}
    run = await hubspot.test_action("upsertContact", event=identify)
    assert list(run.outcomes) == ["delivered"], run
    refresh = partner.requests[1]
    assert b"client_id=the-app" in refresh.body
    assert b"refresh_token=r1" in refresh.body
    assert header(partner.requests[2], "Authorization") == "Bearer new"
    assert hubspot.auth is not None
    assert hubspot.auth.access_token == "new"


async def test_an_explanation_sends_nothing_and_shows_the_request(partner: LocalPartner) -> None:
    """The worker's requests are those of the explanation, so that nothing leaves."""
    slack = integration("actions-slack", partner, {})
    mapping = {"url": "https://hooks.slack.com/services/T/B", "text": "hello"}
    explained = await slack.explain("postToChannel", event=track(), mapping=mapping)
    assert partner.requests == []
    assert "https://hooks.slack.com/services/T/B" in json.dumps(explained)


async def test_choices_come_from_the_partner_and_are_written_by_a_hook(
    partner: LocalPartner,
) -> None:
    """Braze lists its catalogs; saving makes one; the hook's refusal is the error of the form."""
    names = {"catalogs": [{"name": "cars", "fields": [{"name": "id", "type": "string"}]}]}
    partner.get("/catalogs", payload=names, repeat=True)
    partner.post("/catalogs", status=201, payload={"message": "success"})
    settings = {"api_key": "k", "app_id": "a", "endpoint": "https://rest.iad-01.braze.com"}
    braze = integration("actions-braze-cloud", partner, settings)
    found = await braze.test_dynamic_field(
        "upsertCatalogItem", "selected_catalog_name", hook="onMappingSave"
    )
    assert [each.value for each in found.choices] == ["cars"]
    inputs = {
        "operation": "create",
        "created_catalog_name": "bikes",
        "columns": [{"name": "id", "type": "string"}],
    }
    outputs = await braze.test_save_hook("upsertCatalogItem", "onMappingSave", inputs)
    assert outputs["catalog_name"] == "bikes"


async def test_a_refused_credential_is_told_as_such(partner: LocalPartner) -> None:
    """The test of an instance runs Segment's own, and shows what the partner says."""
    settings = {"siteId": "site", "apiKey": "a-long-api-key", "accountRegion": "US 🇺🇸"}
    customerio = integration("actions-customerio", partner, settings)
    partner.get("/auth", status=401, body="no", repeat=True)
    run = await customerio.test_authentication()
    assert getattr(run.error, "status", None) == 401


async def test_an_audience_is_created_and_its_members_go_to_it(partner: LocalPartner) -> None:
    """Iterable makes a list; the event that names it subscribes its user to that list."""
    partner.post("/api/lists", payload={"listId": 77})
    partner.get("/api/lists", payload={"lists": [{"id": 77, "name": "Buyers"}]}, repeat=True)
    partner.post("/api/lists/subscribe", payload={"successCount": 1})
    lists = integration("actions-iterable-lists", partner, {"apiKey": "k"})
    declared = lists.entry.destination.audience
    assert declared is not None
    assert declared.create is not None
    wanted = AudienceDetails(key="buyers", name="Buyers", settings={})
    async with lists._runtime(None) as (runtime, _):
        created = await runtime.perform(runtime.client(), declared.create, wanted)
    assert created == "77"
    event = {
        "type": "identify",
        "userId": "u1",
        "messageId": "m1",
        "traits": {"email": "a@b.example", "buyers": True},
        "context": {
            "personas": {
                "computation_class": "audience",
                "computation_key": "buyers",
                "external_audience_id": "77",
                "audience_settings": {},
            }
        },
    }
    run = await lists.test_action("syncAudience", event=event)
    assert list(run.outcomes) == ["delivered"], run
    assert json.loads(partner.requests[-1].body)["listId"] == 77


async def test_connections_of_its_own_are_never_made_by_an_explanation(
    partner: LocalPartner,
) -> None:
    """The explanation says so; the worker is not even asked."""
    kafka = integration("actions-kafka", partner, None)
    explained = await kafka.explain("send", event=track(), mapping=KAFKA)
    assert "cannot be explained without being made" in json.dumps(explained)


async def test_without_nodejs_the_instances_are_held(
    partner: LocalPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem of the plugin says what to install; nothing is tried without a worker."""
    monkeypatch.setattr(node, "_candidates", list)
    slack = integration("actions-slack", partner, {})
    with pytest.raises(OfframpError, match=r"need Node.js 20 or newer.*offramp-segment\[node\]"):
        await slack.test_action("postToChannel", event=track(), mapping={"url": "u", "text": "t"})
