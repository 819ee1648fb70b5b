"""Metronome's endpoints for usage: ingest, event search, customers."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from aiohttp import web

from offramp_metronome.emulator.customers import Customer
from offramp_metronome.emulator.front import STORE
from offramp_metronome.emulator.limits import RefusedError, check_aliases, check_batch
from offramp_metronome.emulator.wire import json_answer, read_json, read_object, whole_number

if TYPE_CHECKING:
    from offramp_metronome.emulator.state import State
    from offramp_metronome.emulator.store import StoredEvent

#: Entries on one page of a list, which is also the default. Source: Metronome's OpenAPI.
MAX_PAGE = 100
_MAX_CURSOR = 10**9  # no emulator holds so many customers; a longer number is a mistake


class Endpoints:
    """Handlers of `/v1/...`.

    Args:
        state: The emulator's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """List the endpoints, without the prefix `/v1`."""
        return [
            web.post("/ingest", self._ingest),
            web.post("/events/search", self._search),
            web.post("/customers", self._create_customer),
            web.get("/customers", self._list_customers, allow_head=False),
            web.post("/customers/archive", self._archive_customer),
            web.get("/customers/{customer_id}", self._get_customer, allow_head=False),
            web.post("/customers/{customer_id}/setIngestAliases", self._set_aliases),
        ]

    async def _ingest(self, request: web.Request) -> web.Response:
        batch = await read_json(request)
        try:
            check_batch(batch, self._state.now())
        except RefusedError:
            self._state.tally.events_refused += len(batch) if isinstance(batch, list) else 0
            raise
        if request.get(STORE) == "part":
            batch = batch[: (len(batch) + 1) // 2]
        self._state.events.take(batch)
        return web.Response()

    async def _search(self, request: web.Request) -> web.Response:
        ids = (await read_object(request)).get("transactionIds")
        if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
            raise RefusedError(
                "transactionIds: not an array", "[transactionIds: must be an array of strings]"
            )
        return json_answer([self._found(event) for event in self._state.events.find(ids)])

    async def _create_customer(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        name = body.get("name")
        if not isinstance(name, str):
            raise RefusedError("name: not a string", "[name: must be a string]")
        custom = body.get("custom_fields", {})
        if not isinstance(custom, dict):
            raise RefusedError("custom_fields: not an object", "[custom_fields: must be an object]")
        aliases = check_aliases(body.get("ingest_aliases", []))
        customer = self._state.customers.create(name, aliases, custom)
        return json_answer({"data": _brief(customer)})

    async def _list_customers(self, request: web.Request) -> web.Response:
        query = request.query
        found = self._state.customers.select(
            alias=query.get("ingest_alias"),
            ids=frozenset(query["customer_ids"].split(",")) if "customer_ids" in query else None,
            archived=query.get("only_archived") == "true",
        )
        start = whole_number(request, "next_page", 0, most=_MAX_CURSOR)
        limit = whole_number(request, "limit", MAX_PAGE, most=MAX_PAGE)
        end = start + max(limit, 1)
        page = [_detail(customer) for customer in islice(found, start, end)]
        return json_answer({"data": page, "next_page": str(end) if end < len(found) else None})

    async def _get_customer(self, request: web.Request) -> web.Response:
        customer = self._state.customers.get(request.match_info["customer_id"])
        return json_answer({"data": _detail(customer)})

    async def _set_aliases(self, request: web.Request) -> web.Response:
        aliases = check_aliases((await read_object(request)).get("ingest_aliases"))
        self._state.customers.set_aliases(request.match_info["customer_id"], aliases)
        return web.Response()

    async def _archive_customer(self, request: web.Request) -> web.Response:
        customer_id = (await read_object(request)).get("id")
        if not isinstance(customer_id, str):
            raise RefusedError("id: not a string", "[id: must be a string]")
        return json_answer({"data": {"id": self._state.customers.archive(customer_id).id}})

    def _found(self, event: StoredEvent) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": event.id,
            "transaction_id": event.transaction_id,
            "customer_id": event.customer_id,
            "event_type": event.event_type,
            "timestamp": event.timestamp,
            "processed_at": event.processed_at,
            "is_duplicate": event.is_duplicate,
            "matched_billable_metrics": [],
        }
        if event.properties is not None:
            found["properties"] = event.properties
        # Looked up now, not at ingest: an alias that is added later applies to earlier usage.
        customer = self._state.customers.match(event.customer_id)
        if customer is not None:
            found["matched_customer"] = {"id": customer.id, "name": customer.name}
        return found


def _brief(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "external_id": customer.ingest_aliases[0] if customer.ingest_aliases else customer.id,
        "ingest_aliases": customer.ingest_aliases,
        "name": customer.name,
        "custom_fields": customer.custom_fields,
    }


def _detail(customer: Customer) -> dict[str, Any]:
    return _brief(customer) | {
        "customer_config": {},
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
        "archived_at": customer.archived_at,
    }
