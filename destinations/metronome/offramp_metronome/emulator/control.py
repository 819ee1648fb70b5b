"""The emulator's own endpoints, under `/_emulator`: set faults, read statistics and events."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs
from aiohttp import web

from offramp_metronome.emulator.faults import Fault
from offramp_metronome.emulator.limits import RefusedError
from offramp_metronome.emulator.wire import json_answer, read_json, whole_number

if TYPE_CHECKING:
    from offramp_metronome.emulator.state import State

_PAGE = 100  # events, unless the query says otherwise
_MOST = 10**9  # events; more would not fit into memory


class Control:
    """Handlers of `/_emulator/...`; they require no token.

    Args:
        state: The emulator's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """List the endpoints, without the prefix `/_emulator`."""
        return [
            web.get("/stats", self._stats),
            web.get("/events", self._events),
            web.get("/events/{transaction_id:.+}", self._event),
            web.get("/faults", self._faults),
            web.post("/faults", self._add_faults),
            web.delete("/faults", self._clear_faults),
            web.delete("/events", self._clear_events),
            web.delete("", self._reset),
        ]

    async def _stats(self, _request: web.Request) -> web.Response:
        return json_answer(attrs.asdict(self._state.stats()))

    async def _events(self, request: web.Request) -> web.Response:
        events = self._state.events.events
        start = whole_number(request, "offset", 0, most=_MOST)
        limit = whole_number(request, "limit", _PAGE, most=_MOST)
        page = [attrs.asdict(event) for event in islice(events, start, start + limit)]
        return json_answer({"data": page, "total": len(events)})

    async def _event(self, request: web.Request) -> web.Response:
        transaction_id = request.match_info["transaction_id"]
        events = self._state.events
        return json_answer(
            {
                "effects": events.effects_of(transaction_id),
                "copies": [attrs.asdict(copy) for copy in events.copies_of(transaction_id)],
            }
        )

    async def _faults(self, _request: web.Request) -> web.Response:
        return json_answer(
            {"data": [attrs.asdict(fault) for fault in self._state.faults.waiting()]}
        )

    async def _add_faults(self, request: web.Request) -> web.Response:
        self._state.faults.add(*_read_faults(await read_json(request)))
        return await self._faults(request)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._state.faults.clear()
        return await self._faults(request)

    async def _clear_events(self, request: web.Request) -> web.Response:
        self._state.events.clear()
        return await self._events(request)

    async def _reset(self, request: web.Request) -> web.Response:
        self._state.reset()
        return await self._stats(request)


def _read_faults(body: Any) -> list[Fault]:
    """Read one fault or an array of them; if one is wrong, all are refused."""
    items = body if isinstance(body, list) else [body]
    if not all(isinstance(item, dict) for item in items):
        raise RefusedError("fault: not an object", "a fault must be an object, or an array of them")
    try:
        return [Fault.from_json(item) for item in items]
    except ValueError as error:
        raise RefusedError("fault: wrong", str(error)) from None
