"""Modules that `offramp lint` reads: each faulty line is marked with `# !` and a code."""

from __future__ import annotations

from typing import Final

_HEAD: Final = """
from __future__ import annotations

import asyncio
import subprocess
import time
import urllib.request as web
from pathlib import Path
from time import sleep
from urllib.parse import quote

import offramp
from offramp import Request, join_url, quote_path

BASE = "https://api.example"


"""

#: What is wrong -> functions with it, beside functions that do the like rightly.
FUNCTIONS: Final = {
    "sleeping": """
async def perform(self, request, payload):
    time.sleep(1)  # ! blocking-call
    sleep(1)  # ! blocking-call
    await asyncio.sleep(1)
    await asyncio.to_thread(time.sleep, 1)

def main():
    time.sleep(1)
""",
    "reading files and starting programs": """
async def perform(self, request, payload):
    with open("key.pem") as file:  # ! blocking-call
        file.read()
    Path("key.pem").read_text()  # ! blocking-call
    subprocess.run(["ls"])  # ! blocking-call
    web.urlopen(BASE)  # ! blocking-call
    await asyncio.to_thread(Path("key.pem").read_text)

    def in_a_thread():
        return open("key.pem").read()

    await asyncio.to_thread(in_a_thread)
""",
    "other clients": """
import httpx
import requests
import sqlite3

async def perform(self, request, payload):
    requests.post(BASE, json={})  # ! blocking-call
    httpx.get(BASE)  # ! blocking-call
    sqlite3.connect("a.db")  # ! blocking-call
    async with httpx.AsyncClient() as client:
        await client.get(BASE)
""",
    "a helper that blocks": """
def read_key():
    return open("key.pem").read()  # ! blocking-call

def read_other_key():
    return open("key.pem").read()

class Send:
    def pause(self):
        sleep(1)  # ! blocking-call

    async def perform(self, request, payload):
        self.pause()
        return read_key()

KEY = read_other_key()
""",
    "a name that only looks like a builtin": """
def open(path):
    return path

async def perform(self, request, payload):
    open("key.pem")
    payload.open("key.pem")
""",
    "requests that are dropped": """
async def perform(self, request, payload):
    request.post(BASE, json={})  # ! request-not-awaited
    answer = request.get(BASE)  # ! request-not-awaited
    if answer.ok:
        return answer.json()
    request.get(BASE).json()  # ! request-not-awaited
    return request.send("PUT", BASE)  # ! request-not-awaited

async def right(self, request, payload):
    await request.post(BASE, json={})
    one, two = request.get(BASE), request.get(BASE)
    third = request.get(BASE)
    answer = request.get(BASE)
    await asyncio.gather(one, two, third)
    return (await answer).json()

def helper(request):
    return request.get(BASE)
""",
    "requests by their annotation": """
async def perform(self, partner: Request[object], request: dict[str, str]):
    partner.post(BASE)  # ! request-not-awaited
    request.get("name")

async def other(partner: offramp.Request, quoted: "Request[object]", odd: "not this"):
    partner.post(BASE)  # ! request-not-awaited
    quoted.post(BASE)  # ! request-not-awaited
    odd.post(BASE)
""",
    "functions of the module that do not run": """
async def call(request):
    await request.get(BASE)

class Send:
    async def note(self, request): ...

    async def perform(self, request, payload):
        call(request)  # ! request-not-awaited
        self.note(request)  # ! request-not-awaited
        await call(request)
        await self.note(request)
        asyncio.create_task(call(request))
""",
    "values in a path": """
async def perform(self, request, payload):
    await request.put(f"{BASE}/notes/{payload.id}")  # ! unquoted-url
    await request.put(BASE + "/notes/" + payload.id)  # ! unquoted-url
    await request.put("https://api.example/%s" % payload.id)  # ! unquoted-url
    await request.put("https://api.example/{}".format(payload.id))  # ! unquoted-url
    await request.send("PUT", url=f"{BASE}/{request.settings.space}")  # ! unquoted-url
    await request.put(f"{BASE}/notes/{quote_path(payload.id)}")
    await request.put(BASE + "/notes/" + quote(payload.id, safe=""))
    await request.put(join_url(BASE, "notes", payload.id))
    await request.put(f"{BASE}/notes", json={"id": f"note/{payload.id}"})
""",
    "values that a variable holds": """
async def perform_batch(self, request, payloads):
    for each in payloads:
        name = each.id.strip() or "none"
        url = f"{BASE}/notes/{name}"  # ! unquoted-url
        await request.put(url)
        safe = quote_path(each.id)
        await request.put(f"{BASE}/notes/{safe}")
    await request.put(join_url(f"{BASE}/{payloads[0].id}", "x"))  # ! unquoted-url
""",
    "values in a query": """
async def on_delete(request, event):
    await request.delete(f"{BASE}/users?id={event['userId']}")  # ! unquoted-url
    await request.delete(f"{BASE}/users", params={"id": event["userId"]})
""",
    "a URL that begins with a setting": """
async def perform(self, request, payload):
    await request.post(f"{request.settings.url}/notes")
    await request.post(request.settings.url)
    await request.post(join_url(request.settings.url, payload.id))
    url = request.settings.url + "/notes"
    await request.post(url)
""",
    "what a comment ignores": """
async def perform(self, request, payload):
    time.sleep(0)  # offramp: ignore[blocking-call]
    request.post(f"{BASE}/{payload.id}")  # offramp: ignore[unquoted-url, request-not-awaited]
    time.sleep(0)  # offramp: ignore[unquoted-url]  # ! blocking-call
""",
}

_DESTINATION: Final = """
import attrs
from offramp import Action, Destination, field, setting


@attrs.frozen
class Settings:
    {settings}


@attrs.frozen
class Payload:
    id: str = field()
    {field}


class Send(Action[Settings, Payload]):
    slug, title = "send", "Send"

    async def perform(self, request, payload):
        await request.post("https://api.example")


async def check(request):
    await request.get("https://api.example")


notes = {destination}
"""

_TESTED: Final = 'Destination(slug="notes", name="Notes", settings=Settings, actions=[Send], {})'


def _destination(settings: str, *, field: str = "", end: str = "") -> str:
    tested = "" if end else "test_authentication=check"
    made = _TESTED.format(tested) + end
    return _DESTINATION.format(settings=settings, field=field, destination=made)


#: What is wrong -> a module with a destination.
DESTINATIONS: Final = {
    "a secret setting that is not marked": _destination(
        'api_key: str = setting(key="apiKey")  # ! unmarked-secret'
    ),
    "a secret field that is not marked": _destination(
        "region: str = setting()", field="access_token: str = field()  # ! unmarked-secret"
    ),
    "secrets that are marked": _destination(
        'api_key: str = setting(type="password")\n    token: str = setting(secret=True)',
        field="page_token: str = field()\n    other_secret: str = field(secret=False)",
    ),
    "secrets that nobody can test": _destination(
        'api_key: str = setting(type="password")', end="  # ! untested-secret"
    ),
    "secrets that only sign": _destination(
        'api_key: str = setting(type="password")', end="  # offramp: ignore[untested-secret]"
    ),
    "no secret, and no test": _destination("region: str = setting()", end=" "),
}

#: Name -> the text of a module.
MODULES: Final = {
    **{name: _HEAD + text for name, text in FUNCTIONS.items()},
    **DESTINATIONS,
}
