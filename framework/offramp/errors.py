"""Every exception of Offramp; its class decides whether a delivery is retried."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Statuses below 500 that are worth a retry. Source: Segment's actions-core, errors.ts.
RETRYABLE_CLIENT_STATUSES = frozenset({408, 423, 429})
#: Statuses that refuse the credentials of an instance.
CREDENTIAL_STATUSES = frozenset({401, 403})
#: The one 5xx status that is final: the partner does not implement the request.
FINAL_SERVER_STATUSES = frozenset({501})
FIRST_SERVER_STATUS = 500

#: Keys that a place holds unquoted; all others are quoted.
_PLAIN_KEY: Final = re.compile(r"[\w@$-]+")


def is_retryable_status(status: int) -> bool:
    """Whether an HTTP status is worth another attempt: 408, 423, 429 and 5xx except 501."""
    if status >= FIRST_SERVER_STATUS:
        return status not in FINAL_SERVER_STATUSES
    return status in RETRYABLE_CLIENT_STATUSES


class OfframpError(Exception):
    """The root of every exception that Offramp raises on purpose."""


@attrs.frozen
class Fault:
    """One thing that is wrong, and where: `place` is a path such as `$.customer_id.@if.then`."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"@ {self.place}: {self.message}"

    def under(self, prefix: str) -> Fault:
        """The same fault with `prefix` before its place: `$.a` under `mapping.b` is `mapping.b.a`.

        A column of a text follows a comma: `column 8` under `trigger` is `trigger, column 8`.
        """
        inner = self.place.removeprefix("$") if self.place[:1] == "$" else f", {self.place}"
        return Fault(prefix + inner, self.message)


def join_place(place: str, key: str | int) -> str:
    """A place with one more key: `a.b`, `a[0]`, `a."odd key"`; the key alone if the place is ""."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    shown = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
    return f"{place}.{shown}" if place else shown


class FaultyError(OfframpError, ValueError):
    """Input from a person or a client is wrong; `faults` lists everything wrong with it."""

    what: ClassVar[str] = "input"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{self.what} {fault}" for fault in self.faults))


class DefinitionError(FaultyError):
    """A destination, an action or a field is declared wrongly."""

    what = "definition"


class MappingError(FaultyError):
    """A mapping cannot be compiled."""

    what = "mapping"


class TriggerError(FaultyError):
    """A trigger is not valid FQL; the place is a column of its text, counted from 1."""

    what = "trigger"


class ConfigError(FaultyError):
    """A configuration (sources, instances, subscriptions) is wrong."""

    what = "config"


class EventError(FaultyError):
    """A message is not an event of the Segment spec; `reason` is its discard code."""

    what = "event"

    def __init__(self, faults: Iterable[Fault], *, reason: str) -> None:
        super().__init__(faults)
        self.reason = reason


class TransformError(OfframpError, ValueError):
    """A mapping cannot be applied to an event, for example because `@path` got a number."""

    code = "MAPPING_FAILED"

    def __init__(self, place: str, message: str) -> None:
        self.place = place
        self.message = message
        super().__init__(f"mapping @ {place}: {message}")


class BudgetError(TransformError):
    """A mapping needs more steps or characters for an event than the limits allow."""

    code = "MAPPING_BUDGET"


class PluginError(OfframpError):
    """A plugin cannot be used, or two plugins clash; the message names them."""


class NotFoundError(OfframpError, KeyError):
    """Nothing has the name that was asked for; the message lists the names that exist."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would print its message in quotes


class DeliveryError(OfframpError):
    """A delivery failed: `code` and `status` say why, `retryable` whether it is tried again.

    `status` is the partner's HTTP status, or the equivalent one. `retry_after` is in seconds, if
    the partner asked for a pause.
    """

    code: str = "INTERNAL"
    status: int = 500

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = message
        self.code = self.code if code is None else code
        self.status = self.status if status is None else status
        self.retry_after = retry_after
        super().__init__(message)

    @property
    def retryable(self) -> bool:
        """Whether a later attempt may succeed, judged by the status."""
        return is_retryable_status(self.status)


class RejectedError(DeliveryError):
    """The destination will never take this payload: it is not tried again."""

    code = "MESSAGE_REJECTED"
    status = 400

    @property
    def retryable(self) -> bool:
        """Never."""
        return False


class PayloadError(FaultyError, RejectedError):
    """A payload violates the rules of the action's fields; `faults` names each field."""

    what = "payload"
    code = "PAYLOAD_VALIDATION_FAILED"

    def __init__(self, faults: Iterable[Fault]) -> None:
        FaultyError.__init__(self, faults)
        self.message = str(self)
        self.retry_after = None


class RetryableError(DeliveryError):
    """The destination could not take the payload now: it is tried again, whatever the status."""

    code = "RETRY"

    @property
    def retryable(self) -> bool:
        """Always."""
        return True


class InvalidAuthenticationError(RejectedError):
    """The destination refuses the credentials of the instance."""

    code = "INVALID_AUTHENTICATION"
    status = 401


class HTTPError(DeliveryError):
    """The partner answered with a status outside 200 to 299; retried or not by that status."""

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        status: int,
        *,
        url: str,
        body: str = "",
        headers: Mapping[str, str] | None = None,
        location: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.url = url
        self.body = body
        self.headers: Mapping[str, str] = headers or {}
        message = f": {body}" if body else ""
        to = f" and points to {location}, where Offramp does not follow" if location else ""
        super().__init__(
            f"{url} answered {status}{to}{message}",
            code=str(status),
            status=status,
            retry_after=retry_after,
        )


class RequestTimeoutError(RetryableError, TimeoutError):
    """No answer came in time; the partner may have taken the payload all the same."""

    code = "ETIMEDOUT"
    status = 408


class ConnectionFailedError(RetryableError, ConnectionError):
    """No connection, or it broke before the answer; the partner may have taken the payload."""

    code = "ECONNRESET"
    status = 503


class AddressRefusedError(DeliveryError):
    """Requests may not go to this address; see `[host.egress]`. It holds the instance, as 403 does.

    Nothing was sent.
    """

    code = "ADDRESS_REFUSED"
    status = 403


class StorageError(OfframpError):
    """The data folder cannot be used, or a write to it failed and was undone as a whole."""


class StorageFullError(StorageError):
    """The disk is full: the write was undone; it may succeed once there is room."""


class FolderInUseError(StorageError):
    """Another process has locked the data folder."""


class StorageDamagedError(StorageError):
    """SQLite met a page of the file that makes no sense: the disk, or a person, spoiled it."""


class QueueFullError(OfframpError):
    """The queue takes no more events for now: too many wait, or the disk has too little room.

    `retry_after` says in how many seconds the sender should try again.
    """

    def __init__(self, message: str, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(message)


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun, `1 source`; `many` is the plural, by default `one` plus "s"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def describe_type(value: Any) -> str:
    """The name of a value's JSON type: null, boolean, number, string, list, object."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case dict():
            return "object"
        case list() | tuple():
            return "list"
        case _:
            return "number"
