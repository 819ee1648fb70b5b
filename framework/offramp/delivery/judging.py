"""Checks what a call of a plugin did: a request counts only if it was awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from offramp.definition import Action
from offramp.definition.awaited import awaited, with_place
from offramp.delivery.failures import PluginFailedError, outcomes_of
from offramp.errors import DeliveryError, RejectedError
from offramp.http import Client

T = TypeVar("T")

#: Reason: the partner accepted something, but the plugin does not report what.
UNCLEAR = "UNCLEAR_OUTCOME"


async def finished(
    client: Client[Any], function: Callable[..., Awaitable[T]], *given: Any, **named: Any
) -> T:
    """Call a function of a plugin with the client and the other arguments; return its result.

    Raises `PluginFailedError` if a request is still running: it is cancelled, as its result
    could not be recorded.
    """
    try:
        value = await awaited(function, client, *given, **named)
    except BaseException:
        await client.made.close()  # the error is more useful than the running requests
        raise
    left = await client.made.close()
    if left is not None:
        raise PluginFailedError(f"the plugin {left}")
    return value


def judged(
    client: Client[Any], action: Action[Any, Any], method: str, value: Any, count: int
) -> list[DeliveryError | None]:
    """Return the outcome of each payload, after `perform` or `perform_batch` returned a value.

    Raises `PluginFailedError` if nothing was delivered, whatever the value is, and
    `RejectedError` if a repeat could count twice what the partner accepted.
    """
    # The result of `perform` is ignored.
    outcomes = outcomes_of(None if method == "perform" else value, count)
    if isinstance(outcomes, DeliveryError):
        raise _unclear(client, action, outcomes)
    nothing_sent = client.made.nothing
    if nothing_sent and action.may_send_nothing:
        return outcomes
    # Without a request no payload was accepted; otherwise errors in the outcomes are trusted.
    claims = (any if nothing_sent else all)(each is None for each in outcomes)
    undelivered = client.made.undelivered() if claims else None
    if undelivered is not None:
        told = with_place(getattr(type(action), method), method)
        raise PluginFailedError(f"{told} {undelivered}")
    return outcomes


def _unclear(client: Client[Any], action: Action[Any, Any], failed: DeliveryError) -> DeliveryError:
    if action.idempotency is not None or client.made.nothing or client.made.undelivered():
        return failed
    told = "the partner accepted a request; it is not sent again, as a repeat could count twice"
    # The status must not blame the content, or the batch would be halved and sent again.
    return RejectedError(f"{failed.message}; {told}", code=UNCLEAR, status=failed.status)
