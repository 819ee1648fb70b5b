"""Serves operations over HTTP: access, limits, conversion of bodies, and problem details."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import attrs
import msgspec
from aiohttp import web

from offramp import _json
from offramp.api.access import Caller, Guard
from offramp.api.operations import Call, Operation
from offramp.api.problems import (
    ProblemError,
    problem_of,
    refuse,
    refuse_header,
    refuse_parameter,
)
from offramp.errors import describe_type
from offramp.event import ID_KEYS, MAX_DEPTH, Discard, nests_deeper_than
from offramp.web.answers import RefusedError
from offramp.web.bodies import read_body

#: The most bytes of a body: thousands of subscriptions, or thousands of ids.
MAX_BODY_BYTES: Final = 4_000_000
#: Seconds for a body to arrive.
READ_SECONDS: Final = 10.0
#: Longest text in `X-Offramp-Actor`, in characters.
MAX_ACTOR_CHARACTERS: Final = 64
DEFAULT_ACTOR: Final = "api"
#: Where a request keeps who sent it.
CALLER: Final = web.RequestKey("caller", Caller)
#: No answer may be cached, and browsers must not guess another content type.
HEADERS: Final = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_ENTITY_TAG = re.compile(r'(?:W/)?"?(\d{1,15})"?')
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_PARAMETER = re.compile(r"\\{\w+\\}")

_log = logging.getLogger(__name__)


def routes(operations: Sequence[Operation], guard: Guard) -> list[web.RouteDef]:
    """Make a route for each operation, and one for every other path below `/api/`."""
    served = [web.route(each.method, each.path, _handler(each, guard)) for each in operations]
    return [*served, web.route("*", "/api/{rest:.*}", _nowhere(operations, guard))]


def guarded(guard: Guard, serve: Any, *, conditional: bool = False, is_public: bool = False) -> Any:
    """Make a handler that checks access first and answers errors as problem details."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            request[CALLER] = guard.check(request, is_public=is_public)
            response: web.StreamResponse = await serve(request)
        except asyncio.CancelledError:
            raise
        except RefusedError as refused:
            response = _of_refused(refused).answer()
        except Exception as error:  # noqa: BLE001 - whatever breaks, the answer is a problem
            problem = problem_of(error, conditional=conditional and "If-Match" in request.headers)
            if problem is None:
                _log.error("%s %s broke", request.method, request.path, exc_info=error)
                message = "the host failed on this request; its log has the traceback"
                problem = ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, message)
            response = problem.answer()
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return handle


async def read_json(request: web.Request) -> Any:
    """Read the body as JSON data, `None` without one; raises `ProblemError` or `RefusedError`."""
    data = await read_body(
        request, bound=MAX_BODY_BYTES, code=Discard.BATCH_TOO_LARGE, seconds=READ_SECONDS
    )
    if not data.strip():
        return None
    try:
        value = _json.loads(data, exact=ID_KEYS)
    except _json.HalfCharacterError as error:
        raise refuse(error.place, str(error)) from None
    except (ValueError, ArithmeticError) as error:
        message = f"the body is not valid JSON: {error}"
        raise ProblemError(HTTPStatus.BAD_REQUEST, message) from None
    if nests_deeper_than(value, MAX_DEPTH):
        raise refuse("$", f"nests deeper than {MAX_DEPTH} levels")
    return value


def _handler(operation: Operation, guard: Guard) -> Any:
    async def handle(request: web.Request) -> web.Response:
        call = await _call(operation, request)
        reply = await operation.serve(call)
        headers = {**HEADERS, **reply.headers}
        if reply.revision is not None:
            headers["ETag"] = f'"{reply.revision}"'
        return web.Response(status=operation.status, body=_json.dumps(reply.data), headers=headers)

    return guarded(guard, handle, conditional=operation.changes, is_public=operation.is_public)


async def _call(operation: Operation, request: web.Request) -> Call:
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise refuse_parameter(name, "is given twice")
        given[name] = value
    query = operation.read_query(given)
    body = None
    if operation.body is not None:
        body = _read_body(operation, await read_json(request))
    return Call(
        path=request.match_info,
        query=query,
        body=body,
        revision=_revision(request.headers.get("If-Match")) if operation.changes else None,
        actor=_actor(request.headers.get("X-Offramp-Actor")),
        token=request[CALLER].label,
        session=request[CALLER].session,
        address=request[CALLER].address,
        host_url=_host_url(request),
    )


def _host_url(request: web.Request) -> str:
    """The URL in the request's own words; snippets quote it, so it has no odd characters."""
    host = request.headers.get("Host", "")
    return f"{request.scheme}://{host}" if _HOST.fullmatch(host) else ""


def _read_body(operation: Operation, value: Any) -> Any:
    if value is None and operation.body_optional:
        value = {}
    if value is None:
        raise refuse("$", "there is no body: send a JSON object")
    if not isinstance(value, dict):
        raise refuse("$", f"is {describe_type(value)}; send a JSON object")
    if not issubclass(operation.body, msgspec.Struct):
        return value
    try:
        return msgspec.convert(value, operation.body)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        raise refuse(place.rstrip("`") or "$", message) from None


def _revision(header: str | None) -> int | None:
    if header is None or header.strip() == "*":
        return None
    found = _ENTITY_TAG.fullmatch(header.strip())
    if found is None:
        message = f"{header[:MAX_ACTOR_CHARACTERS]!r} is not a revision: send the ETag unchanged"
        raise refuse_header("If-Match", message)
    return int(found[1])


def _actor(header: str | None) -> str:
    if header is None or not header.isprintable() or len(header) > MAX_ACTOR_CHARACTERS:
        return DEFAULT_ACTOR
    return header or DEFAULT_ACTOR


def _of_refused(refused: RefusedError) -> ProblemError:
    status = refused.status
    if refused.code == Discard.BATCH_TOO_LARGE:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return ProblemError(status, refused.message)


@attrs.frozen
class _Known:
    """A path with parameters as a pattern, and its methods."""

    pattern: re.Pattern[str]
    method: str


def _nowhere(operations: Iterable[Operation], guard: Guard) -> Any:
    known = [
        _Known(re.compile(_PARAMETER.sub("[^/]+", re.escape(each.path))), each.method)
        for each in operations
    ]

    async def handle(request: web.Request) -> web.Response:
        path = request.rel_url.raw_path
        allowed = sorted({each.method for each in known if each.pattern.fullmatch(path)})
        if not allowed:
            message = f"there is no {request.path}; GET /api/openapi.json lists all operations"
            raise ProblemError(HTTPStatus.NOT_FOUND, message)
        message = f"{request.path} does not allow {request.method}; it allows: {', '.join(allowed)}"
        headers = {"Allow": ", ".join(allowed)}
        raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, message, headers=headers)

    return guarded(guard, handle)
