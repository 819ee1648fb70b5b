"""What a plugin raises and returns, made sound: the host never depends on a plugin's manners."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any, Final

from offramp.delivery.breaker import refuses_credentials
from offramp.errors import (
    DeliveryError,
    RejectedError,
    RequestTimeoutError,
    RetryableError,
    counted,
)
from offramp.place import describe_error, leaves_of

#: HTTP statuses have three digits.
STATUSES: Final = range(100, 1000)
#: Longest reason code that is kept, in characters: reasons are counted one by one.
MAX_CODE_CHARACTERS: Final = 100

_RETURN: Final = (
    "return nothing where all were taken, or a list with one entry for each payload, in their"
    " order: None where it was taken, else a DeliveryError"
)


class PluginFailedError(RetryableError):
    """The plugin's own code failed; kept and tried again, since a mended plugin may succeed."""

    code = "INTERNAL"


class MiddlewareFailedError(PluginFailedError):
    """Middleware raised: it may sign or redact, so it holds the instance instead of one event."""

    code = "MIDDLEWARE_FAILED"


def plugin_failure(error: BaseException) -> PluginFailedError:
    """What a plugin raised, and in which of its lines; the cause stays with it."""
    if isinstance(error, PluginFailedError):
        return error
    failed = PluginFailedError(f"the plugin raised {describe_error(error)}")
    failed.__cause__ = error
    return failed


def is_ours(error: BaseException) -> bool:
    """Whether an error that came through a plugin's code ends this task, rather than the plugin.

    The host's own cancellation does. `SystemExit`, `KeyboardInterrupt` (the host hears of the
    operator's by a signal handler) or a cancellation that nobody asked this task for are the
    plugin's doing, and would stop the host or leave a delivery without an end.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)


def as_delivery_error(error: BaseException) -> DeliveryError:
    """The error for the ledger: sound ones as they are, others mended, or told as a bug.

    Of a group (as `asyncio.TaskGroup` raises it) it is the gravest error within.
    """
    if isinstance(error, BaseExceptionGroup):
        return max(map(as_delivery_error, leaves_of(error)), key=_gravity)
    if isinstance(error, TimeoutError) and not isinstance(error, DeliveryError):
        # A plugin that bounds how long it waits gives up on the partner, and has no bug.
        return RequestTimeoutError(f"the plugin did not wait any longer: {describe_error(error)}")
    if not isinstance(error, DeliveryError):
        return plugin_failure(error)
    try:
        return error if _is_sound(error) else _mended(error)
    except Exception:  # noqa: BLE001 - such as attributes that a plugin's class does not set
        return plugin_failure(error)


def _gravity(error: DeliveryError) -> tuple[bool, bool, bool, bool, float]:
    """By this the gravest error of several is found.

    Faults of middleware come first, as they hold the instance, then faults of the plugin, then
    refused credentials, then what no later attempt heals, then the longest pause asked for.
    """
    return (
        isinstance(error, MiddlewareFailedError),
        isinstance(error, PluginFailedError),
        refuses_credentials(error),
        not error.retryable,
        error.retry_after or 0.0,
    )


def outcomes_of(answer: Any, count: int) -> list[DeliveryError | None] | DeliveryError:
    """One outcome per payload from what `perform_batch` returned, or what is wrong with that."""
    if answer is None:
        return [None] * count
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes | bytearray):
        kind = type(answer).__name__
        return PluginFailedError(f"perform_batch returned {kind}, no list of outcomes: {_RETURN}")
    if len(answer) != count:
        given = f"{counted(len(answer), 'outcome')} for {counted(count, 'payload')}"
        return PluginFailedError(f"perform_batch returned {given}: {_RETURN}")
    return [None if each is None else _outcome(each) for each in answer]


def _outcome(given: Any) -> DeliveryError:
    if isinstance(given, BaseException):
        return as_delivery_error(given)
    kind = type(given).__name__
    return PluginFailedError(f"perform_batch returned {kind} for this payload: {_RETURN}")


def _is_sound(error: Any) -> bool:
    # Any: whatever a plugin's class says of its attributes, they may hold something else.
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
