"""A call of each operation of the control API, a host with something to answer, and its schemas."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from tests.api.conftest import PATIENCE, SUBSCRIPTION, TOKEN, Running
from tests.api.granted import INSTANCE
from tests.delivery.parts import event

ID = quote(SUBSCRIPTION, safe="")
#: The name of a backup; its folder is the test's.
BACKUP = "backup"
#: The body that finishes a connect; its state is that of the one before it.
CODE = {"code": "the-code"}


#: Method, path, what fills it or follows it, and the body.
CALLS: list[tuple[str, str, str, Any]] = [
    ("GET", "/api/status", "", None),
    ("GET", "/api/status", "?instance=small", None),
    ("GET", "/api/reconciliation", "", None),
    ("GET", "/api/events", "?limit=2", None),
    ("GET", "/api/events/{message_id}", "bad-1", None),
    ("GET", "/api/events/{message_id}", "filtered", None),
    ("GET", "/api/catalog", "", None),
    ("GET", "/api/catalog/{slug}", "small", None),
    ("GET", "/api/sandboxes", "", None),
    ("POST", "/api/sandboxes/{slug}", "small", None),
    ("GET", "/api/sandboxes/{slug}", "small", None),
    ("GET", "/api/sandboxes/{slug}/received", "small", None),
    ("DELETE", "/api/sandboxes/{slug}", "small", None),
    ("GET", "/api/sources", "", None),
    ("POST", "/api/sources", "", {"name": "app", "write_key": "k"}),
    ("GET", "/api/sources/{name}", "site", None),
    ("PATCH", "/api/sources/{name}", "site", {"enabled": True}),
    *[("POST", f"/api/sources/{{name}}/{word}", "app", None)
      for word in ("disable", "enable", "pause", "resume")],
    ("GET", "/api/sources/{name}/keys", "app", None),
    ("POST", "/api/sources/{name}/keys", "app", {"label": "app"}),
    ("DELETE", "/api/sources/{name}/keys/{label}", "app", None),
    ("GET", "/api/sources/{name}/snippets", "app", None),
    ("POST", "/api/sources/{name}/test-event", "app", {"userId": "u", "event": "E"}),
    ("POST", "/api/delete-requests", "", {"source": "app", "user_id": "u"}),
    ("DELETE", "/api/sources/{name}", "app", None),
    ("GET", "/api/instances", "", None),
    ("POST", "/api/instances", "", {"name": "b", "destination": "small", "source": "site",
     "settings": {"token": "abcd"}, "requests_per_second": 5, "max_concurrency": 2}),
    ("POST", "/api/instances", "", {"destination": "small", "source": "site", "presets": True,
     "settings": {"token": "abcd"}}),
    ("GET", "/api/instances/{name}", "small", None),
    ("PATCH", "/api/instances/{name}", "small", {"requests_per_second": 5.5}),
    ("POST", "/api/instances/{name}/disable", "b", None),
    ("POST", "/api/instances/{name}/enable", "b", None),
    ("POST", "/api/instances/{name}/pause", "b", None),
    ("POST", "/api/instances/{name}/resume", "b", None),
    ("POST", "/api/instances/{name}/test", "small", None),
    ("DELETE", "/api/instances/{name}", "b", None),
    ("POST", "/api/instances", "", {"name": "ads", "destination": "lists", "source": "site",
     "settings": {"token": "abcd"}}),
    ("POST", "/api/instances/{name}/audiences", "ads", {"key": "ads", "name": "VIP"}),
    ("GET", "/api/instances/{name}/audiences", "ads", None),
    ("PATCH", "/api/instances/{name}/audiences/{key}", "ads", {"settings": {"secret": "abcd"}}),
    ("POST", "/api/instances/{name}/audiences/{key}/create", "ads", None),
    ("POST", "/api/instances/{name}/audiences/{key}/get", "ads", None),
    ("POST", "/api/instances/{name}/audiences/{key}/adopt", "ads", {"external_id": "L1"}),
    ("DELETE", "/api/instances/{name}/audiences/{key}", "ads", None),
    ("POST", "/api/instances", "", INSTANCE),
    ("POST", "/api/instances/{name}/grant/authorize", "granted", None),
    ("POST", "/api/instances/{name}/grant/code", "granted", CODE),
    ("POST", "/api/instances/{name}/grant/client-credentials", "granted", None),
    ("POST", "/api/instances/{name}/grant/tokens", "granted", {"refresh_token": "pasted-1"}),
    ("POST", "/api/instances/{name}/grant/refresh", "granted", None),
    ("GET", "/api/instances/{name}/grant", "granted", None),
    ("DELETE", "/api/instances/{name}/grant", "granted", None),
    ("GET", "/api/subscriptions", "?instance=small", None),
    ("POST", "/api/subscriptions", "", {"instance": "small", "preset": "Take tracks"}),
    ("GET", "/api/subscriptions/{id}", ID, None),
    ("PATCH", "/api/subscriptions/{id}", ID, {"trigger": 'type = "track"'}),
    ("PATCH", "/api/subscriptions/{id}", f"{ID}?dry_run=true", {"trigger": 'type = "page"'}),
    ("POST", "/api/subscriptions/{id}/disable", ID, None),
    ("POST", "/api/subscriptions/{id}/enable", ID, None),
    ("POST", "/api/subscriptions/{id}/pause", ID, None),
    ("POST", "/api/subscriptions/{id}/resume", ID, None),
    ("POST", "/api/subscriptions/{id}/duplicate", ID, None),
    ("GET", "/api/triggers/vocabulary", "", None),
    ("POST", "/api/triggers/parse", "", {"text": "a.b = 1 or c"}),
    ("POST", "/api/triggers/parse", "", {"text": '!contains(userId, "@x") and length(a) > 0.5'}),
    ("POST", "/api/triggers/generate", "", {"tree": {"type": "group", "operator": "and",
     "children": [{"type": "event-type", "name": "type", "operator": "=", "value": "track"}]}}),
    ("POST", "/api/triggers/match", "", {"trigger": 'type = "track"', "events": [{}]}),
    ("POST", "/api/triggers/recent", "", {"trigger": 'event = "x"', "source": "site"}),
    ("POST", "/api/triggers/samples", "", {"trigger": 'type = "track"', "instance": "small"}),
    ("POST", "/api/explain", "", {"message_id": "bad-1", "subscription": SUBSCRIPTION}),
    ("POST", "/api/explain", "", {"message_id": "bad-1", "candidate": {"instance": "small",
     "action": "take", "trigger": "type =", "mapping": {"id": {"@if": {}}}}}),
    ("POST", "/api/dynamic-choices", "", {"subscription": SUBSCRIPTION, "field": "kind"}),
    ("POST", "/api/test-sends", "", {"message_id": "bad-1", "subscription": SUBSCRIPTION,
     "confirm": True}),
    ("GET", "/api/deliveries", f"?subscription={ID}", None),
    ("GET", "/api/dead-letters", "", None),
    ("GET", "/api/errors", "", None),
    ("GET", "/api/stats", "", None),
    ("GET", "/api/latency", f"?subscription={ID}", None),
    ("POST", "/api/replays", "", {"all": True, "dry_run": True}),
    ("POST", "/api/replays", "", {"all": True}),
    ("GET", "/api/replays", "", None),
    ("GET", "/api/replays/{id}", "LATEST", None),
    ("POST", "/api/backups", "", {"path": BACKUP}),
    ("GET", "/api/backups", "", None),
    ("GET", "/api/backups/{id}", "LATEST", None),
    ("GET", "/api/restored", "", None),
    ("POST", "/api/sealing-keys/rotate", "", None),
    ("POST", "/api/restored", "", {"decision": "send", "all": True}),
    ("GET", "/api/damaged-events", "", None),
    ("POST", "/api/damaged-events", "", {"decision": "expire", "all": True}),
    ("GET", "/api/config", "", None),
    ("POST", "/api/config", "?dry_run=true", {"sources": {"x": {"write_key": "k"}}}),
    ("GET", "/api/tokens", "", None),
    ("POST", "/api/tokens", "", {"label": "ci"}),
    ("DELETE", "/api/tokens/{label}", "ci", None),
    ("POST", "/api/sessions", "", {"token": TOKEN}),
    ("POST", "/api/sessions/codes", "", None),
    ("GET", "/api/sessions/current", "", None),
    ("DELETE", "/api/sessions/current", "", None),
    ("POST", "/api/reload", "", None),
    ("GET", "/api/audit-log", "?kind=subscription&limit=2", None),
    ("DELETE", "/api/subscriptions/{id}", ID, None),
    ("GET", "/api/openapi.json", "", None),
]  # fmt: skip


async def prepared(host: Running) -> Any:
    """The description of the API, once events were delivered, rejected and filtered."""
    await host.send("m1", "bad-1", kind="k")
    await host.context.engine.accept("site", [{**event("filtered"), "event": "Secret"}])
    return await host.get("/api/openapi.json")


async def ended(host: Running, name: str) -> dict[str, Any]:
    """A replay once it has ended."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = await host.get(f"/api/replays/{name}")
            if answer["state"] in ("done", "failed"):
                assert isinstance(answer, dict)
                return answer
            await asyncio.sleep(0.01)


KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": int | Decimal,
}


def faults(schema: Any, value: Any, document: Any, place: str = "$") -> list[str]:
    """Where a value does not fit a schema; keys that no schema names are faults too."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return faults(document["components"]["schemas"][name], value, document, place)
    if "anyOf" in schema:
        return min((faults(each, value, document, place) for each in schema["anyOf"]), key=len)
    if "enum" in schema and value not in schema["enum"]:
        return [f"{place}: {value!r} is not in {schema['enum']}"]
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (value is True and kind != "boolean")):
        return [f"{place}: {value!r} is no {kind}"]
    found: list[str] = []
    if kind == "array":
        for number, item in enumerate(value):
            found += faults(schema.get("items", {}), item, document, f"{place}[{number}]")
    if "properties" in schema:
        found += [f"{place}: lacks {key}" for key in schema.get("required", ()) if key not in value]
        for key, item in value.items():
            inner = schema["properties"].get(key)
            messages = [f"{place}.{key}: is not documented"]
            within = f"{place}.{key}"
            found += messages if inner is None else faults(inner, item, document, within)
    return found
