"""From an SDK's request through `offramp serve` to a partner, while processes are killed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from multidict import CIMultiDict

from offramp import hash_personal, normalize_email
from offramp.testing import LocalPartner, RecordedRequest

OFFRAMP = Path(sys.executable).with_name("offramp")
PATIENCE = 30.0
EVENTS = 120
API_TOKEN = "token-of-the-test"
#: Six lines configure a destination; the rest is the test's own partner.
CONFIG = f"""
plugin_files = ["to_partner.py"]

[host]
api_token = "{API_TOKEN}"
egress.allow = ["127.0.0.0/8"]

[sources.site]
write_key = "key-of-the-site"

[plugins.segment]
destinations = ["actions-slack"]

[instances.chat]
destination = "actions-slack"
source = "site"

[[instances.chat.subscriptions]]
name = "messages"
action = "postToChannel"
trigger = 'type = "track"'
mapping = {{ url = "https://hooks.slack.com/services/T/B", text = {{ "@path" = "$.event" }} }}
"""
TO_PARTNER = '''
"""Sends every request to the partner of the test: the path says the host, a header all of it."""

import os
from urllib.parse import urlsplit

from offramp import hookimpl


@hookimpl
def offramp_middleware(destination):
    async def send(outgoing, handler):
        outgoing.headers["X-Address"] = outgoing.url
        outgoing.url = f"{os.environ['PARTNER']}/{urlsplit(outgoing.url).netloc}"
        return await handler(outgoing)

    return [send]
'''
#: Twelve destinations, and how many events each gets.
TWELVE = Path(__file__).with_name("twelve.toml")
MEMBERS = 40
#: Where each instance of the twelve sends its events.
HOSTS = {
    "amplitude": "api2.amplitude.com",
    "braze": "rest.iad-01.braze.com",
    "customerio": "track.customer.io",
    "facebook": "graph.facebook.com",
    "ga4": "www.google-analytics.com",
    "hubspot": "api.hubapi.com",
    "iterable": "api.iterable.com",
    "klaviyo": "a.klaviyo.com",
    "mixpanel": "api.mixpanel.com",
    "salesforce": "acme.my.salesforce.com",
    "slack": "hooks.slack.com",
    "webhook": "receiver.example",
}
#: Those of the twelve that delete users, and how they ask their partners for it.
DELETING = {
    "amplitude": ("POST", "https://amplitude.com/api/2/deletions/users"),
    "braze": ("POST", "https://rest.iad-01.braze.com/users/delete"),
    "customerio": ("DELETE", "https://track.customer.io/api/v1/customers/forgotten"),
    "klaviyo": ("POST", "https://a.klaviyo.com/api/data-privacy-deletion-jobs/"),
}
#: Hosts that are asked for something else than to take events.
OTHER_HOSTS = ("amplitude.com", "login.salesforce.com")
#: What is read of any answer: OAuth tokens, and the id of a new list.
ANSWER = {
    "access_token": "granted",
    "refresh_token": "next",
    "listId": 77,
    "lists": [{"id": 77, "name": "Buyers"}],
}


@contextlib.asynccontextmanager
async def serving(
    folder: Path, partner: LocalPartner, config: str = CONFIG
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """`offramp serve` in a process of its own: its address, and the process."""
    file, data, log = folder / "offramp.toml", folder / "data", folder / "log"
    file.write_text(config)
    file.with_name("to_partner.py").write_text(TO_PARTNER)
    address = data / "url"
    address.unlink(missing_ok=True)
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            OFFRAMP, "serve", file, "--port", "0", "--data-dir", data,
            stderr=errors, env={**os.environ, "PARTNER": partner.url},
        )  # fmt: skip
    try:
        await until(lambda: address.is_file() and address.read_text() != "")
        yield address.read_text().strip(), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


def numbered(number: int) -> dict[str, Any]:
    """A small event."""
    return {"type": "track", "event": f"E{number}", "userId": "u", "messageId": f"m{number}"}


def member(number: int) -> dict[str, Any]:
    """An event that has what each of the twelve needs."""
    return {
        "type": "track",
        "event": "Signed Up",
        "userId": f"member-{number}",
        "messageId": f"member-{number}",
        "properties": {
            "email": f"member-{number}@example.com",
            "company": "Acme",
            "currency": "EUR",
            "revenue": 9.5,
            "buyers": True,
        },
        "context": {
            "traits": {
                "email": f" Member-{number}@Example.COM ",
                "phone": f"+1 (555) 010-{number:04}",
            },
            "personas": {"computation_key": "buyers"},
            "page": {"url": "https://shop.example/"},
            "userAgent": "a browser",
        },
    }


async def send(url: str, batch: Iterable[dict[str, Any]]) -> None:
    """Send events as an SDK does."""
    key = base64.b64encode(b"key-of-the-site:").decode()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Basic {key}"}) as session,
        session.post(f"{url}/v1/batch", json={"batch": list(batch)}) as answer,
    ):
        assert answer.status == 200


async def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    """A call of the control API."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {API_TOKEN}"}) as session,
        session.request(method, f"{url}/api/{path}", json=body) as answer,
    ):
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def delivered(url: str, *, deletions: bool = False) -> dict[str, int]:
    """How many events each instance took, or how many deletions."""
    found = (await ask(url, "GET", "status"))["subscriptions"]
    return {
        each["instance"]: each["delivered"]
        for each in found
        if each["id"].endswith("/on_delete") == deletions
    }


def workers_of(process: asyncio.subprocess.Process) -> list[int]:
    """The processes of Node.js that a host has started."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdecimal():
                line = (folder / "stat").read_text().rpartition(")")[2].split()
                is_worker = b"worker.cjs" in (folder / "cmdline").read_bytes()
                if int(line[1]) == process.pid and is_worker:
                    found.append(int(folder.name))
    return found


def is_running(process: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_nothing_is_lost_when_workers_and_the_host_are_killed(tmp_path: Path) -> None:
    """Kill -9 of the worker and of the host under load: each event arrives, some of them twice."""
    with LocalPartner() as partner:
        partner.post("/hooks.slack.com", body="ok", repeat=True, delay=0.02)

        def arrived() -> Counter[bytes]:
            return Counter(each.body for each in partner.requests)

        async with serving(tmp_path, partner) as (url, process):
            await send(url, map(numbered, range(EVENTS // 2)))
            await until(lambda: len(arrived()) > 5)
            [worker] = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            await until(lambda: len(arrived()) > 20)
            process.kill()
            await process.wait()
        async with serving(tmp_path, partner) as (url, process):
            await send(url, map(numbered, range(EVENTS // 2, EVENTS)))

            async def settled() -> bool:
                return await delivered(url) == {"chat": EVENTS}

            await until(settled)
            [worker] = workers_of(process)
        assert len(arrived()) == EVENTS
        # The host took its worker with it.
        assert not is_running(worker)
    log = (tmp_path / "log").read_text()
    assert "workers of Segment's destinations: 1" in log
    assert "no file system" in log


def answer_all(partner: LocalPartner) -> None:
    """Script an answer to every request of the twelve."""
    for host in (*HOSTS.values(), *OTHER_HOSTS):
        for method in ("GET", "POST", "PATCH", "DELETE"):
            partner.answer(method, f"/{host}", payload=ANSWER, repeat=True, delay=0.02)


def text(request: RecordedRequest) -> str:
    """What a destination sent: method, address and body."""
    return f"{request.method} {unquote(request.headers['X-Address'])} {request.body.decode()}"


def events_of(partner: LocalPartner, instance: str) -> list[RecordedRequest]:
    """The requests of an instance that have events."""
    path = f"/{HOSTS[instance]}"
    sent = (each for each in partner.requests if urlsplit(each.url).path == path)
    return [each for each in sent if "member-" in text(each)]


def members(partner: LocalPartner, instance: str) -> set[int]:
    """The numbers of the events that an instance sent."""
    texts = " ".join(map(text, events_of(partner, instance)))
    return {int(number) for number in re.findall(r"member-(\d+)", texts)}


async def connect_all(url: str) -> None:
    """What an operator does before events flow: two grants, and the audience."""
    for name in ("hubspot", "salesforce"):
        await ask(url, "POST", f"instances/{name}/grant/tokens", {"refresh_token": "r"})
    await ask(url, "POST", "instances/iterable/audiences/buyers/create")


async def test_twelve_destinations_get_every_event_through_kills(tmp_path: Path) -> None:
    """Partners of all kinds in one host: kill -9 of worker and host loses none of their events."""
    config = TWELVE.read_text()
    with LocalPartner() as partner:
        answer_all(partner)
        async with serving(tmp_path, partner, config) as (url, process):
            await connect_all(url)
            await send(url, map(member, range(MEMBERS // 2)))
            await until(lambda: len(partner.requests) > 20)
            [worker] = workers_of(process)
            os.kill(worker, signal.SIGKILL)
            seen = len(partner.requests)
            await until(lambda: len(partner.requests) > seen + 20)
            process.kill()
            await process.wait()
            # Some of it is still to come.
            assert any(len(members(partner, instance)) < MEMBERS // 2 for instance in HOSTS)
        async with serving(tmp_path, partner, config) as (url, _):
            await send(url, map(member, range(MEMBERS // 2, MEMBERS)))

            async def settled() -> bool:
                return await delivered(url) == dict.fromkeys(HOSTS, MEMBERS)

            await until(settled)
        assert partner.unscripted == []
        for instance in HOSTS:
            assert members(partner, instance) == set(range(MEMBERS)), instance
        check_credentials(partner)
        check_facebook(partner)


def check_credentials(partner: LocalPartner) -> None:
    """Tokens that partners granted before the kill serve after it; a webhook is signed."""
    for instance in ("hubspot", "salesforce"):
        tokens = {each.headers.get("Authorization") for each in events_of(partner, instance)}
        assert tokens == {"Bearer granted"}, instance
    for each in events_of(partner, "webhook"):
        signature = hmac.new(b"a-shared-secret", each.body, hashlib.sha1).hexdigest()
        assert CIMultiDict(each.headers)["X-Signature"] == signature


def check_facebook(partner: LocalPartner) -> None:
    """Facebook gets the hashes of normalised personal data, and none of it in the clear."""
    for each in events_of(partner, "facebook"):
        assert b"@" not in each.body
        [event] = json.loads(each.body)["data"]
        traits = member(int(event["event_id"].removeprefix("member-")))["context"]["traits"]
        digits = re.sub(r"\D", "", traits["phone"])
        assert event["user_data"]["em"] == hash_personal(traits["email"], normalize_email)
        assert event["user_data"]["ph"] == hashlib.sha256(digits.encode()).hexdigest()


async def test_a_deletion_reaches_the_destinations_that_delete(tmp_path: Path) -> None:
    """A request to delete a user goes to the partners whose destinations declare `onDelete`."""
    with LocalPartner() as partner:
        answer_all(partner)
        async with serving(tmp_path, partner, TWELVE.read_text()) as (url, _):
            wanted = {"source": "site", "user_id": "forgotten"}
            asked = await ask(url, "POST", "delete-requests", wanted)
            assert asked["subscriptions"] == [f"{name}/on_delete" for name in DELETING]

            async def settled() -> bool:
                return await delivered(url, deletions=True) == dict.fromkeys(DELETING, 1)

            await until(settled)
        sent = [(each.method, each.headers["X-Address"]) for each in partner.requests]
        assert sorted(sent) == sorted(DELETING.values())
        assert all("forgotten" in text(each) for each in partner.requests)
