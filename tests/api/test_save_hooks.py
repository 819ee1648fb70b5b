"""A save hook runs before its subscription is saved; its outputs are stored, or nothing is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.conftest import PATIENCE, SECRET, TOKEN, Running
from tests.delivery.lists import Lists, lists_catalog, lists_document
from tests.delivery.parts import event

from offramp import _json
from offramp.cli.program import run
from offramp.config import parse_config
from offramp.plugins import Catalog

ONE = "/api/subscriptions/" + quote("lists/one", safe="")
MADE = "s3cr3t-of-the-list"
INPUTS = {"name": "VIP", "code": "c0de-of-the-list"}
HOOK = {"onMappingSave": {"inputs": INPUTS}}
DOCUMENT = lists_document(SECRET)


@pytest.fixture
def catalog() -> Catalog:
    return lists_catalog()


@pytest.fixture
def partner() -> Any:
    return Lists()


@pytest.fixture
def written() -> dict[str, Any]:
    return DOCUMENT


async def _patch(host: Running, status: int = 200, query: str = "", **body: Any) -> Any:
    heard = await host.ask("PATCH", ONE + query, body)
    assert heard.status == status, heard.text
    return heard.data


async def _audit(host: Running) -> list[Any]:
    return list((await host.get("/api/audit-log?kind=save_hook"))["rows"])


async def test_outputs_are_stored_and_shown_masked(host: Running, partner: Lists) -> None:
    """Also in the audit log and the export; sealed at rest; given to `perform`."""
    answer = await _patch(host, hooks=HOOK)
    [run] = answer["save_hooks"]
    assert (run["hook"], run["description"]) == ("onMappingSave", "Makes a list at the partner.")
    hook = answer["subscription"]["hooks"]["onMappingSave"]
    assert hook["inputs"] == {"name": "VIP", "code": "***list"}
    assert hook["outputs"] == {"id": "list-1", "secret": "***list"}
    [entry] = await _audit(host)
    assert entry["after"]["effects"] == ["POST https://lists.example/lists (answered 200)"]
    assert entry["after"]["outputs"] == hook["outputs"]
    assert MADE not in _json.dumps((await host.get("/api/config"))["document"]).decode()
    await host.send("m1")
    assert partner.requests[-1] == "POST /members"
    assert partner.members == [{"id": "m1", "list": "list-1", "secret": MADE}]
    stored = b"".join(each.read_bytes() for each in host.context.folder.iterdir() if each.is_file())
    assert MADE.encode() not in stored
    assert b"c0de-of-the-list" not in stored


async def test_a_hook_runs_again_only_for_other_inputs(host: Running, partner: Lists) -> None:
    """Not for a change of something else, nor for what is sent back as it was shown."""
    shown = (await _patch(host, hooks=HOOK))["subscription"]["hooks"]
    await _patch(host, trigger='type = "page"')
    await _patch(host, hooks=HOOK)
    assert (await _patch(host, hooks=shown))["save_hooks"] == []
    assert partner.made == 1
    shown["onMappingSave"]["inputs"]["name"] = "Other"
    answer = await _patch(host, hooks=shown)
    assert answer["subscription"]["hooks"]["onMappingSave"]["outputs"]["id"] == "list-2"
    await _patch(host, hooks={})
    assert (await host.get(ONE))["subscription"]["hooks"] == {}


async def test_a_hook_needs_no_trigger(host: Running, partner: Lists) -> None:
    """A disabled subscription without one can be saved together with its hook."""
    answer = await _patch(host, hooks=HOOK, trigger=None, enabled=False)
    assert answer["subscription"]["trigger"] is None
    assert answer["subscription"]["hooks"]["onMappingSave"]["outputs"]["id"] == "list-1"
    assert partner.made == 1


async def test_a_dry_run_runs_no_hook(host: Running, partner: Lists) -> None:
    """It says which would run."""
    answer = await _patch(host, query="?dry_run=true", hooks=HOOK)
    assert [each["label"] for each in answer["save_hooks"]] == ["Make a list"]
    assert partner.requests == []
    assert (await host.get(ONE))["subscription"]["hooks"] == {}


async def test_if_a_hook_fails_nothing_is_saved(host: Running, partner: Lists) -> None:
    """The message names what it may have made, without secrets; so does the audit log."""
    partner.statuses = {"PUT /lists/list-1/folder": 403}
    hooks = {"onMappingSave": {"inputs": {**INPUTS, "folder": "f1"}}}
    problem = await _patch(host, 422, hooks=hooks)
    [error] = problem["errors"]
    assert error["pointer"] == "#/hooks/onMappingSave"
    assert "answered 403" in error["detail"]
    assert "it may have changed something at the partner: POST https://lists" in error["detail"]
    assert problem["effects"] == [
        {"method": "POST", "url": "https://lists.example/lists", "status": 200}
    ]
    assert (await host.get(ONE))["subscription"]["hooks"] == {}
    [entry] = await _audit(host)
    assert "answered 403" in entry["after"]["error"]


FAULTS: dict[str, tuple[Any, str]] = {
    "onMapingSave": ({}, "#/hooks/onMapingSave"),
    "onMappingSave": ({"inputs": {}}, "#/hooks/onMappingSave/inputs/name"),
    "unknown input": ({"inputs": {"name": "a", "x": 1}}, "#/hooks/onMappingSave/inputs/x"),
    "unknown key": ({"inputs": {"name": "a"}, "out": {}}, "#/hooks/onMappingSave/out"),
    "no text": ({"inputs": {"name": {"a": 1}}}, "#/hooks/onMappingSave/inputs/name"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_inputs_are_checked_before_anything_is_asked(
    host: Running, partner: Lists, name: str
) -> None:
    """Each fault at its place."""
    hook, pointer = FAULTS[name]
    hooks = {name if name.startswith("on") else "onMappingSave": hook}
    problem = await _patch(host, 422, hooks=hooks)
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert partner.requests == []


async def test_the_form_of_segments_api_is_read(host: Running, partner: Lists) -> None:
    """It has a hook in the mapping, under its name; with outputs, the hook does not run."""
    mapping = {"id": "m", "onMappingSave": {"inputs": {"name": "a"}, "outputs": {"id": "7"}}}
    answer = await _patch(host, mapping=mapping)
    assert answer["subscription"]["hooks"]["onMappingSave"]["outputs"] == {"id": "7"}
    assert "onMappingSave" not in answer["subscription"]["mapping"]
    assert partner.requests == []
    problem = await _patch(host, 422, mapping=mapping, hooks=HOOK)
    assert [each["pointer"] for each in problem["errors"]] == ["#/mapping/onMappingSave"]


async def test_a_copy_has_the_outputs_of_the_original(host: Running, partner: Lists) -> None:
    """It makes nothing at the partner."""
    await _patch(host, hooks=HOOK)
    copy = await host.post(f"{ONE}/duplicate", status=201)
    assert copy["subscription"]["hooks"]["onMappingSave"]["outputs"]["id"] == "list-1"
    assert partner.made == 1


def _two(**outputs: Any) -> dict[str, Any]:
    """A document with two subscriptions that have hooks."""
    [one] = DOCUMENT["instances"]["lists"]["subscriptions"]
    two = [
        {**one, "name": name, "hooks": {"onMappingSave": {"inputs": {"name": name}, **outputs}}}
        for name in ("one", "two")
    ]
    return lists_document(SECRET, subscriptions=two)


async def test_a_retry_makes_nothing_twice(host: Running, partner: Lists) -> None:
    """The second of two hooks fails: nothing is saved, and the first does not run again."""
    partner.fails_after = 1
    heard = await host.ask("POST", "/api/config", _two())
    assert heard.status == 422
    [error] = heard.data["errors"]
    assert error["pointer"] == "#/instances/lists/subscriptions/1/hooks/onMappingSave"
    assert "onMappingSave of lists/one succeeded" in error["detail"]
    assert (await host.get(ONE))["subscription"]["hooks"] == {}
    partner.fails_after = None
    applied = await host.post("/api/config", _two())
    assert [each["subscription"] for each in applied["save_hooks"]] == ["lists/one", "lists/two"]
    assert partner.made == 2
    assert partner.requests.count("POST /lists") == 3
    exported = (await host.get("/api/config"))["document"]
    assert (await host.post("/api/config", exported))["changes"] == []
    assert partner.made == 2


async def test_outputs_in_a_document_of_another_host_are_taken(
    host: Running, partner: Lists
) -> None:
    """They were made there already."""
    await host.post("/api/config", _two(outputs={"id": "l9"}))
    assert partner.requests == []
    hook = (await host.get(ONE))["subscription"]["hooks"]["onMappingSave"]
    assert hook["outputs"] == {"id": "l9"}


async def test_what_a_partner_gave_is_masked_where_an_action_sends_it(host: Running) -> None:
    """In an explanation as well."""
    await _patch(host, hooks=HOOK)
    body = {"event": event("m1"), "subscription": "lists/one"}
    request = (await host.post("/api/explain", body))["request"]
    assert '"list":"list-1"' in request["body"]
    assert '"secret":"***"' in request["body"]


async def test_a_start_of_the_host_runs_no_hook(host: Running, partner: Lists) -> None:
    """The subscription waits, and says what to do; applying the same file then runs the hook."""
    configs, engine = host.context.configs, host.context.engine
    revision, _ = await configs.load()
    written = parse_config(_two(), host.context.catalog).config
    await configs.replace(written, revision, actor="file")
    assert partner.requests == []
    shown = (await host.get(ONE))["subscription"]
    assert (shown["running"], shown["hooks"]["onMappingSave"].get("outputs")) == (False, None)
    assert "its save hook onMappingSave has not run" in shown["problem"]
    await engine.accept("site", [event("m1")])
    await host.post("/api/config", _two())
    assert (await host.get(ONE))["subscription"]["running"] is True
    await engine.wait_until_idle(timeout=PATIENCE)
    assert {each["list"] for each in partner.members} == {"list-1", "list-2"}


async def test_the_command_says_which_hooks_it_runs(
    host: Running, partner: Lists, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it asks; a dry run runs none."""
    file = tmp_path / "new.json"
    file.write_bytes(_json.dumps(_two()))
    given = ["apply", str(file), "--url", host.url, "--token", TOKEN]
    assert await asyncio.to_thread(run, [*given, "--dry-run"]) == 0
    assert "runs the save hook onMappingSave first" in capsys.readouterr().err
    assert partner.requests == []
    assert await asyncio.to_thread(run, [*given, "--yes"]) == 0
    assert partner.made == 2
