"""`offramp audiences`, with a host in a process of its own and a partner that keeps lists."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from tests.cli.parts import COMMAND, PATIENCE, Process, serving
from tests.waiting import until

from offramp.testing import LocalPartner

PLUGIN = """
from typing import Any

import attrs

from offramp import (
    Action, Audience, AudienceDetails, Destination, Request, field, hookimpl, path, setting
)


@attrs.frozen
class Settings:
    url: str = setting(description="Where the lists are.")


@attrs.frozen
class ListSettings:
    kind: str = setting(key="listKind", description="What of.", choices=["email", "phone"])


@attrs.frozen
class Member:
    id: str = field(description="Who.", default=path("$.userId"))


class Sync(Action[Settings, Member]):
    slug, title, description = "sync", "Sync", "Puts users into lists."

    async def perform(self, request: Request[Settings], payload: Member) -> None:
        body = {"list": request.audience.external_id, "id": payload.id}
        await request.post(f"{request.settings.url}/members", json=body)


async def create(request: Request[Settings], audience: AudienceDetails) -> str:
    body = {"name": audience.name, "kind": audience.settings.kind}
    answer = await request.post(f"{request.settings.url}/lists", json=body)
    return answer.json()["id"]


async def get(request: Request[Settings], audience: AudienceDetails) -> str:
    answer = await request.get(f"{request.settings.url}/lists/{audience.external_id}")
    return answer.json()["id"]


@hookimpl
def offramp_destinations() -> list[Destination]:
    audience = Audience(fields=ListSettings, create=create, get=get)
    return [
        Destination(
            slug="lists", name="Lists", settings=Settings, actions=[Sync], audience=audience
        )
    ]
"""
CONFIG = """
plugin_files = ["lists.py"]

[host]
api_token = "token-of-the-test"
egress.allow = ["127.0.0.0/8"]

[sources.site]
write_key = "key-of-the-site"

[instances.ads]
destination = "lists"
source = "site"
settings = {{ url = "{url}" }}

[[instances.ads.subscriptions]]
name = "Sync"
action = "sync"
trigger = 'type = "identify"'
"""
AUDIENCE = """
[instances.ads.audiences.vip]
name = "VIP users"
settings = { listKind = "email" }
"""
EVENT = {
    "type": "identify",
    "userId": "u1",
    "messageId": "m1",
    "traits": {"vip": True},
    "context": {"personas": {"computation_key": "vip"}},
}


@attrs.frozen
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def config(tmp_path: Path, local_partner: LocalPartner) -> Path:
    """An instance with audiences, none of which is declared yet."""
    (tmp_path / "lists.py").write_text(PLUGIN)
    file = tmp_path / "offramp.toml"
    file.write_text(CONFIG.format(url=local_partner.url))
    return file


@pytest.fixture
def declared(config: Path) -> Path:
    """The same with one audience, which is not created."""
    config.write_text(config.read_text() + AUDIENCE)
    return config


@pytest.fixture
async def host(config: Path) -> AsyncIterator[Process]:
    """`offramp serve`, ready."""
    async with serving(config, "http://127.0.0.1:9") as process:
        yield process


async def offramp(host: Process, *arguments: str) -> Answer:
    """Run a command against a host."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, "--url", host.url, "--token", "token-of-the-test",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return Answer(process.returncode or 0, out.decode(), err.decode())


async def audiences(host: Process, action: str, *more: str, status: int = 0) -> str:
    """What `offramp audiences` says of the instance."""
    answer = await offramp(host, "audiences", action, "ads", *more)
    assert answer.status == status, answer
    return answer.err if status else answer.out


async def identify(host: Process) -> None:
    """Send an event that names the audience, as an SDK does."""
    key = base64.b64encode(b"key-of-the-site:").decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {key}"}) as session,
        session.post(f"{host.url}/v1/batch", json={"batch": [EVENT]}) as answer,
    ):
        assert answer.status == 200


def sent(partner: LocalPartner, path: str) -> list[Any]:
    """The bodies of the requests to a path."""
    return [each.json for each in partner.requests if each.url == f"{partner.url}{path}"]


async def test_an_audience_from_its_key_to_its_first_member(
    host: Process, local_partner: LocalPartner
) -> None:
    """Added, listed with what to do, created, asked for, deleted here; its events wait for it."""
    assert await audiences(host, "list") == await audiences(host, "list")
    added = await audiences(
        host, "add", "vip", "--name", "VIP users", "--settings", '{"listKind": "email"}'
    )
    assert "`offramp audiences create ads vip` creates it" in added
    assert "not created" in await audiences(host, "list")

    local_partner.post("/lists", status=422)
    refused = await audiences(host, "create", "vip", status=2)
    assert "the audience 'vip' was not created" in refused
    local_partner.post("/lists", payload={"id": "L1"})
    local_partner.post("/members", repeat=True)
    await identify(host)
    assert await audiences(host, "create", "vip") == "vip: L1\n"
    await until(lambda: sent(local_partner, "/members") == [{"list": "L1", "id": "u1"}])
    assert sent(local_partner, "/lists")[-1] == {"name": "VIP users", "kind": "email"}

    local_partner.get("/lists/L1", payload={"id": "L1"})
    local_partner.get("/lists/L1", status=404)
    assert await audiences(host, "get", "vip") == "vip: L1\n"
    missing = await offramp(host, "audiences", "get", "ads", "vip")
    assert (missing.status, missing.out) == (2, "vip: not_found\n")
    listed = json.loads(await audiences(host, "list", "--json"))
    assert (listed["state"], listed["external_id"]) == ("created", "L1")
    assert await audiences(host, "delete", "vip") == "deleted here: vip; the partner keeps it\n"
    assert await audiences(host, "list", "--json") == ""


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (["create"], "name the audience: `offramp audiences create ads KEY`"),
        (["add", "vip", "--settings", "{"], "--settings: "),
        (["add", "vip", "--settings", '{"listKind": "fax"}'], "fax"),
        (["add", "vip", "--settings", '{"kind": "email"}'], "kind"),
        (["adopt", "vip"], "give the partner's id: `offramp audiences adopt INSTANCE KEY ID`"),
        (["create", "vpi"], "vpi"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(
    host: Process, arguments: list[str], saying: str
) -> None:
    """Nothing is asked of the partner then."""
    assert saying in await audiences(host, *arguments, status=2)


async def test_an_audience_that_the_partner_has_is_adopted(
    host: Process, local_partner: LocalPartner
) -> None:
    """After the partner was asked for it, unless that is not wanted."""
    await audiences(host, "add", "vip", "--settings", '{"listKind": "email"}')
    local_partner.get("/lists/L7", status=404)
    assert "404" in await audiences(host, "adopt", "vip", "L7", status=2)
    local_partner.get("/lists/L7", payload={"id": "L7"})
    assert await audiences(host, "adopt", "vip", "L7") == "vip: L7\n"
    assert await audiences(host, "adopt", "vip", "L8", "--no-check") == "vip: L8\n"


async def test_a_host_that_is_killed_while_an_audience_is_created_knows_that(
    declared: Path, local_partner: LocalPartner
) -> None:
    """After kill -9 nothing is created again by itself; what to do is told wherever one looks."""
    local_partner.post("/lists", payload={"id": "L1"}, delay=PATIENCE)
    local_partner.post("/members", repeat=True)
    async with serving(declared, "http://127.0.0.1:9") as host:
        creating = asyncio.create_task(offramp(host, "audiences", "create", "ads", "vip"))
        await until(lambda: len(local_partner.requests) == 1)
        await host.stop(signal.SIGKILL)
        assert (await creating).status == 2
    async with serving(declared, "http://127.0.0.1:9") as host:
        listed = json.loads(await audiences(host, "list", "--json"))
        assert listed["state"] == "unknown"
        remedy = "look at the partner: if it is there, `offramp audiences adopt ads vip ID` uses it"
        assert remedy in await audiences(host, "list")
        status = await offramp(host, "status")
        assert "offramp audiences adopt ads vip ID" in " ".join(status.out.split())
        refused = await audiences(host, "create", "vip", status=2)
        assert "its creation was begun, and how that ended is not known" in refused
        assert len(local_partner.requests) == 1
        local_partner.get("/lists/L1", payload={"id": "L1"})
        await identify(host)
        assert await audiences(host, "adopt", "vip", "L1") == "vip: L1\n"
        await until(lambda: sent(local_partner, "/members") == [{"list": "L1", "id": "u1"}])


@pytest.mark.parametrize(
    ("key", "personas", "saying"),
    [
        (
            "vip",
            {},
            (
                "audience vip (VIP users): the instance fills in $.context.personas."
                "external_audience_id, $.context.personas.audience_settings, "
                "$.context.personas.computation_class"
            ),
        ),
        (
            "vip",
            {
                "external_audience_id": "L2",
                "audience_settings": {"listKind": "phone"},
                "computation_class": "audience",
            },
            "audience vip (VIP users): the event has all of it",
        ),
        ("new", {}, "audience new: the instance has no such audience; the event is mapped as it"),
    ],
    ids=["filled", "complete", "unknown"],
)
def test_an_explanation_names_the_audience_of_an_event(
    declared: Path, key: str, personas: dict[str, Any], saying: str
) -> None:
    """With what the instance adds to the event, so that its values can be understood."""
    declared.write_text(declared.read_text() + 'external_id = "L1"\n')
    event = {**EVENT, "context": {"personas": {"computation_key": key, **personas}}}
    ran = subprocess.run(
        [*COMMAND, "explain", "--config", declared],
        input=json.dumps(event),
        capture_output=True,
        env={**os.environ, "COLUMNS": "250"},
        text=True,
        check=False,
    )
    assert saying in ran.stdout
