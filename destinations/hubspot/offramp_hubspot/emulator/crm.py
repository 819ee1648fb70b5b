"""HubSpot's CRM endpoints: records in batches, search, properties, schemas, erasure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from offramp_hubspot.emulator.answers import (
    MULTI_STATUS,
    RefusedError,
    answer,
    read_inputs,
    read_object,
    whole_number,
)
from offramp_hubspot.emulator.records import Record, missing
from offramp_hubspot.emulator.schema import OBJECT_TYPES, PORTAL_ID, ObjectType, object_type

if TYPE_CHECKING:
    from offramp_hubspot.emulator.state import State

VERSION: Final = "2026-03"
#: Inputs of a batch. Source: HubSpot, "Batch" endpoints of the object APIs.
MAX_INPUTS: Final = 100
#: Source: HubSpot, "Search the CRM".
MAX_SEARCH_PAGE: Final = 200
MAX_FILTER_GROUPS: Final = 5

#: Handles one input of a batch, and returns its record.
Handle = Callable[[Mapping[str, Any]], Record]


class CRM:
    """Handlers of the CRM endpoints.

    Args:
        state: The emulator's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._records = state.records

    def routes(self) -> list[web.RouteDef]:
        """The endpoints."""
        objects = f"/crm/objects/{VERSION}/{{type}}"
        return [
            web.get(f"/account-info/{VERSION}/details", self._account),
            web.get(f"/crm/properties/{VERSION}/{{type}}", self._properties),
            web.get(f"/crm-object-schemas/{VERSION}/schemas", self._schemas),
            web.post(f"{objects}/search", self._search),
            web.post(f"{objects}/gdpr-delete", self._erase),
            web.post(f"{objects}/batch/read", self._read),
            web.post(f"{objects}/batch/create", self._create),
            web.post(f"{objects}/batch/update", self._update),
            web.post(f"{objects}/batch/upsert", self._upsert),
        ]

    async def _account(self, _request: web.Request) -> web.Response:
        return answer({"portalId": PORTAL_ID, "accountType": "DEVELOPER_TEST"})

    async def _properties(self, request: web.Request) -> web.Response:
        kind = object_type(request.match_info["type"])
        return answer({"results": [each.as_data() for each in kind.properties.values()]})

    async def _schemas(self, _request: web.Request) -> web.Response:
        found = [
            {
                "objectTypeId": kind.type_id,
                "fullyQualifiedName": kind.path,
                "name": kind.path.partition("_")[2],
                "labels": {"singular": kind.singular, "plural": kind.plural},
            }
            for kind in OBJECT_TYPES
            if kind.type_id
        ]
        return answer({"results": found})

    async def _search(self, request: web.Request) -> web.Response:
        kind, body = object_type(request.match_info["type"]), await read_object(request)
        groups = body.get("filterGroups", [])
        if len(groups) > MAX_FILTER_GROUPS:
            raise RefusedError(f"filterGroups has {len(groups)}; at most {MAX_FILTER_GROUPS}")
        tests = [[_filter(each) for each in group.get("filters", [])] for group in groups]
        found = self._records.search(
            kind, lambda record: any(all(test(record) for test in group) for group in tests)
        )
        start = int(body.get("after") or 0)
        end = start + whole_number(body.get("limit"), 10, most=MAX_SEARCH_PAGE)
        paging = {"paging": {"next": {"after": str(end)}}} if end < len(found) else {}
        page = [each.as_data() for each in found[start:end]]
        return answer({"total": len(found), "results": page, **paging})

    async def _erase(self, request: web.Request) -> web.Response:
        kind, body = object_type(request.match_info["type"]), await read_object(request)
        record = self._records.find(kind, body.get("idProperty"), body.get("objectId"))
        if record is not None:
            self._records.erase(record)
        elif body.get("idProperty") == "email":
            self._records.blocked.add(str(body["objectId"]).lower())
        else:
            raise missing(kind, [str(body.get("objectId"))])
        return web.Response(status=204)

    async def _read(self, request: web.Request) -> web.Response:
        kind, body = object_type(request.match_info["type"]), await read_object(request)
        inputs, by = read_inputs(body, most=MAX_INPUTS), body.get("idProperty")
        ids = [str(each.get("id")) for each in inputs]
        found = {each: self._records.find(kind, by, each) for each in ids}
        unknown = [each for each, record in found.items() if record is None]
        errors = [missing(kind, unknown).as_data()] if unknown else []
        return _batch([record for record in found.values() if record is not None], errors)

    async def _create(self, request: web.Request) -> web.Response:
        kind, body = object_type(request.match_info["type"]), await read_object(request)
        return self._each(
            kind, body, lambda given: self._records.create(kind, given["properties"]), status=201
        )

    async def _update(self, request: web.Request) -> web.Response:
        kind, body = object_type(request.match_info["type"]), await read_object(request)

        def update(given: Mapping[str, Any]) -> Record:
            record = self._records.find(kind, given.get("idProperty"), given["id"])
            if record is None:
                raise missing(kind, [given["id"]])
            return self._records.update(record, given["properties"])

        return self._each(kind, body, update)

    async def _upsert(self, request: web.Request) -> web.Response:
        kind, body = object_type(request.match_info["type"]), await read_object(request)

        def upsert(given: Mapping[str, Any]) -> Record:
            by = given.get("idProperty")
            record = self._records.find(kind, by, given["id"])
            if record is not None:
                return self._records.update(record, given["properties"])
            return self._records.create(kind, {**given["properties"], str(by): given["id"]})

        return self._each(kind, body, upsert)

    def _each(
        self, kind: ObjectType, body: Mapping[str, Any], handle: Handle, *, status: int = 200
    ) -> web.Response:
        """Handle each input: with a trace id for each, good ones are kept beside bad ones."""
        inputs = read_inputs(body, most=MAX_INPUTS)
        _refuse_duplicates(inputs)
        traces = [each.get("objectWriteTraceId") for each in inputs]
        partial = None not in traces and len(set(traces)) == len(traces)
        if not partial:
            for each in inputs:
                kind.check(each.get("properties", {}))
        done, errors = [], []
        for trace, given in zip(traces, inputs, strict=True):
            try:
                done.append(handle({"properties": {}, **given}))
            except RefusedError as refused:
                if not partial:
                    raise
                refused.context["objectWriteTraceId"] = [str(trace)]
                errors.append(refused.as_data())
        return _batch(done, errors, status=status)


def _batch(
    records: Sequence[Record], errors: Sequence[Mapping[str, Any]], *, status: int = 200
) -> web.Response:
    data: dict[str, Any] = {"status": "COMPLETE", "results": [each.as_data() for each in records]}
    if errors:
        return answer({**data, "numErrors": len(errors), "errors": errors}, status=MULTI_STATUS)
    return answer(data, status=status)


def _refuse_duplicates(inputs: Sequence[Mapping[str, Any]]) -> None:
    """HubSpot refuses a batch that names a record twice."""
    named = Counter(str(each["id"]).lower() for each in inputs if "id" in each)
    twice = [each for each, times in named.items() if times > 1]
    if twice:
        raise RefusedError(
            f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique",
            context={"ids": twice},
        )


def _filter(given: Mapping[str, Any]) -> Callable[[Record], bool]:
    name, operator = given.get("propertyName", ""), given.get("operator")
    if operator == "EQ":
        return lambda record: record.has(name, given.get("value"))
    if operator == "IN":
        values = given.get("values", [])
        if any(str(value) != str(value).lower() for value in values):
            raise RefusedError("values of IN must be in lower case for a property of texts")
        return lambda record: any(record.has(name, value) for value in values)
    raise RefusedError(f"{operator!r} is an operator that this emulator does not know")
