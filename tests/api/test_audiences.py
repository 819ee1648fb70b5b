"""Audiences over the control API: declared, created once, adopted, and what a failure leaves."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.api.conftest import SECRET, WRITE_KEY, Running
from tests.delivery.audience_parts import (
    LIST_SECRET,
    ListPartner,
    ListSettings,
    lists,
    lists_catalog,
    member_event,
)
from tests.delivery.parts import PATIENCE

from offramp import Audience
from offramp.errors import ConnectionFailedError, RequestTimeoutError
from offramp.host.health import Health
from offramp.host.watched import Watched
from offramp.plugins import Catalog

PATH = "/api/instances/l/audiences"
VIP = {"name": "VIP", "settings": {"listKind": "phone", "secret": LIST_SECRET}}


@pytest.fixture
def catalog() -> Catalog:
    """A destination with audiences."""
    return lists_catalog()


@pytest.fixture
def partner() -> Any:
    """The partner that keeps lists."""
    return ListPartner()


@pytest.fixture
def written() -> dict[str, Any]:
    """An instance with one audience that is not created yet."""
    subscription = {"name": "sync", "action": "sync", "trigger": 'type = "identify"'}
    instance = {
        "destination": "lists",
        "source": "site",
        "settings": {"token": SECRET},
        "audiences": {"vip": VIP},
        "subscriptions": [subscription],
    }
    return {"sources": {"site": {"write_key": WRITE_KEY}}, "instances": {"l": instance}}


def of(host: Running) -> ListPartner:
    """The partner of the host."""
    partner: Any = host.partner
    assert isinstance(partner, ListPartner)
    return partner


async def shown(host: Running) -> dict[str, Any]:
    """The one audience."""
    [audience] = (await host.get(PATH))["audiences"]
    assert isinstance(audience, dict)
    return audience


async def degraded(host: Running) -> list[tuple[str, str]]:
    """What health lists, by kind and place."""

    async def no_faults() -> list[str]:
        return []

    found = await Health(Watched(engine=host.context.engine, sums=no_faults))()
    return [(each.kind, each.pointer) for each in found]


async def test_an_audience_is_created_once_and_its_events_then_leave(host: Running) -> None:
    """Before, its events wait and health names it; afterwards they go with the partner's id."""
    before = await shown(host)
    assert (before["state"], before["external_id"]) == ("not_created", None)
    assert before["remedy"] == "`offramp audiences create l vip` creates it"
    assert before["settings"] == {"listKind": "phone", "secret": f"***{LIST_SECRET[-4:]}"}
    assert await degraded(host) == [("audience", "#/instances/l/audiences/vip")]
    await host.context.engine.accept("site", [member_event("u1")])
    answer = await host.post(f"{PATH}/vip/create")
    assert (answer["audience"]["state"], answer["audience"]["external_id"]) == ("created", "L1")
    assert of(host).made == {"L1": {"name": "VIP", "key": "vip", "kind": "phone"}}
    assert await degraded(host) == []
    await host.context.engine.wait_until_idle(timeout=PATIENCE)
    assert [(each["list"], each["ids"]) for each in of(host).bodies] == [("L1", ["u1"])]
    again = await host.ask("POST", f"{PATH}/vip/create")
    assert (again.status, len(of(host).made)) == (409, 1)
    assert "its id is L1" in again.data["detail"]


async def test_who_created_it_is_in_the_audit_log_without_secrets(host: Running) -> None:
    """Both steps are changes of the instance: that it was begun, and the id."""
    await host.ask("POST", f"{PATH}/vip/create", headers={"X-Offramp-Actor": "ada"})
    log = (await host.get("/api/audit-log?kind=instance"))["rows"]
    assert [each["actor"] for each in log[:2]] == ["ada", "ada"]
    stored, begun = (each["after"]["audiences"]["vip"] for each in log[:2])
    assert (stored["external_id"], begun["creation_begun"]) == ("L1", True)
    assert LIST_SECRET not in str(log)


async def test_a_refusal_is_told_and_can_be_repeated(host: Running) -> None:
    """The partner has nothing then: what was saved stays, and a second try creates it."""
    of(host).fails = 422
    heard = await host.ask("POST", f"{PATH}/vip/create")
    assert heard.status == 502
    assert "the audience 'vip' was not created: " in heard.data["detail"]
    assert (await shown(host))["state"] == "not_created"
    of(host).fails = None
    assert (await host.post(f"{PATH}/vip/create"))["audience"]["external_id"] == "L1"


@pytest.mark.parametrize(
    "fails", [RequestTimeoutError("no answer"), 503, ConnectionFailedError("it broke")]
)
async def test_a_lost_answer_leaves_no_second_audience(
    host: Running, fails: int | BaseException
) -> None:
    """The host says that the partner may have it, and creates no other unless told so."""
    of(host).fails = fails
    heard = await host.ask("POST", f"{PATH}/vip/create")
    assert heard.status == 502
    assert "the partner may have created the audience 'vip'" in heard.data["detail"]
    assert "`offramp audiences adopt l vip` ID" in heard.data["detail"].replace(" ID`", "` ID")
    of(host).fails = None
    audience = await shown(host)
    assert audience["state"] == "unknown"
    assert await degraded(host) == [("audience", "#/instances/l/audiences/vip")]
    made = len(of(host).made)
    assert (await host.ask("POST", f"{PATH}/vip/create")).status == 409
    assert len(of(host).made) == made
    assert (await host.post(f"{PATH}/vip/create?again=true"))["audience"]["state"] == "created"
    assert len(of(host).made) == made + 1


async def test_what_never_left_certainly_created_nothing(host: Running) -> None:
    """A partner whose address does not answer has no audience that could be doubled."""
    of(host).fails = ConnectionFailedError("nothing listens there", code="ECONNREFUSED")
    assert (await host.ask("POST", f"{PATH}/vip/create")).status == 502
    assert (await shown(host))["state"] == "not_created"


async def test_a_refused_second_try_leaves_the_first_in_doubt(host: Running) -> None:
    """The answer to the first was lost, so that the partner may have the audience still."""
    of(host).fails = RequestTimeoutError("no answer")
    await host.ask("POST", f"{PATH}/vip/create")
    of(host).fails = 422
    assert (await host.ask("POST", f"{PATH}/vip/create?again=true")).status == 502
    assert (await shown(host))["state"] == "unknown"


async def test_a_fault_of_settings_points_into_an_instance_of_any_name(incomplete: Running) -> None:
    """A dot in the name is no step of the place."""
    body = {"name": "acme.ads", "destination": "lists", "source": "site", "enabled": False}
    await incomplete.post("/api/instances", body, status=201)
    path = "/api/instances/acme.ads/audiences"
    await incomplete.post(path, {"key": "new"}, status=201)
    problem = await incomplete.post(f"{path}/new/create", status=422)
    assert [each["pointer"] for each in problem["errors"]] == [
        "#/instances/acme.ads/settings/token"
    ]


async def test_an_instance_that_cannot_start_created_nothing(incomplete: Running) -> None:
    """The partner was not asked, so that nothing has to be looked up there first."""
    heard = await incomplete.ask("POST", f"{PATH}/vip/create")
    assert (heard.status, "settings.token" in heard.data["detail"]) == (422, True)
    assert (await shown(incomplete))["state"] == "not_created"


async def test_an_audience_that_the_partner_has_is_adopted(host: Running) -> None:
    """The partner is asked for the id first; `check` false takes it without asking."""
    refused = await host.ask("POST", f"{PATH}/vip/adopt", {"external_id": "L7"})
    assert refused.status == 502
    assert "answered 404" in refused.data["detail"]
    assert (await shown(host))["external_id"] is None
    of(host).made["L7"] = {}
    answer = await host.post(f"{PATH}/vip/adopt", {"external_id": "L7"})
    assert answer["audience"]["external_id"] == "L7"
    assert await host.post(f"{PATH}/vip/get") == {
        "result": "found",
        "external_id": "L7",
        "message": "the partner has it",
    }
    del of(host).made["L7"]
    assert (await host.post(f"{PATH}/vip/get"))["result"] == "not_found"
    of(host).fails = 503
    assert (await host.post(f"{PATH}/vip/get"))["result"] == "unknown"
    unchecked = {"external_id": "L8", "check": False}
    assert (await host.post(f"{PATH}/vip/adopt", unchecked))["audience"]["external_id"] == "L8"


async def test_audiences_are_added_changed_and_deleted_here(host: Running) -> None:
    """Faults point into the audience; a mask keeps its secret; the partner is never asked."""
    bad = {"key": "new", "settings": {"listKind": "fax"}}
    heard = await host.ask("POST", PATH, bad)
    assert heard.status == 422
    assert [each["pointer"] for each in heard.data["errors"]] == ["#/settings/listKind"]
    added = await host.post(PATH, {"key": "new", "external_id": "L5"}, status=201)
    assert (added["audience"]["state"], added["audience"]["name"]) == ("created", "new")
    assert (await host.ask("POST", PATH, {"key": "new"})).status == 409
    masked = {"settings": {"listKind": "email", "secret": f"***{LIST_SECRET[-4:]}"}}
    assert (await host.ask("PATCH", f"{PATH}/vip", masked)).status == 200
    _, config = await host.context.configs.load()
    assert config.instances["l"].audiences["vip"]["settings"]["secret"] == LIST_SECRET
    assert (await host.ask("DELETE", f"{PATH}/new")).data["removed"] == ["new"]
    assert (await host.ask("DELETE", f"{PATH}/new")).status == 404
    assert (of(host).made, of(host).bodies) == ({}, [])


async def test_a_change_of_the_instance_keeps_what_the_host_knows(host: Running) -> None:
    """A document without the id, as one under version control, takes nothing away."""
    await host.post(f"{PATH}/vip/create")
    document = (await host.get("/api/config"))["document"]
    del document["instances"]["l"]["audiences"]["vip"]["external_id"]
    await host.post("/api/config", document)
    assert (await shown(host))["external_id"] == "L1"


async def test_a_plugin_that_gives_no_id_is_told(host: Running) -> None:
    """The partner may have the audience then, as its answer was good."""

    async def create(request: Any, audience: Any) -> Any:
        await request.post("https://lists.example/lists", json={"name": audience.name})

    entry = host.context.catalog["lists"]
    changed = Audience(fields=ListSettings, create=create)
    object.__setattr__(entry, "destination", attrs.evolve(lists, audience=changed))
    heard = await host.ask("POST", f"{PATH}/vip/create")
    assert heard.status == 502
    assert "the plugin returned no id of the audience" in heard.data["detail"]
    assert (await shown(host))["state"] == "unknown"


async def test_an_instance_without_audiences_says_so(host: Running) -> None:
    """What is not there is told by name."""
    assert (await host.ask("GET", "/api/instances/x/audiences")).status == 404
    heard = await host.ask("POST", f"{PATH}/other/create")
    assert heard.status == 404
    assert "There are: vip" in heard.data["detail"]


async def test_an_explanation_shows_what_the_instance_lays_in(host: Running) -> None:
    """The paths that the event lacks are not listed as missing, as the mapping finds them."""
    body = {"event": member_event("u1"), "subscription": "l/sync"}
    waits = await host.post("/api/explain", body)
    assert "is not created at the partner yet" in waits["errors"][0]["detail"]
    await host.post(f"{PATH}/vip/create")
    explained = await host.post("/api/explain", body)
    assert explained["payload"] == {"id": "u1", "list": "L1"}
    assert explained["missing"] == []
    assert explained["audience"]["name"] == "VIP"
    assert "$.context.personas.external_audience_id" in explained["audience"]["paths"]
    assert "external_audience_id" not in str(explained["event"])
