"""HubSpot's API: its addresses, its rate limits, and its answers to batches.

Source: HubSpot's developer documentation, pages "2026-03 API reference", "Error handling" and
"API usage guidelines".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Unpack

from offramp import (
    DeliveryError,
    HTTPError,
    Request,
    Response,
    RetryableError,
    SendOptions,
    join_url,
)

#: Set it to send to an emulator.
BASE_URL_VARIABLE: Final = "HUBSPOT_BASE_URL"
BASE_URL: Final = "https://api.hubapi.com"
#: Where people sign in, and grant access.
APP_URL: Final = "https://app.hubspot.com"
#: Versions are dates, and each is supported for 18 months.
VERSION: Final = "2026-03"

MULTI_STATUS: Final = 207
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
CONFLICT: Final = 409
TOO_MANY_REQUESTS: Final = 429
#: HubSpot's own: the account is being moved to another data centre.
MIGRATING: Final = 477
#: Seconds until a rate limit is reset, which HubSpot's answer does not tell.
ROLLING_LIMIT_SECONDS: Final = 10.0
SEARCH_LIMIT_SECONDS: Final = 1.0

#: The HTTP status that an error within a batch stands for.
_STATUSES: Final[Mapping[str, int]] = {
    "OBJECT_NOT_FOUND": 404,
    "CONFLICT": CONFLICT,
    "RATE_LIMITS": TOO_MANY_REQUESTS,
    "EXPIRED_AUTHENTICATION": UNAUTHORIZED,
    "INVALID_AUTHENTICATION": UNAUTHORIZED,
    "MISSING_SCOPES": FORBIDDEN,
    "INTERNAL_ERROR": 500,
}
_INVALID: Final = 400


def address(*segments: object) -> str:
    """The URL of an endpoint, each segment of its path quoted."""
    return join_url(os.environ.get(BASE_URL_VARIABLE, BASE_URL), *segments)


def consent_page() -> str:
    """The URL of the page on which a person grants access."""
    return join_url(os.environ.get(BASE_URL_VARIABLE, APP_URL), "oauth", "authorize")


def objects(kind: str, *segments: str) -> str:
    """The URL of an endpoint of an object type, such as `contacts`."""
    return address("crm", "objects", VERSION, kind, *segments)


async def call(
    request: Request[Any], method: str, url: str, **options: Unpack[SendOptions]
) -> Response:
    """Send a request; 477 is tried again, and a 429 always says how long to wait."""
    try:
        return await request.send(method, url, **options)
    except HTTPError as error:
        if error.status == MIGRATING:
            raise RetryableError(
                error.message, code=str(MIGRATING), retry_after=error.retry_after
            ) from error
        if error.status == TOO_MANY_REQUESTS and error.retry_after is None:
            searched = url.endswith("/search")
            error.retry_after = SEARCH_LIMIT_SECONDS if searched else ROLLING_LIMIT_SECONDS
        raise


def errors_of(answer: Response) -> dict[str, DeliveryError]:
    """Why a batch was taken in part only: trace id -> error, empty if all of it was taken.

    Raises an error that blames the content of the batch, so that the host halves it, if HubSpot
    does not say which record it means.
    """
    errors: dict[str, DeliveryError] = {}
    if answer.status != MULTI_STATUS:
        return errors
    for given in answer.json().get("errors", ()):
        category = given.get("category") or "VALIDATION_ERROR"
        error = DeliveryError(
            f"HubSpot answered {category}: {given.get('message')}",
            code=category,
            status=_STATUSES.get(category, _INVALID),
        )
        traces = given.get("context", {}).get("objectWriteTraceId", ())
        if not traces:
            error.status = _INVALID
            raise error
        errors |= dict.fromkeys(traces, error)
    return errors
