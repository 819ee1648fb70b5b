"""Turns what a destination in JavaScript threw into the errors by which the host decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class JavaScriptError(OfframpError):
    """A destination failed by a fault of its own code."""


def as_error(error: Mapping[str, Any]) -> Exception:
    """The error that stands for what a call threw, in the words of the protocol."""
    response = error.get("response")
    if response is not None and (error.get("status") is None or error["kind"] == "HTTPError"):
        return _http_error(response)
    by_kind = _BY_KIND.get(error["kind"])
    return _by_status(error) if by_kind is None else by_kind(error)


def as_outcomes(result: Mapping[str, Any]) -> Sequence[DeliveryError | None]:
    """What became of each payload of a batch; raises the error that all of them share."""
    outcomes = [None if each is None else _outcome(each) for each in result["outcomes"]]
    if result["whole"] and outcomes and outcomes[0] is not None:
        raise outcomes[0]
    return outcomes


def _by_status(error: Mapping[str, Any]) -> Exception:
    message, status, code = error["message"], error.get("status"), error.get("code")
    if status == UNAUTHORIZED:
        return _refused_credentials(error)
    if code in NETWORK_CODES:
        return RetryableError(message, code=code, status=503)
    if status is not None:
        return DeliveryError(message, code=code or error["kind"], status=status)
    return JavaScriptError(f"{error['kind']}: {message}\n{error.get('stack', '')}".rstrip())


def _refused_payload(error: Mapping[str, Any]) -> Exception:
    return PayloadError([Fault("$", error["message"])])


def _refused_socket(error: Mapping[str, Any]) -> Exception:
    return RejectedError(error["message"], code="OWN_NETWORK", status=501)


def _refused_credentials(error: Mapping[str, Any]) -> Exception:
    return InvalidAuthenticationError(error["message"], code=error.get("code"))


def _timed_out(error: Mapping[str, Any]) -> Exception:
    return RetryableError(error["message"], code="ETIMEDOUT", status=408)


def _to_repeat(error: Mapping[str, Any]) -> Exception:
    return RetryableError(error["message"], code=error.get("code"), status=error.get("status"))


#: By the class of the error in JavaScript.
_BY_KIND: Final[Mapping[str, Callable[[Mapping[str, Any]], Exception]]] = {
    "AbortError": _timed_out,
    "InvalidAuthenticationError": _refused_credentials,
    "OwnNetworkError": _refused_socket,
    "PayloadValidationError": _refused_payload,
    "RetryableError": _to_repeat,
    "SelfTimeoutError": _timed_out,
    "TimeoutError": _timed_out,
}


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
