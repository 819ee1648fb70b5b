"""Reads JSON bodies and makes answers, for all of the emulator's endpoints."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from offramp_metronome.emulator.limits import BAD_REQUEST, RefusedError

_DECODER = msgspec.json.Decoder(float_hook=Decimal)  # every digit of a quantity is billed
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_OK = 200


async def read_json(request: web.Request) -> Any:
    """Read a request's body; a body that is not JSON is refused with 400."""
    try:
        return _DECODER.decode(await request.read())
    except (ValueError, RecursionError) as error:  # msgspec raises ValueError
        raise RefusedError("body: not JSON", f"the body is not JSON: {error}") from None
    except web.RequestPayloadError as error:
        raise RefusedError("body: unreadable", f"the body cannot be read: {error}") from None


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read a request's body, which must be a JSON object."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise RefusedError("body: not an object", "the body must be a JSON object")
    return body


def whole_number(request: web.Request, name: str, default: int, *, most: int) -> int:
    """Read a number from 0 to `most` from the query; anything else is refused with 400."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and int(text) <= most):
        raise RefusedError(f"{name}: not a number", f"{name} must be 0 to {most}, not {text!r}")
    return int(text)


def json_answer(data: Any, *, status: int = _OK) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=_ENCODER.encode(data), status=status, content_type="application/json")


def message_answer(message: str, *, status: int = BAD_REQUEST) -> web.Response:
    """Answer as Metronome answers every error: `{"message": "..."}`."""
    return json_answer({"message": message}, status=status)


@web.middleware
async def explain_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Turn refusals, and the server's own errors, into `{"message"}`."""
    try:
        answer: web.StreamResponse = await handler(request)
    except RefusedError as refused:
        return message_answer(refused.message, status=refused.status)
    except web.HTTPException as error:
        return message_answer(error.reason, status=error.status)
    return answer
