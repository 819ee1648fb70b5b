"""Whether a call of a plugin did what it says: a request counts only once it was awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from offramp.definition import Action
from offramp.definition.awaited import awaited, with_place
from offramp.delivery.failures import PluginFailedError, outcomes_of
from offramp.errors import DeliveryError, RejectedError
from offramp.http import Client

T = TypeVar("T")

#: The partner took something, and the plugin does not say what.
UNCLEAR = "UNCLEAR_OUTCOME"


async def finished(
    client: Client[Any], function: Callable[..., Awaitable[T]], *given: Any, **named: Any
) -> T:
    """What a function of a plugin returns, called with the client and what else is given.

    Raises `PluginFailedError` where it left a request behind: what it left is ended, so that
    nothing is sent that nobody hears of.
    """
    try:
        value = await awaited(function, client, *given, **named)
    except BaseException:
        await client.made.close()  # the error tells more than what it left behind
        raise
    left = await client.made.close()
    if left is not None:
        raise PluginFailedError(f"the plugin {left}")
    return value


def judged(
    client: Client[Any], action: Action[Any, Any], method: str, value: Any, count: int
) -> list[DeliveryError | None]:
    """The outcome of each payload, after `perform` or `perform_batch` returned a value.

    Raises `PluginFailedError` where nothing was delivered, whatever the value says, and
    `RejectedError` where the partner took what a repeat could count twice.
    """
    # What `perform` returns says nothing.
    outcomes = outcomes_of(None if method == "perform" else value, count)
    if isinstance(outcomes, DeliveryError):
        raise _unclear(client, action, outcomes)
    nothing_sent = client.made.nothing
    if nothing_sent and action.may_send_nothing:
        return outcomes
    # Without a request no payload was taken; else outcomes that tell of an error are believed.
    claims = (any if nothing_sent else all)(each is None for each in outcomes)
    undelivered = client.made.undelivered() if claims else None
    if undelivered is not None:
        told = with_place(getattr(type(action), method), method)
        raise PluginFailedError(f"{told} {undelivered}")
    return outcomes


def _unclear(client: Client[Any], action: Action[Any, Any], failed: DeliveryError) -> DeliveryError:
    if action.idempotency is not None or client.made.nothing or client.made.undelivered():
        return failed
    told = "the partner answered well, and it is not sent again, as that could count twice"
    # No status that blames the content, for which the batch would be halved and sent again.
    return RejectedError(f"{failed.message}; {told}", code=UNCLEAR, status=failed.status)
