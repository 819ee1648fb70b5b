"""Validates what a plugin raises and returns, as the host must not depend on correct plugins."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import attrs

from offramp.delivery.breaker import refuses_credentials
from offramp.errors import (
    DeliveryError,
    RejectedError,
    RequestTimeoutError,
    RetryableError,
    counted,
)
from offramp.http import Mask, readable
from offramp.place import exception_text, full_traceback, leaves_of, place_in_plugin

log = logging.getLogger(__name__)

#: Valid HTTP statuses: three digits.
STATUSES: Final = range(100, 1000)
#: Longest reason code that is stored, in characters; each code has counters.
MAX_CODE_CHARACTERS: Final = 100

#: Distinct faults of one instance that are logged with tracebacks; a fault whose place differs each
#: time must not fill the disk.
MAX_FAULTS: Final = 100
#: Characters of a traceback that are logged, from its end, which says most.
MAX_TRACEBACK_CHARACTERS: Final = 20_000

_RETURN: Final = (
    "return None if all were accepted, or a list with one entry for each payload, in their"
    " order: None if it was accepted, else a DeliveryError"
)


class PluginFailedError(RetryableError):
    """The plugin's own code failed; the delivery is retried, as a fixed plugin may succeed."""

    code = "INTERNAL"


class WrongResultError(PluginFailedError):
    """What `perform_batch` returned does not say what became of one payload, or of all."""


class MiddlewareFailedError(PluginFailedError):
    """Middleware raised. As it may sign or redact, the whole instance is held, not one event."""

    code = "MIDDLEWARE_FAILED"


class NotReadyError(RetryableError):
    """The configuration lacks something that a payload needs; no plugin is at fault."""


def plugin_failure(error: BaseException) -> PluginFailedError | NotReadyError:
    """Make an error of what a plugin raised; it has the original as its cause."""
    if isinstance(error, PluginFailedError | NotReadyError):
        return error
    failed = PluginFailedError(f"the plugin raised {exception_text(error)}")
    failed.__cause__ = error
    return failed


@attrs.define(eq=False)
class PluginCode:
    """Wraps a plugin's code, the only way in which it is called: what it raises is kept.

    An error that ends the host's own task goes on; every other one is in `error` afterwards.
    """

    error: BaseException | None = attrs.field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:  # fmt: skip
        if error is None or is_ours(error):
            return False
        self.error = error
        return True


@attrs.define(eq=False)
class BoundedPluginCode:
    """Wraps a plugin's code that is awaited: it ends after `seconds`, and what it raises is kept.

    If the time is over, the error is a `RequestTimeoutError`: `message`, and the seconds.
    """

    seconds: float
    message: str
    error: BaseException | None = attrs.field(default=None, init=False)
    _bound: asyncio.Timeout = attrs.field(init=False)

    async def __aenter__(self) -> Self:
        self._bound = asyncio.timeout(self.seconds)
        await self._bound.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:  # fmt: skip
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError as over:
            error = over
        if error is None or is_ours(error):
            return False
        if self._bound.expired():
            error = RequestTimeoutError(f"{self.message} within {self.seconds:g} s")
        self.error = error
        return True


def is_ours(error: BaseException) -> bool:
    """Whether an error that came through a plugin's code ends this task, rather than the plugin.

    The host's own cancellation does. The plugin causes `SystemExit`, `KeyboardInterrupt` (the
    operator's reaches the host by a signal handler) and cancellations that the host did not
    request; they would stop the host or leave a delivery without an outcome.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)


def as_delivery_error(error: BaseException) -> DeliveryError:
    """Make the error for the ledger: a valid one unchanged, another repaired or reported as a bug.

    Of an exception group (as of `asyncio.TaskGroup`) it is the gravest error.
    """
    if isinstance(error, BaseExceptionGroup):
        return max(map(as_delivery_error, leaves_of(error)), key=_gravity)
    if isinstance(error, TimeoutError) and not isinstance(error, DeliveryError):
        # A plugin with a timeout of its own has no bug: the partner was too slow.
        return RequestTimeoutError(f"the plugin's own timeout ended it: {exception_text(error)}")
    if not isinstance(error, DeliveryError):
        return plugin_failure(error)
    try:
        return error if _is_sound(error) else _mended(error)
    except Exception:  # noqa: BLE001 - such as an attribute missing in a plugin's class
        return plugin_failure(error)


def _gravity(error: DeliveryError) -> tuple[bool, bool, bool, bool, float]:
    """The sort key by which the gravest of several errors is found.

    Faults of middleware are gravest, as they hold the instance; then faults of the plugin,
    refused credentials, errors that are not retried, and the longest `Retry-After`.
    """
    return (
        isinstance(error, MiddlewareFailedError),
        isinstance(error, PluginFailedError),
        refuses_credentials(error),
        not error.retryable,
        error.retry_after or 0.0,
    )


def errors_of(answer: Any, count: int) -> dict[int, DeliveryError] | DeliveryError:
    """Return the errors in the result of `perform_batch` by index, or the error of the result."""
    if answer is None:
        return {}
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes | bytearray):
        kind = type(answer).__name__
        return WrongResultError(f"perform_batch returned {kind}, not a list of outcomes: {_RETURN}")
    if len(answer) != count:
        given = f"{counted(len(answer), 'outcome')} for {counted(count, 'payload')}"
        return WrongResultError(f"perform_batch returned {given}: {_RETURN}")
    return {index: _outcome(each) for index, each in enumerate(answer) if each is not None}


def _outcome(given: Any) -> DeliveryError:
    if isinstance(given, BaseException):
        return as_delivery_error(given)
    kind = type(given).__name__
    return WrongResultError(f"perform_batch returned {kind} for this payload: {_RETURN}")


def _is_sound(error: Any) -> bool:
    # Any: attributes of a plugin's class may hold other types than declared.
    return (
        isinstance(error.message, str)
        and isinstance(error.code, str)
        and 0 < len(error.code) <= MAX_CODE_CHARACTERS
        and error.status in STATUSES
        and isinstance(error.retryable, bool)
        and (error.retry_after is None or _is_wait(error.retry_after))
    )


def _is_wait(seconds: Any) -> bool:
    return isinstance(seconds, int | float) and 0 <= seconds < math.inf


def _mended(error: DeliveryError) -> DeliveryError:
    kind = RetryableError if error.retryable else RejectedError
    mended = kind(
        str(error.message),
        code=str(error.code)[:MAX_CODE_CHARACTERS] or kind.code,
        status=error.status if error.status in STATUSES else kind.status,
        retry_after=error.retry_after if _is_wait(error.retry_after) else None,
    )
    mended.__cause__ = error
    return mended


@attrs.define(eq=False)
class PluginFaults:
    """The faults of one instance's plugins that were logged, each once."""

    _logged: set[tuple[str, str]] = attrs.field(factory=set, init=False)

    def note(self, subscription: str, error: BaseException, mask: Mask) -> None:
        """Log what a plugin raised, unless the same was logged before; ignore other failures."""
        cause = error.__cause__
        if not isinstance(error, PluginFailedError) or cause is None:
            return
        place = place_in_plugin(cause) or ""
        key = (type(cause).__name__, place)
        if key in self._logged or len(self._logged) >= MAX_FAULTS:
            return
        self._logged.add(key)
        # Not `exc_info`: the text of an exception may hold a secret.
        trace = readable(mask(full_traceback(cause)))[-MAX_TRACEBACK_CHARACTERS:].rstrip()
        log.error(
            "%s: %s\n%s",
            subscription, readable(mask(error.message)), trace,
            extra={"action": "plugin_failed", "subscription": subscription},
        )  # fmt: skip
