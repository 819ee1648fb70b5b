"""Problem details (RFC 9457): the answer to a request that cannot be served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from offramp import _json
from offramp.config import StaleConfigError
from offramp.errors import (
    ConfigError,
    Fault,
    FaultyError,
    NotFoundError,
    OfframpError,
    QueueFullError,
    StorageError,
)
from offramp.pointers import ErrorShape, describe_errors

MEDIA_TYPE: Final = "application/problem+json"
#: `Retry-After` in seconds if the disk failed.
RETRY_SECONDS: Final = 5


class ProblemError(Exception):
    """A request that is not served: status, what to do about it, and the errors in the request."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[ErrorShape] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        #: Members of this kind of problem only.
        self.more = dict(more or {})

    def answer(self) -> web.Response:
        """Make the HTTP response."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "errors": self.errors,
            **self.more,
        }
        headers = {"Content-Type": MEDIA_TYPE, **self.headers}
        return web.Response(status=self.status, body=_json.dumps(body), headers=headers)


def refuse(place: str, message: str) -> ProblemError:
    """Make the error for a fault in the body: its place, and what to do about it."""
    return _refused(place, message, *describe_errors([Fault(place, message)]))


def refuse_parameter(name: str, message: str) -> ProblemError:
    """Make the error for a query parameter, with what to do about it."""
    return _refused(f"parameter {name}", message, {"parameter": name, "detail": message})


def refuse_header(name: str, message: str) -> ProblemError:
    """Make the error for a header, with what to do about it."""
    return _refused(f"header {name}", message, {"header": name, "detail": message})


def _refused(where: str, message: str, error: ErrorShape) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {message}", errors=[error])


def conflict(detail: str) -> ProblemError:
    """Make the error 409: the request conflicts with the present state."""
    return ProblemError(HTTPStatus.CONFLICT, detail)


def outdated(detail: str, revision: int, current: Mapping[str, Any] | None) -> ProblemError:
    """Make the error 412: somebody else was faster; it shows what is there now."""
    more = {"revision": revision, "current": current}
    headers = {"ETag": f'"{revision}"'}
    return ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, headers=headers, more=more)


def problem_of(error: Exception, *, conditional: bool = False) -> ProblemError | None:
    """Convert an error to the problem for the caller; `None` if it is a bug of the host.

    `conditional`: the request named a revision in `If-Match`.
    """
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, FaultyError):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return ProblemError(status, _detail(error), errors=describe_errors(error.faults))
    if isinstance(error, QueueFullError | StorageError):
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers=headers)
    if not isinstance(error, OfframpError):
        return None
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, NotFoundError):
        status = HTTPStatus.NOT_FOUND
    elif isinstance(error, StaleConfigError):
        status = HTTPStatus.PRECONDITION_FAILED if conditional else HTTPStatus.CONFLICT
    return ProblemError(status, str(error))


def _detail(error: FaultyError) -> str:
    n = len(error.faults)
    if n == 1:
        return f"{error.faults[0].place}: {error.faults[0].message}"
    what = "configuration" if isinstance(error, ConfigError) else error.what
    return f"the {what} has {n} errors; `errors` lists each with its place"
