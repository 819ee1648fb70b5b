"""HubSpot's endpoints for custom events: their definitions, and what occurred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from offramp_hubspot.emulator.answers import (
    CONFLICT,
    NOT_FOUND,
    RefusedError,
    answer,
    read_inputs,
    read_object,
    whole_number,
)
from offramp_hubspot.emulator.crm import VERSION
from offramp_hubspot.emulator.schema import PORTAL_ID

if TYPE_CHECKING:
    from offramp_hubspot.emulator.state import State

#: Source: HubSpot, "Send custom event occurrences", limits.
MAX_OCCURRENCES: Final = 500
MAX_PROPERTIES: Final = 50
MAX_PAGE: Final = 100
#: What identifies the record of an occurrence.
IDENTIFIERS: Final = ("email", "objectId", "utk")


class Events:
    """Handlers of the endpoints of custom events.

    Args:
        state: The emulator's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        definitions = f"/events/{VERSION}/event-definitions"
        return [
            web.get(definitions, self._list),
            web.post(definitions, self._define),
            web.get(f"{definitions}/{{name}}", self._get),
            web.post(f"/events/{VERSION}/send/batch", self._send),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        sought = request.query.get("searchString", "").lower()
        found = [each for each in self._state.definitions.values() if sought in each["name"]]
        start = int(request.query.get("after", 0))
        end = start + whole_number(request.query.get("limit"), MAX_PAGE, most=MAX_PAGE)
        paging = {"paging": {"next": {"after": str(end)}}} if end < len(found) else {}
        return answer({"total": len(found), "results": found[start:end], **paging})

    async def _get(self, request: web.Request) -> web.Response:
        found = self._state.definitions.get(request.match_info["name"])
        if found is None:
            raise RefusedError(
                "Event definition not found", category="OBJECT_NOT_FOUND", status=NOT_FOUND
            )
        return answer(found)

    async def _define(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        name, label = body.get("name"), body.get("label")
        if not isinstance(name, str) or not isinstance(label, str) or not name:
            raise RefusedError("name and label are required")
        if f"pe{PORTAL_ID}_{name}" in self._state.definitions:
            message = f"Event type with name {name} already exists"
            raise RefusedError(message, category="CONFLICT", status=CONFLICT)
        return answer(self._state.define(name, label, body.get("propertyDefinitions", [])))

    async def _send(self, request: web.Request) -> web.Response:
        inputs = read_inputs(await read_object(request), most=MAX_OCCURRENCES)
        for given in inputs:
            self._check(given)
        self._state.occurrences += inputs
        return web.Response(status=204)

    def _check(self, given: Mapping[str, Any]) -> None:
        """Refuse an occurrence, and with it the whole batch."""
        definition = self._state.definitions.get(str(given.get("eventName")))
        if definition is None:
            raise RefusedError(f"No event type exists with name {given.get('eventName')}")
        if not any(given.get(each) for each in IDENTIFIERS):
            raise RefusedError("An occurrence needs an email, an objectId or a utk")
        properties = given.get("properties", {})
        if len(properties) > MAX_PROPERTIES:
            raise RefusedError(f"{len(properties)} properties; the limit is {MAX_PROPERTIES}")
        known = {each["name"] for each in definition["properties"]}
        unknown = sorted(properties.keys() - known)
        if unknown:
            raise RefusedError(f"Properties do not exist: {', '.join(unknown)}")
