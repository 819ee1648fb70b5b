"""The answers of the emulator: data, and refusals in the form of HubSpot's errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
CONFLICT: Final = 409
MULTI_STATUS: Final = 207
#: Category of a refusal whose content is wrong.
VALIDATION: Final = "VALIDATION_ERROR"


class RefusedError(Exception):
    """A refusal: `category` says what kind, `context` what it is about."""

    def __init__(
        self,
        message: str,
        *,
        category: str = VALIDATION,
        status: int = BAD_REQUEST,
        context: Mapping[str, Sequence[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.category = category
        self.status = status
        self.context = dict(context or {})
        #: More keys of the error, such as `policyName`.
        self.extra = dict(extra or {})

    def as_data(self) -> dict[str, Any]:
        """The error as JSON data."""
        return {
            "status": "error",
            "message": self.message,
            "correlationId": str(uuid.uuid4()),
            "category": self.category,
            **({"context": self.context} if self.context else {}),
            **self.extra,
        }


def answer(data: Any, *, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.json_response(data, status=status)


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read a request's body, which must be a JSON object."""
    try:
        body = json.loads(await request.read(), parse_float=Decimal)
    except ValueError as error:
        raise RefusedError(f"Invalid input JSON: {error}") from None
    if not isinstance(body, dict):
        raise RefusedError("Invalid input JSON: an object is expected")
    return body


def read_inputs(body: Mapping[str, Any], *, most: int) -> list[dict[str, Any]]:
    """The `inputs` of a batch; refused as a whole if there are none, or too many."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise RefusedError("inputs must be a list of objects")
    if not 0 < len(inputs) <= most:
        raise RefusedError(f"inputs has {len(inputs)} items; the limit is {most}")
    return inputs


def whole_number(text: str | None, default: int, *, most: int) -> int:
    """A number from 1 to `most` in a query or a body."""
    if text is None:
        return default
    number = str(text)
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= most):
        raise RefusedError(f"{number!r} is not a number from 1 to {most}")
    return int(number)
