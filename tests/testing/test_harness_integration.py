"""A destination under test goes the production path, and tells what happened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import attrs
import pytest
from tests.delivery.audience_parts import lists, member_event
from tests.plugins.small import make_plugin
from tests.testing.billing import ME, OLDEST, URL, USAGE, SendUsage, Settings, Usage, billing

from offramp import (
    Action,
    AuthTokens,
    Choice,
    ChoicesQuery,
    Destination,
    DynamicChoices,
    OutgoingRequest,
    Preset,
    Request,
    RequestOptions,
    Response,
    SaveHook,
    field,
    hookimpl,
    literal,
    path,
    setting,
    wire,
)
from offramp.definition import Handler
from offramp.delivery import AudienceCallError
from offramp.errors import ConfigError, NotFoundError, PluginError
from offramp.testing import (
    Answer,
    FakeClock,
    MakeIntegration,
    Partner,
    RecordedRequest,
    TestIntegration,
    create_test_event,
    generate_test_event,
)

TOKEN = "token-of-the-test"


@pytest.fixture
def sut(integration: MakeIntegration) -> TestIntegration:
    return integration(billing, settings={"apiToken": TOKEN})


def events(count: int, **values: Any) -> list[dict[str, Any]]:
    values = {"customer": "acme", **values}
    return [generate_test_event(SendUsage, seed=str(n), values=values) for n in range(count)]


async def test_an_event_is_mapped_typed_and_sent(sut: TestIntegration, partner: Partner) -> None:
    """The outcome, the typed payload, and the request with all that the destination adds."""
    partner.post(USAGE, payload={})
    event = create_test_event(properties={"tokens": 5})
    run = (await sut.test_action("sendUsage", event=event)).assert_delivered()
    assert run.outcome == "delivered"
    assert isinstance(run.payload, Usage)
    assert run.payload.at == datetime(2026, 1, 15, 12, tzinfo=UTC)
    assert run.json["events"][0]["properties"] == {"tokens": 5}
    assert run.request.header("authorization") == f"Bearer {TOKEN}"
    assert run.exchanges[0].status == 200


async def test_without_an_event_the_usual_one_is_sent(
    sut: TestIntegration, partner: Partner
) -> None:
    """The least that a test can say."""
    partner.post(USAGE)
    run = await sut.test_action("sendUsage")
    assert run.json["events"][0]["id"] == create_test_event()["messageId"]


async def test_a_mapping_is_laid_over_the_defaults(sut: TestIntegration, partner: Partner) -> None:
    """A test names the fields that it means; the defaults stand for the others."""
    partner.post(USAGE)
    run = await sut.test_action("sendUsage", mapping={"customer": literal("acme")})
    [sent] = run.json["events"]
    assert (sent["customer"], sent["id"]) == ("acme", "message1234")


async def test_a_mapping_can_stand_alone(sut: TestIntegration) -> None:
    """Without the defaults, what the mapping leaves out is missing."""
    run = await sut.test_action(
        "sendUsage", mapping={"id": literal("1")}, use_default_mapping=False
    )
    run.assert_rejected("PAYLOAD_VALIDATION_FAILED", saying="$.customer")
    assert run.exchanges == ()


async def test_settings_are_laid_over_those_of_the_integration(
    sut: TestIntegration, partner: Partner
) -> None:
    """One call can go with another setting."""
    partner.post("https://eu.billing.example/usage")
    await sut.test_action("sendUsage", settings={"url": "https://eu.billing.example"})
    assert partner.request.header("Authorization") == f"Bearer {TOKEN}"


async def test_settings_are_made_up_where_none_are_given(
    integration: MakeIntegration, partner: Partner
) -> None:
    """A destination can be tested at once, and settings that are given must hold."""
    made_up = integration(billing)
    partner.otherwise(lambda _: Answer())
    (await made_up.test_action("sendUsage")).assert_delivered()
    assert made_up.typed_settings().api_token
    with pytest.raises(ConfigError, match=re.escape("instances.test.settings.apiToken")):
        await integration(billing, settings={}).test_action("sendUsage")


async def test_a_sync_mode_can_be_chosen(sut: TestIntegration, partner: Partner) -> None:
    """The action reads the mode that the test chose, or its own default."""
    partner.post(USAGE, repeat=2)
    default = await sut.test_action("sendUsage")
    chosen = await sut.test_action("sendUsage", sync_mode="delete")
    assert default.request.header("X-Mode") == "add"
    assert chosen.request.header("X-Mode") == "delete"
    with pytest.raises(ConfigError, match="'mirror' is not a sync mode of sendUsage"):
        await sut.test_action("sendUsage", sync_mode="mirror")


async def test_a_trigger_is_asked_where_one_is_given(
    sut: TestIntegration, partner: Partner
) -> None:
    """Without a trigger every event goes; with one, only those that it wants."""
    partner.post(USAGE)
    two = [create_test_event(event="Used"), create_test_event(event="Seen")]
    run = await sut.test_action("sendUsage", events=two, trigger='event = "Used"')
    assert run.outcomes == ("delivered", "filtered")
    assert run.deliveries[1].code == "NO_MATCHING_MAPPING"


async def test_a_preset_matches_maps_and_performs(sut: TestIntegration, partner: Partner) -> None:
    """The trigger of the preset decides, and its mapping is laid over the defaults."""
    partner.post(USAGE)
    (await sut.test_preset("Usage", event=create_test_event(event="Used"))).assert_delivered()
    (await sut.test_preset("Usage", event=create_test_event(event="Seen"))).assert_filtered()
    assert partner.request.json["events"][0]["id"] == "message1234"


async def test_a_preset_without_a_trigger_takes_every_event(
    sut: TestIntegration, partner: Partner
) -> None:
    """Its mapping is tried; which events are selected is for the operator to say."""
    partner.post(USAGE)
    (await sut.test_preset("Chosen", event=create_test_event(event="Seen"))).assert_delivered()


async def test_several_events_go_in_one_request(sut: TestIntegration, partner: Partner) -> None:
    """Events sent together are batched as in production."""
    partner.post(USAGE)
    run = (await sut.test_action("sendUsage", events=events(4))).assert_delivered()
    assert len(run.json["events"]) == len(run.deliveries) == 4


async def test_batches_keep_the_limits_of_the_action(
    sut: TestIntegration, partner: Partner
) -> None:
    """At most so many events a request, and only those whose batch keys are alike."""
    partner.post(USAGE, repeat=True)
    run = await sut.test_action("sendUsage", events=[*events(12), *events(3, customer="other")])
    sizes = [len(each.json["events"]) for each in run.requests]
    assert sorted(sizes) == [2, 3, 10]
    assert all(len({e["customer"] for e in each.json["events"]}) == 1 for each in run.requests)
    assert [d.event["messageId"] for d in run.deliveries[:2]] == [
        each["messageId"] for each in events(2)
    ]


async def test_batches_keep_within_bytes(integration: MakeIntegration, partner: Partner) -> None:
    """A batch ends before it would grow beyond the action's bytes."""

    class Small(SendUsage):
        batch = attrs.evolve(SendUsage.batch, max_bytes=400)

    partner.post(USAGE, repeat=True)
    small = integration(attrs.evolve(billing, actions=[Small]))
    run = await small.test_action("sendUsage", events=events(5), settings={"url": URL})
    assert 1 < len(run.exchanges) < 5
    run.assert_delivered()


async def test_a_bad_event_is_found_by_bisection(sut: TestIntegration, partner: Partner) -> None:
    """The one event that the partner refuses is rejected, and all others are delivered."""

    def judge(request: RecordedRequest) -> Answer:
        return Answer(status=400 if "the-bad-one" in request.text else 200)

    partner.otherwise(judge)
    run = await sut.test_action("sendUsage", events=[*events(5), *events(1, id="the-bad-one")])
    assert run.outcomes == (*["delivered"] * 5, "rejected")
    assert run.deliveries[5].code == "400"


async def test_what_the_partner_is_known_to_refuse_is_judged_by_the_clock(
    sut: TestIntegration, partner: Partner, clock: FakeClock
) -> None:
    """The fixtures share one clock, so a test can let an event grow old."""
    partner.post(USAGE)
    (await sut.test_action("sendUsage")).assert_delivered()
    clock.advance(OLDEST + timedelta(seconds=1))
    (await sut.test_action("sendUsage")).assert_rejected(saying="more than 30 days old")


async def test_a_throttled_event_is_tried_again_and_no_test_waits(
    sut: TestIntegration, partner: Partner
) -> None:
    """The pause that the partner asks for is told, and not waited for."""
    partner.post(USAGE, status=429, headers={"Retry-After": "120"}, repeat=2)
    batches = [*events(1), *events(1, customer="other")]
    run = (await sut.test_action("sendUsage", events=batches)).assert_retrying("429")
    assert run.deliveries[0].retry_in == 120
    assert len(run.exchanges) == 2


async def test_many_failures_in_a_row_hold_nothing_back(
    sut: TestIntegration, partner: Partner
) -> None:
    """No breaker opens in a test."""
    partner.post(USAGE, status=500, repeat=True)
    many = [event for n in range(12) for event in events(1, customer=f"c{n}")]
    run = (await sut.test_action("sendUsage", events=many)).assert_retrying("500")
    assert len(run.exchanges) == 12


async def test_numbers_arrive_as_they_came_in(sut: TestIntegration, partner: Partner) -> None:
    """Every digit of an integer or a decimal, as from the queue."""
    partner.post(USAGE)
    exact = Decimal("0.1234567890123456789")
    event = create_test_event(properties={"big": 2**80, "exact": exact, "short": 1.5})
    run = await sut.test_action("sendUsage", event=event)
    sent = run.json["events"][0]["properties"]
    assert sent == {"big": 2**80, "exact": exact, "short": 1.5}


async def test_the_run_explains_a_failure(sut: TestIntegration, partner: Partner) -> None:
    """Event, mapping, payload, request, answer and reason; and no secret."""
    partner.post(USAGE, status=422, payload={"message": f"{TOKEN} may not"})
    run = await sut.test_action("sendUsage", event=create_test_event(event="Shown"))
    with pytest.raises(AssertionError) as raised:
        run.assert_delivered()
    message = str(raised.value)
    for words in (
        "expected delivered, but event 1 was not",
        "track 'Shown': rejected, 422",
        f"request 1: POST {USAGE} -> 422",
        '"event":"Shown"',
        '{"@path":"$.context.groupId"}',
        '"customer":"group1234"',
        '{"message":"*** may not"}',
    ):
        assert words in message
    assert TOKEN not in message


async def test_long_texts_are_cut(sut: TestIntegration, partner: Partner) -> None:
    """A failure of many events, with much in them, still fits a screen or two."""
    partner.post(USAGE, status=500, repeat=True)
    many = [event for n in range(9) for event in events(1, customer=f"c{n}")]
    for event in many:
        event["properties"] = {"text": "x" * 5_000}
    message = repr(await sut.test_action("sendUsage", events=many))
    assert "and 4 requests more" in message
    assert "characters in all)" in message
    assert message.count("  because") == 3


async def test_other_ends_can_be_asserted(sut: TestIntegration, partner: Partner) -> None:
    """An assertion about an end, its code or its words fails where they are others."""
    partner.post(USAGE, status=500, repeat=True)
    run = (await sut.test_action("sendUsage")).assert_retrying("500", saying="answered 500")
    with pytest.raises(AssertionError, match="expected rejected"):
        run.assert_rejected()
    with pytest.raises(AssertionError, match="expected retrying with 503"):
        run.assert_retrying("503")
    with pytest.raises(AssertionError, match="saying 'nothing'"):
        run.assert_retrying(saying="nothing")
    assert not run.delivered


async def test_nothing_is_asserted_of_no_event(sut: TestIntegration) -> None:
    """A test that sends no event proves nothing, and is told so."""
    run = await sut.test_action("sendUsage", events=[])
    with pytest.raises(AssertionError, match="there was no event"):
        run.assert_delivered()
    for what in ("delivery", "payload", "request", "json"):
        with pytest.raises(AssertionError):
            getattr(run, what)


async def test_one_event_or_several_but_not_both(sut: TestIntegration) -> None:
    """A call that means two things is refused."""
    with pytest.raises(ValueError, match="not both"):
        await sut.test_action("sendUsage", event={}, events=[])


async def test_an_action_that_is_none_is_told_with_those_there_are(sut: TestIntegration) -> None:
    """A misspelt name is found at once."""
    with pytest.raises(NotFoundError, match="did you mean 'sendUsage'"):
        await sut.test_action("sendUsages")


async def test_a_mapping_that_cannot_be_compiled_is_told(sut: TestIntegration) -> None:
    """Faults of a mapping come with their place, before anything is sent."""
    with pytest.raises(ConfigError, match=re.escape('subscriptions."test/sendUsage".mapping')):
        await sut.test_action("sendUsage", mapping={"customer": {"@pathe": "$.x"}})


async def test_a_fault_of_the_plugin_shows_where_it_was_raised(
    integration: MakeIntegration,
) -> None:
    """The author sees the traceback, not only the outcome."""

    class Faulty(SendUsage):
        async def perform_batch(
            self, request: Request[Settings], payloads: Sequence[Usage]
        ) -> None:
            raise KeyError(payloads[0].id)

    run = await integration(attrs.evolve(billing, actions=[Faulty])).test_action("sendUsage")
    run.assert_retrying("INTERNAL", saying="the plugin raised KeyError")
    assert "raise KeyError(payloads[0].id)" in repr(run)


async def test_a_fault_in_extend_request_is_the_plugins_too(integration: MakeIntegration) -> None:
    """The event is kept and tried again, whichever code of the plugin failed."""

    def extend(_: OutgoingRequest) -> RequestOptions:
        raise KeyError("no such setting")

    sut = integration(attrs.evolve(billing, extend_request=extend))
    (await sut.test_action("sendUsage")).assert_retrying("INTERNAL", saying="KeyError")
    run = await sut.test_action("sendUsage", events=events(2))
    assert run.assert_retrying("INTERNAL").exchanges == ()


async def test_middleware_stands_around_every_request(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Given by the test or by a plugin's hook; the recorded request is what really left."""

    def adding(value: str) -> Any:
        async def add(outgoing: OutgoingRequest, handler: Handler) -> Response:
            outgoing.headers["X-Order"] = outgoing.headers.get("X-Order", "") + value
            return await handler(outgoing)

        return add

    class Plugin:
        @hookimpl
        def offramp_middleware(self, destination: Destination) -> list[Any]:
            return [adding("1")]

    partner.otherwise(lambda _: Answer())
    sut = integration(billing, middleware=[adding("2")], plugins=[Plugin()])
    run = await sut.test_action("sendUsage")
    assert run.request.header("X-Order") == "12"


async def test_plugins_may_add_to_the_destination(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Presets, defaults and actions of other plugins are tested the same way."""

    class Plugin:
        @hookimpl
        def offramp_default_mapping(self, destination: Any, action: Any) -> Mapping[str, Any]:
            return {"customer": path("$.userId")}

        @hookimpl
        def offramp_presets(self, destination: Any) -> list[Preset]:
            return [Preset(name="Mine", action="sendUsage", trigger='type = "track"')]

    partner.otherwise(lambda _: Answer())
    run = await integration(billing, plugins=[Plugin()]).test_preset("Mine")
    assert run.assert_delivered().json["events"][0]["customer"] == "user1234"


async def test_what_a_plugin_holds_open_is_open_during_a_run(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Its lifespan is entered before the action is performed, and left after the run."""
    partner.post(USAGE, payload={})
    seen: list[str] = []

    async def note(outgoing: OutgoingRequest, handler: Handler) -> Response:
        seen.append("sends")
        return await handler(outgoing)

    @asynccontextmanager
    async def offramp_lifespan() -> AsyncIterator[None]:
        seen.append("entered")
        yield
        seen.append("left")

    holder = make_plugin(
        "holder", offramp_lifespan=offramp_lifespan, offramp_middleware=lambda: [note]
    )
    sut = integration(billing, settings={"apiToken": TOKEN}, plugins=[holder])
    (await sut.test_action("sendUsage")).assert_delivered()
    assert seen == ["entered", "sends", "left"]


async def test_a_lifespan_that_does_not_start_fails_the_test(integration: MakeIntegration) -> None:
    """A host would hold the instance, so the run must not go on without it."""
    holder = make_plugin("holder", offramp_lifespan=lambda: 5)
    sut = integration(billing, settings={"apiToken": TOKEN}, plugins=[holder])
    with pytest.raises(PluginError, match=r"'holder': offramp_lifespan failed"):
        await sut.test_action("sendUsage")


def test_a_plugin_that_a_host_would_report_is_an_error(integration: MakeIntegration) -> None:
    """A broken hook does not go unnoticed."""

    class Plugin:
        @hookimpl
        def offramp_presets(self, destination: Any) -> list[Preset]:
            raise RuntimeError("broken")

    with pytest.raises(PluginError, match="broken"):
        integration(billing, plugins=[Plugin()])


def test_an_installed_destination_is_found_by_its_slug(integration: MakeIntegration) -> None:
    """A slug stands for the destination that its entry point declares."""

    class Plugin:
        @hookimpl
        def offramp_destinations(self) -> list[Destination]:
            return [billing]

    assert integration("billing", plugins=[Plugin()]).entry.destination is billing
    with pytest.raises(NotFoundError, match="no destination 'billin'"):
        integration("billin", plugins=[Plugin()])


async def test_credentials_are_good_refused_or_unclear(
    sut: TestIntegration, partner: Partner
) -> None:
    """Three answers, each with an assertion that explains itself."""
    partner.get(ME)
    partner.get(ME, status=401)
    partner.get(ME, status=503)
    (await sut.test_authentication()).assert_good()
    refused = (await sut.test_authentication()).assert_refused()
    unclear = (await sut.test_authentication()).assert_unclear()
    assert (refused.message, unclear.message) == ("the API token is refused", "answered 503")
    for run, wrong in [(refused, refused.assert_good), (unclear, unclear.assert_refused)]:
        with pytest.raises(AssertionError, match=f"GET {ME}") as raised:
            wrong()
        assert TOKEN not in str(raised.value)
        assert run.exchanges
    with pytest.raises(AssertionError, match="reported unclear"):
        refused.assert_unclear()


async def test_authentication_that_is_not_declared_is_told(integration: MakeIntegration) -> None:
    """There is nothing to test."""
    sut = integration(attrs.evolve(billing, test_authentication=None))
    with pytest.raises(NotFoundError, match="declares no test_authentication"):
        await sut.test_authentication()


async def test_explaining_sends_nothing(sut: TestIntegration, partner: Partner) -> None:
    """It tells the trigger's truth, the payload and the very request."""
    answer = await sut.explain("sendUsage", trigger='event = "Used"')
    assert answer["matches"] is False
    assert answer["payload"]["id"] == "message1234"
    assert answer["request"]["url"] == USAGE
    assert partner.requests == []


@attrs.frozen
class ListPayload:
    list_id: str = field(key="listId", description="Which.", dynamic=True)


class AddToList(Action[Settings, ListPayload]):
    slug, title, description = "addToList", "Add", "Adds."
    dynamic_fields = {"listId": "lists"}  # noqa: RUF012 - declared data

    async def perform(self, request: Request[Settings], payload: ListPayload) -> None:
        await request.post(f"{URL}/lists/{payload.list_id}")

    async def lists(self, request: Request[Settings], query: ChoicesQuery) -> DynamicChoices:
        params = {"page": query.page or "1", **query.payload}
        answer = (await request.get(f"{URL}/lists", params=params)).json()
        choices = tuple(Choice(each["id"], each["name"]) for each in answer["lists"])
        return DynamicChoices(choices=choices, next_page=answer["next"])


async def make_list(request: Request[Any], inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = await request.post(f"{URL}/lists", json=dict(inputs))
    return {"listId": answer.json()["id"]}


AddToList.save_hooks = {
    "onMappingSave": SaveHook(
        label="List", description="Makes a list.", inputs={}, outputs={}, perform=make_list
    )
}


async def test_choices_of_a_dynamic_field_are_fetched(
    integration: MakeIntegration, partner: Partner
) -> None:
    """With what the form holds so far, and a page at a time."""
    sut = integration(attrs.evolve(billing, actions=[AddToList], presets=[]))
    partner.get(
        f"{URL}/lists?page=2&kind=a", payload={"lists": [{"id": 7, "name": "VIP"}], "next": "3"}
    )
    found = await sut.test_dynamic_field("addToList", "listId", payload={"kind": "a"}, page="2")
    assert found.choices == (Choice(7, "VIP"),)
    assert found.next_page == "3"
    with pytest.raises(NotFoundError, match="no dynamic field of addToList"):
        await sut.test_dynamic_field("addToList", "other")


async def test_a_save_hook_answers_with_its_outputs(
    integration: MakeIntegration, partner: Partner
) -> None:
    """What is done with the partner when a subscription is saved can be tested too."""
    sut = integration(attrs.evolve(billing, actions=[AddToList], presets=[]))
    partner.post(f"{URL}/lists", payload={"id": "l1"})
    outputs = await sut.test_save_hook("addToList", "onMappingSave", {"name": "VIP"})
    assert outputs == {"listId": "l1"}
    assert partner.request.json == {"name": "VIP"}


class JoinList(Action[Settings, Usage]):
    slug, title = "joinList", "Join a list"
    save_hooks: ClassVar = AddToList.save_hooks

    async def perform(self, request: Request[Settings], payload: Usage) -> None:
        made = request.hook_outputs.get("onMappingSave", {})
        await request.post(f"{URL}/lists/{made.get('listId', 'none')}", json=wire(payload))


async def test_an_action_gets_the_outputs_of_its_save_hooks(
    integration: MakeIntegration, partner: Partner
) -> None:
    """As a saved subscription has them; a hook that the action does not have is told."""
    sut = integration(attrs.evolve(billing, actions=[JoinList], presets=[]))
    partner.otherwise(lambda _: Answer(payload={}))
    [event] = events(1)
    await sut.test_action("joinList", event=event, hooks={"onMappingSave": {"listId": "l1"}})
    await sut.test_action("joinList", event=event)
    assert [each.url for each in partner.requests] == [f"{URL}/lists/l1", f"{URL}/lists/none"]
    with pytest.raises(NotFoundError, match="save hook of joinList"):
        await sut.test_action("joinList", event=event, hooks={"onMapingSave": {}})


async def test_a_destination_is_asked_to_delete_a_user(
    integration: MakeIntegration, partner: Partner
) -> None:
    """`on_delete` goes the way of every delivery, and gets the event."""

    async def forget(request: Request[Any], event: Mapping[str, Any]) -> None:
        await request.send("DELETE", f"{URL}/users/{event['userId']}")

    sut = integration(attrs.evolve(billing, on_delete=forget))
    partner.otherwise(lambda _: Answer(status=204))
    run = await sut.test_on_delete(event=create_test_event(type="delete", userId="ada"))
    run.assert_delivered()
    assert (run.request.method, run.request.url) == ("DELETE", f"{URL}/users/ada")
    with pytest.raises(NotFoundError, match="declares no on_delete"):
        await integration(billing).test_on_delete()


async def test_stale_tokens_are_refreshed_on_the_way(
    integration: MakeIntegration, partner: Partner
) -> None:
    """A 401 is followed by new tokens and a second try, and the integration keeps them."""

    async def refresh(request: Request[Any]) -> AuthTokens:
        answer = await request.post(f"{URL}/token")
        return AuthTokens(access_token=answer.json()["token"])

    def bearer(outgoing: OutgoingRequest) -> RequestOptions:
        token = "" if outgoing.auth is None else outgoing.auth.access_token
        return RequestOptions(headers={"Authorization": f"Bearer {token}"})

    oauth = attrs.evolve(
        billing, scheme="oauth2", extend_request=bearer, refresh_access_token=refresh
    )
    sut = integration(oauth, settings={"apiToken": TOKEN}, auth=AuthTokens(access_token="old"))
    partner.post(USAGE, status=401)
    partner.post(f"{URL}/token", payload={"token": "new"})
    partner.post(USAGE)
    run = (await sut.test_action("sendUsage")).assert_delivered()
    assert [each.header("Authorization") for each in run.requests] == [
        "Bearer old", "Bearer old", "Bearer new",
    ]  # fmt: skip
    assert sut.auth == AuthTokens(access_token="new")


@pytest.fixture
async def running() -> str:
    return "an author's own fixture"


async def test_async_fixtures_of_the_project_work_beside_it(
    sut: TestIntegration, partner: Partner, running: str
) -> None:
    """The harness brings no event loop of its own."""
    partner.post(USAGE)
    (await sut.test_action("sendUsage")).assert_delivered()
    assert running


@attrs.frozen
class Regional:
    region: str = setting(description="Where.", choices=["eu", "us"])


def test_made_up_settings_obey_their_choices(integration: MakeIntegration) -> None:
    """Settings that nobody gave pass their own check."""
    sut = integration(attrs.evolve(billing, settings=Regional, extend_request=None, sandbox=None))
    assert sut.typed_settings().region in {"eu", "us"}


@pytest.mark.parametrize(
    ("otherwise", "saying"),
    [
        (None, "the test has no answer left for POST"),
        (lambda _: {"status": 200}, "the test's argument of `partner.otherwise` answered"),
    ],
)
async def test_a_fault_of_the_test_fails_the_test(
    sut: TestIntegration, partner: Partner, otherwise: Any, saying: str
) -> None:
    """It is no outcome of the event, for which the plugin would be blamed."""
    partner.otherwise(otherwise)
    with pytest.raises(pytest.fail.Exception, match=re.escape(saying)):
        await sut.test_action("sendUsage")
    with pytest.raises(pytest.fail.Exception):
        await sut.test_authentication()


async def test_an_action_sees_the_audience_of_an_event(
    integration: MakeIntegration, partner: Partner
) -> None:
    """As in a host, though the harness configures no audience: what the event carries counts."""
    partner.otherwise(Answer())
    event = member_event("u1", computation_class="audience", external_audience_id="L7")
    run = await integration(lists).test_action("sync", event=event)
    run.assert_delivered()
    assert partner.request.json["list"] == "L7"
    assert partner.request.json["members"] == [True]


VIP = {"vip": {"name": "VIP users", "settings": {"listKind": "phone"}}}
LISTS = "https://lists.example"


async def test_an_audience_is_created_and_its_events_get_its_id(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Until then they wait, as in a host; what they say of themselves stays."""
    partner.otherwise(Answer(payload={"id": "L1"}))
    under_test = integration(lists, audiences=VIP)
    run = await under_test.test_action("sync", event=member_event("u1"))
    run.assert_retrying("AUDIENCE_NOT_CREATED")
    assert await under_test.test_create_audience("vip") == "L1"
    assert partner.request.json == {"name": "VIP users", "key": "vip", "kind": "phone"}
    run = (await under_test.test_action("sync", event=member_event("u1"))).assert_delivered()
    assert (run.json["list"], run.json["kind"]) == ("L1", "phone")
    assert await under_test.test_get_audience("vip") == "L1"
    assert partner.requests[-1].url == f"{LISTS}/lists/L1"
    explained = await under_test.explain("sync", event=member_event("u1"))
    assert explained["audience"]["name"] == "VIP users"


async def test_an_audience_that_the_partner_refuses_is_told(
    integration: MakeIntegration, partner: Partner
) -> None:
    """Also one that is not declared, that is declared wrongly, or whose destination has none."""
    partner.otherwise(Answer(status=422))
    under_test = integration(lists, audiences=VIP)
    with pytest.raises(AudienceCallError, match="answered 422"):
        await under_test.test_create_audience("vip")
    with pytest.raises(NotFoundError, match="no audience 'vpi'"):
        await under_test.test_create_audience("vpi")
    with pytest.raises(ConfigError, match=r"audiences\.vip\.settings\.listKind"):
        integration(lists, audiences={"vip": {"settings": {"listKind": "fax"}}})
    with pytest.raises(NotFoundError, match="declares no `create` of audiences"):
        await integration(billing).test_create_audience("vip")
