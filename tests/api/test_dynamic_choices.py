"""A form gets the choices of a dynamic field from the partner, for a draft too; nothing is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.api.conftest import SECRET, TOKEN, Running
from tests.delivery.lists import AddMember, Lists, lists_catalog, lists_document

from offramp import Choice, DynamicChoices, InvalidAuthenticationError
from offramp.cli.program import run
from offramp.delivery import choices as module
from offramp.plugins import Catalog

DRAFT = {"instance": "lists", "action": "addMember"}


@pytest.fixture
def catalog() -> Catalog:
    return lists_catalog()


@pytest.fixture
def partner() -> Any:
    return Lists()


@pytest.fixture
def written() -> dict[str, Any]:
    return lists_document(SECRET, enabled=False)


async def _ask(host: Running, status: int = 200, **body: Any) -> Any:
    given = {"candidate": DRAFT, "field": "list_id", **body}
    return await host.post("/api/dynamic-choices", given, status=status)


async def test_choices_come_in_pages(host: Running, partner: Lists) -> None:
    """With labels and descriptions, from an instance that does not run."""
    first = await _ask(host)
    assert [each["value"] for each in first["choices"]] == ["l0", "l1"]
    assert first["choices"][0] == {"value": "l0", "label": "List 0", "description": "a list"}
    last = await _ask(host, page=first["next_page"])
    assert ([each["value"] for each in last["choices"]], last["next_page"]) == (["l2"], None)
    assert partner.requests == ["GET /lists?page=0&folder=", "GET /lists?page=1&folder="]
    [status] = (await host.get("/api/status"))["subscriptions"]
    assert status["accepted"] == 0


async def test_a_saved_subscription_is_asked_for_too(host: Running) -> None:
    """By its id, as for an explanation."""
    answer = await _ask(host, candidate=None, subscription="lists/one")
    assert len(answer["choices"]) == 2


async def test_the_host_searches_what_the_partner_does_not(host: Running) -> None:
    """In labels and values of a page, whatever the case."""
    assert [each["value"] for each in (await _ask(host, search=" liSt 1 "))["choices"]] == ["l1"]
    assert (await _ask(host, search="nothing"))["choices"] == []


async def test_the_literals_of_a_draft_are_given_to_the_method(
    host: Running, partner: Lists
) -> None:
    """A faulty field is left out and message, and a directive has no value yet."""
    mapping = {"folder": {"@literal": "f7"}, "id": {"@path": "$.x"}, "data": {"@if": {}}}
    answer = await _ask(host, candidate={**DRAFT, "mapping": mapping})
    assert partner.requests == ["GET /lists?page=0&folder=f7"]
    assert [each["pointer"] for each in answer["faults"]][1:] == ["#/mapping/data/@if"]


PLACES = {
    "attributes[1].name": ("attributes.name", 1, None),
    "data.__keys__": ("data.__keys__", None, None),
    "data.color": ("data.__values__", None, "color"),
    'data."a b"': ("data.__values__", None, "a b"),
    "data.0": ("data.__values__", None, "0"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_a_place_says_which_entry_or_key_is_meant(host: Running, place: str) -> None:
    """Properties of a list's entries, and keys and values of an object."""
    field, index, key = PLACES[place]
    answer = await _ask(host, field=place, search="x")
    assert answer["field"] == field
    found = [each["value"] for each in answer["choices"]]
    assert found == [f"field={field}", f"index={index}", f"key={key}"]


async def test_an_input_of_a_save_hook_has_choices(host: Running) -> None:
    """They may depend on its other inputs."""
    answer = await _ask(host, field="folder", hook="onMappingSave", inputs={"name": "VIP"})
    assert [each["label"] for each in answer["choices"]] == ["VIP-folder"]


async def test_a_field_without_choices_is_named_with_those_that_have_some(host: Running) -> None:
    """Also a place that is none."""
    for place in ("folder", "a..b", ""):
        problem = await _ask(host, 422, field=place)
        assert f"no dynamic field of addMember {place!r}" in problem["detail"]
        assert "list_id, attributes.name, data.__keys__" in problem["detail"]


async def test_a_refusal_of_the_partner_is_told_masked(
    host: Running, partner: Lists, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its status, as an answer: any value can still be written."""
    partner.statuses = {"GET /lists": 403}
    answer = await _ask(host)
    assert (answer["choices"], answer["error"]["status"]) == ([], 403)

    async def quoting(*_: Any) -> DynamicChoices:
        raise InvalidAuthenticationError(f"the token {SECRET} is revoked")

    monkeypatch.setattr(AddMember, "lists", quoting)
    answer = await _ask(host)
    assert answer["error"]["message"] == "the token *** is revoked"
    assert answer["error"]["status"] == 401


async def test_a_fault_of_the_plugin_says_what_to_write(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the method and its line."""

    async def texts(*_: Any) -> Any:
        return DynamicChoices(choices=["l1"])  # type: ignore[list-item]  # it is the fault

    monkeypatch.setattr(AddMember, "lists", texts)
    message = (await _ask(host))["error"]["message"]
    assert "'l1' as a choice: write Choice(value, label)" in message
    assert "test_dynamic_choices.py" in message


async def test_a_partner_that_does_not_answer_is_left_in_time(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody waits before a form."""

    async def never(*_: Any) -> DynamicChoices:
        await asyncio.Event().wait()
        return DynamicChoices()

    monkeypatch.setattr(module, "CHOICES_SECONDS", 0.05)
    monkeypatch.setattr(AddMember, "lists", never)
    answer = await _ask(host)
    assert answer["error"]["message"] == "there was no answer within 0.05 s"


async def test_secrets_in_choices_are_masked(
    host: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partner may list its tokens."""

    async def tokens(*_: Any) -> DynamicChoices:
        return DynamicChoices(choices=(Choice("1", f"key {SECRET}", f"it is {SECRET}"),))

    monkeypatch.setattr(AddMember, "lists", tokens)
    [choice] = (await _ask(host))["choices"]
    assert (choice["label"], choice["description"]) == ("key ***", "it is ***")


async def test_an_instance_that_cannot_start_is_told(incomplete: Running) -> None:
    """Its settings have to be right first."""
    await _ask(incomplete, 409)


async def test_the_catalog_says_which_fields_are_dynamic(host: Running) -> None:
    """And what its save hooks ask for and give."""
    [action] = (await host.get("/api/catalog/lists"))["actions"]
    assert action["dynamic_fields"] == [*AddMember.dynamic_fields]
    hook = action["save_hooks"]["onMappingSave"]
    assert hook["dynamic_inputs"] == ["folder"]
    assert hook["inputs"]["code"]["secret"] is True
    assert list(hook["outputs"]) == ["id", "secret"]


async def test_the_command_shows_choices(
    host: Running, partner: Lists, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table, the page that follows, and what is wrong with the mapping; 1 for a refusal."""

    async def choices(*arguments: str) -> tuple[int, str]:
        given = ["choices", "lists", "addMember", *arguments]
        status = await asyncio.to_thread(run, [*given, "--url", host.url, "--token", TOKEN])
        message = capsys.readouterr()
        return status, message.out + message.err

    mapping = '{"folder": "f7", "data": {"@if": {}}}'
    status, message = await choices("list_id", "--mapping", mapping)
    assert (status, partner.requests) == (0, ["GET /lists?page=0&folder=f7"])
    assert "List 0" in message
    assert "there are more: --page 1" in message
    assert "mapping.data" in message
    partner.statuses = {"GET /folders": 500}
    status, message = await choices(
        "folder", "--hook", "onMappingSave", "--inputs", '{"name": "a"}'
    )
    assert status == 1
    assert "the partner gave no choices: " in message
    assert (await choices("nothing"))[0] == 2
