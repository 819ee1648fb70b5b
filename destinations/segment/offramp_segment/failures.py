"""Turns what a destination in JavaScript threw into the errors by which the host decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from offramp import (
    DeliveryError,
    Fault,
    HTTPError,
    InvalidAuthenticationError,
    OfframpError,
    PayloadError,
    RejectedError,
    RetryableError,
    parse_retry_after,
)

UNAUTHORIZED: Final = 401
#: Codes of Node.js for a connection that failed. Source: Segment's actions-core, errors.ts.
NETWORK_CODES: Final = frozenset(
    {
        "EAI_AGAIN", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENOTFOUND",
        "ETIMEDOUT",
    }
)  # fmt: skip
TIMEOUTS: Final = frozenset({"TimeoutError", "SelfTimeoutError", "AbortError"})


class JavaScriptError(OfframpError):
    """A destination failed by a fault of its own code."""


def as_error(error: Mapping[str, Any]) -> Exception:
    """The error that stands for what a call threw, in the words of the protocol."""
    kind, message = error["kind"], error["message"]
    status, code = error.get("status"), error.get("code")
    response = error.get("response")
    if response is not None and (status is None or kind == "HTTPError"):
        return _http_error(response)
    if kind == "PayloadValidationError":
        return PayloadError([Fault("$", message)])
    if kind == "OwnNetworkError":
        return RejectedError(message, code="OWN_NETWORK", status=501)
    if kind == "InvalidAuthenticationError" or status == UNAUTHORIZED:
        return InvalidAuthenticationError(message, code=code)
    if kind in TIMEOUTS:
        return RetryableError(message, code="ETIMEDOUT", status=408)
    if code in NETWORK_CODES:
        return RetryableError(message, code=code, status=503)
    if kind == "RetryableError":
        return RetryableError(message, code=code, status=status)
    if status is not None:
        return DeliveryError(message, code=code or kind, status=status)
    return JavaScriptError(f"{kind}: {message}\n{error.get('stack', '')}".rstrip())


def as_outcomes(result: Mapping[str, Any]) -> Sequence[DeliveryError | None]:
    """What became of each payload of a batch; raises the error that all of them share."""
    outcomes = [None if each is None else _outcome(each) for each in result["outcomes"]]
    if result["whole"] and outcomes and outcomes[0] is not None:
        raise outcomes[0]
    return outcomes


def _outcome(outcome: Mapping[str, Any]) -> DeliveryError:
    return DeliveryError(outcome["message"], code=outcome["code"], status=outcome["status"])


def _http_error(response: Mapping[str, Any]) -> HTTPError:
    headers = response["headers"]
    wait = next((value for key, value in headers.items() if key.lower() == "retry-after"), None)
    return HTTPError(
        response["status"],
        url=response["url"],
        body=response["body"],
        headers=headers,
        retry_after=parse_retry_after(wait, now=datetime.now(UTC)),
    )
