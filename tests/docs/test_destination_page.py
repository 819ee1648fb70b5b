"""The reference of declarations has every argument with its default, and its examples run."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import attrs
import pytest
from tests.docs.pages import blocks, prose, read_page, rows

import offramp
from offramp import (
    UNSET,
    Action,
    Conditions,
    Field,
    OutgoingRequest,
    Request,
    Response,
    Retry,
    field,
)
from offramp.definition import fields_of
from offramp.http import Client
from offramp.payload import compile_payload
from offramp.testing import MakeIntegration, Partner, create_test_event

PAGE: Final = "reference/destination.md"
API: Final = "https://api.letters.example"
SETTINGS: Final = {"apiKey": "k1"}
#: The classes whose attributes stand in a section of their own name.
CLASSES: Final = [
    "Audience",
    "AudienceDetails",
    "AuthTokens",
    "Batch",
    "Choice",
    "ChoicesQuery",
    "Condition",
    "Conditions",
    "Destination",
    "DynamicChoices",
    "Idempotency",
    "LazyDestination",
    "OAuth2",
    "OAuthClient",
    "Preset",
    "Retry",
    "RunningSandbox",
    "Sandbox",
    "SaveHook",
    "SyncMode",
]
#: The classes that the page about requests has, with those of its attributes that are public.
OF_REQUESTS: Final = ["OutgoingRequest", "RequestOptions", "Response"]
#: The pages of the reference for authors.
AUTHORS: Final = [PAGE, "reference/requests.md", "reference/hooks.md", "reference/mapping.md"]
REQUIRED: Final = "required"
#: A default that is made of other arguments.
COMPUTED: Final = "computed"
_NAMES: Final = {"timedelta": timedelta, "Retry": Retry, "UNSET": UNSET, "dict": dict}
_CODE: Final = re.compile(r"`([^`]+)`")


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the first table under a heading, by the names in their first cells."""
    _, found, rest = read_page(PAGE).partition(f"# {heading}\n")
    assert found, f"there is no section {heading!r}"
    under = re.split(r"^#+ ", rest, flags=re.MULTILINE)[0]
    lines = [line for line in under.splitlines() if not line.startswith("```")]
    first = next(n for n, line in enumerate(lines) if line.startswith("|"))
    last = next((n for n in range(first, len(lines)) if not lines[n].startswith("|")), len(lines))
    return {cells[0].strip("`"): cells[1:] for cells in rows("\n".join(lines[first:last]))}


def shown_defaults(heading: str) -> dict[str, Any]:
    """The values that the page gives for defaults; the words for none, and for a computed one."""
    cells = {name: row[1] for name, row in table(heading).items()}
    return {
        name: eval(cell.strip("`"), dict(_NAMES)) if cell.startswith("`") else cell  # noqa: S307 - our page
        for name, cell in cells.items()
    }


def default_of(attribute: attrs.Attribute[Any]) -> Any:
    """The default that the code has, in the same form."""
    default: Any = attribute.default
    if default is attrs.NOTHING:
        return REQUIRED
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a function to mypy alone
        return COMPUTED if default.takes_self else default.factory()
    return default


def literals(hint: Any) -> set[str]:
    """The texts that an annotation allows, if it lists some."""
    if get_origin(hint) is Literal:
        return {str(each) for each in get_args(hint)}
    return {text for each in get_args(hint) for text in literals(each)}


def code_of(page: str) -> str:
    """All that a page writes as code: blocks, and what stands in backticks."""
    text = read_page(page)
    return "\n".join([*blocks(text, "python"), *_CODE.findall(prose(text))])


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("name", CLASSES)
def test_every_attribute_of_a_class_has_a_row_with_its_default(name: str) -> None:
    """An argument that is added, renamed or given another default makes the page wrong."""
    declared = attrs.fields(getattr(offramp, name))
    shown = shown_defaults(name)
    assert shown == {each.name: default_of(each) for each in declared}


def test_every_argument_of_a_field_has_a_row_with_its_default() -> None:
    """The table is that of `field`, with the one argument that `Field` alone has."""
    shown = shown_defaults("field and setting")
    taken = inspect.signature(field).parameters
    of_class = {each.name: each.default for each in attrs.fields(Field) if each.name not in taken}
    assert shown == {name: each.default for name, each in taken.items()} | of_class
    assert attrs.fields_dict(Field).keys() == shown.keys() - {"key"}
    assert of_class == {"multiple": False}


def test_every_attribute_of_an_action_has_a_row_with_its_default() -> None:
    """What an author may write in the body of an action is what `Action` annotates."""
    shown = shown_defaults("Action")
    assert shown == {name: getattr(Action, name, REQUIRED) for name in Action.__annotations__}


@pytest.mark.parametrize("name", [*CLASSES, "Field"])
def test_the_texts_that_an_argument_takes_are_listed(name: str) -> None:
    """A value of a `Literal` stands in the row of its argument."""
    cells = table("field and setting" if name == "Field" else name)
    missing = {
        attribute: wanted - set(_CODE.findall(cells[attribute][0]))
        for attribute, hint in get_type_hints(getattr(offramp, name)).items()
        if attribute in cells and (wanted := literals(hint))
    }
    assert {key: values for key, values in missing.items() if values} == {}


@pytest.mark.parametrize("name", OF_REQUESTS)
def test_the_page_about_requests_has_the_attributes_of_its_classes(name: str) -> None:
    """What this page leaves to that one is there."""
    declared = {each.name for each in attrs.fields(getattr(offramp, name)) if each.init}
    public = {each for each in declared if not each.startswith("_")}
    assert public - names_in(code_of("reference/requests.md")) == set()


def test_every_exported_name_is_in_the_reference() -> None:
    """No name of `offramp` has to be found in its source."""
    found = {name for page in AUTHORS for name in names_in(code_of(page))}
    assert set(offramp.__all__) - found == set()


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The names that the page's examples make, run in their order as one module."""
    names: dict[str, Any] = {"__name__": "letters"}
    for code in blocks(read_page(PAGE), "python"):
        exec(compile(code, PAGE, "exec", dont_inherit=True), names)  # noqa: S102 - our own page
    return names


def recording(sent: list[OutgoingRequest], **known: Any) -> Request[Any]:
    """A request client that keeps what it is to send; every answer is 200."""

    async def handler(outgoing: OutgoingRequest) -> Response:
        sent.append(outgoing)
        return Response(status=200, headers={}, body=b"")

    return Client(handler=handler, settings=None, **known)


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        ({"id": "u1", "list_id": "l1", "phone": "+1"}, []),
        ({"id": "u1", "list_id": "l1"}, ["$.email"]),
        ({"id": "u1", "list_id": "l1", "email": "no address"}, ["$.email"]),
        ({"id": "u1", "list_id": "l1", "phone": "+1", "address": {"country": "Germany"}},
         ["$.address.country"]),
    ],
)  # fmt: skip
def test_the_payload_is_checked_as_it_is_declared(
    page: dict[str, Any], raw: dict[str, Any], places: list[str]
) -> None:
    """A condition, a format and a length hold, and their absence of faults makes an instance."""
    contact: type[Any] = page["Contact"]
    check = compile_payload(contact)
    if not places:
        assert check(raw).phone == raw["phone"]
        return
    with pytest.raises(offramp.PayloadError) as caught:
        check(raw)
    assert [fault.place for fault in caught.value.faults] == places


def test_when_without_a_value_asks_for_one(page: dict[str, Any]) -> None:
    """The short form is the comparison that the table of conditions describes."""
    conditions = fields_of(page["Contact"])["send_sms"].depends_on
    wanted = offramp.Condition(field_key="phone", operator="is_not", value=UNSET)
    assert conditions == Conditions(conditions=(wanted,))


async def test_a_batch_has_an_outcome_for_each_payload(
    page: dict[str, Any], integration: MakeIntegration, partner: Partner
) -> None:
    """The refused one is rejected with the partner's reason, the other is delivered."""
    partner.post(f"{API}/contacts", payload={"results": [{"error": None}, {"error": "blocked"}]})
    events = [
        create_test_event(type="identify", userId=user, traits={"email": "a@example.com"})
        for user in ("u1", "u2")
    ]
    sut = integration(page["letters"], settings=SETTINGS)
    run = await sut.test_action("saveContact", events=events)
    assert [each.outcome for each in run.deliveries] == ["delivered", "rejected"]
    assert partner.request.headers["X-Api-Key"] == "k1"


async def test_one_payload_is_sent_with_the_sync_mode(
    page: dict[str, Any], integration: MakeIntegration, partner: Partner
) -> None:
    """A subscription that does not batch calls `perform`; `validate` refuses before that."""
    sut = integration(page["letters"], settings=SETTINGS)
    partner.put(f"{API}/contacts/u1?mode=add")
    traits = {"email": "a@example.com", "country": "DE"}
    event = create_test_event(type="identify", userId="u1", traits=traits)
    run = await sut.test_action(
        "saveContact", event=event, sync_mode="add", batch={"enabled": False}
    )
    assert run.assert_delivered().json == {
        "id": "u1",
        "email": "a@example.com",
        "address": {"country": "DE"},
        "list_id": "all",
    }
    refused = create_test_event(type="identify", userId="test-1", traits=traits)
    (await sut.test_action("saveContact", event=refused)).assert_rejected(saying="test-")


async def test_the_partner_forgets_a_user_and_makes_an_audience(
    page: dict[str, Any], integration: MakeIntegration, partner: Partner
) -> None:
    """The functions for deletions and for audiences send what they are declared for."""
    sent: list[OutgoingRequest] = []
    client = recording(sent)
    await page["letters"].on_delete(client, {"type": "delete", "anonymousId": "a/1"})
    assert [(each.method, each.url) for each in sent] == [("DELETE", f"{API}/contacts/a%2F1")]
    sut = integration(page["letters"], settings=SETTINGS, audiences={"vip": {}})
    partner.post(f"{API}/lists", payload={"id": "L1"})
    assert await sut.test_create_audience("vip") == "L1"


async def test_the_credentials_are_tested(
    page: dict[str, Any], integration: MakeIntegration, partner: Partner
) -> None:
    """A refusal says that they are bad, an outage that nobody could tell."""
    sut = integration(page["letters"], settings=SETTINGS)
    for status, kind in ((200, None), (401, offramp.InvalidAuthenticationError), (503, OSError)):
        partner.get(f"{API}/me", status=status)
        error = (await sut.test_authentication()).error
        assert error is None if kind is None else isinstance(error, kind)


async def test_choices_and_a_save_hook_come_from_the_partner(
    page: dict[str, Any], integration: MakeIntegration, partner: Partner
) -> None:
    """The method of the dynamic field is found by its name, and the hook returns its outputs."""
    sut = integration(page["letters"], settings=SETTINGS)
    partner.get(f"{API}/lists?search=vip", payload=[{"id": "l1", "name": "VIP"}])
    found = await sut.test_dynamic_field("saveContact", "list_id", search="vip")
    assert [each.label for each in found.choices] == ["VIP"]
    partner.post(f"{API}/lists", payload={"id": "l2"})
    assert await sut.test_save_hook("fillList", "onMappingSave", {"name": "New"}) == {
        "listId": "l2"
    }


async def test_an_action_reads_what_its_save_hook_returned(page: dict[str, Any]) -> None:
    """The payload, a dict by the fields of the action, goes to the list that the hook made."""
    sent: list[OutgoingRequest] = []
    client = recording(sent, hook_outputs={"onMappingSave": {"listId": "l2"}})
    await page["FillList"]().perform(client, {"email": "a@example.com"})
    assert [(each.url, each.body) for each in sent] == [
        (f"{API}/lists/l2", b'{"email":"a@example.com"}')
    ]


def test_the_lazy_destination_is_built_by_its_function(page: dict[str, Any]) -> None:
    """It has the slug under which it is listed, and usual flows where none are written."""
    built = page["connected"].load()
    assert built.slug == page["connected"].slug
    assert built.oauth.flows == ("authorization_code", "refresh_token")
    assert built.needs_grant


async def test_a_request_carries_the_token_of_oauth(
    page: dict[str, Any], integration: MakeIntegration, partner: Partner
) -> None:
    """What `extend_request` reads as `outgoing.auth` is the token of the instance."""
    auth = offramp.AuthTokens(access_token="t1")
    sut = integration(page["connected"].load(), settings=SETTINGS, auth=auth)
    partner.get(f"{API}/lists?search=", payload=[])
    await sut.test_dynamic_field("saveContact", "list_id")
    assert partner.request.headers["Authorization"] == "Bearer t1"
