"""Describes the API as OpenAPI 3.1, from the same table of operations that serves it."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from offramp._version import __version__
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import MEDIA_TYPE
from offramp.api.shapes import ProblemShape

VERSION: Final = "3.1.0"
_REF: Final = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)}")
_PROBLEM: Final = {
    "description": "Why the request was not served",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="ProblemShape")}}},
}
_COOKIE: Final = {
    "type": "apiKey",
    "in": "cookie",
    "name": "offramp_session_ID",
    "description": "Set by `POST /api/sessions`; ID is of the data folder",
}
_REVISION: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the revision to change; 412 if the present one is another",
    "schema": {"type": "string"},
}


class OpenApiResource:
    """The description of all operations, including its own."""

    def __init__(self, others: Sequence[Operation]) -> None:
        self._all = [*others, self._own()]
        self._document: dict[str, Any] | None = None

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield self._all[-1]

    async def describe(self, _: Call) -> Reply:
        """Answer with the description."""
        if self._document is None:
            # Not at the start: it takes a tenth of a second, and most hosts are never asked for it.
            self._document = await asyncio.to_thread(describe, self._all)
        return Reply(data=self._document)

    def _own(self) -> Operation:
        return Operation(
            method="GET",
            path="/api/openapi.json",
            tag="openapi",
            summary="Describe this API",
            serve=self.describe,
            answer=dict[str, Any],
        )


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """Make the description of operations as JSON data."""
    answers = [each.answer for each in operations]
    bodies = [each.body for each in operations if each.body is not None]
    types = list({id(each): each for each in [ProblemShape, *answers, *bodies]}.values())
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in components.values():
        if "description" in schema:  # docstrings: Python takes off their indent since 3.13
            schema["description"] = inspect.cleandoc(schema["description"])
    by_type = dict(zip(map(id, types), schemas, strict=True))
    paths: dict[str, Any] = {}
    for each in operations:
        described = _operation(each, by_type)
        paths.setdefault(each.path, {})[each.method.lower()] = described
    return {
        "openapi": VERSION,
        "info": {
            "title": "Offramp control API",
            "version": __version__,
            "description": "Configures and monitors a host. Errors are problem details (RFC 9457)",
        },
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}, "session": _COOKIE},
            "schemas": components,
        },
    }


def _operation(each: Operation, schemas: dict[int, Any]) -> dict[str, Any]:
    answer = {"description": each.summary}
    content = {"application/json": {"schema": schemas[id(each.answer)]}}
    described: dict[str, Any] = {
        "operationId": each.name,
        "tags": [each.tag],
        "summary": each.summary,
        "parameters": [*_path_parameters(each), *_query_parameters(each)],
        "responses": {str(each.status.value): {**answer, "content": content}, "default": _PROBLEM},
    }
    if each.is_public:
        described["security"] = []
    if each.changes:
        described["parameters"].append(_REVISION)
    if each.body is not None:
        described["requestBody"] = {
            "required": not each.body_optional,
            "content": {"application/json": {"schema": schemas[id(each.body)]}},
        }
    return described


def _path_parameters(each: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(each.path)
    ]


def _query_parameters(each: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": query.name,
            "in": "query",
            "required": query.required,
            "description": query.summary,
            "schema": {
                **query.schema(),
                **({} if query.default is None else {"default": query.default}),
            },
        }
        for query in each.query
    ]
