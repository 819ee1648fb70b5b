"""Makes the outcomes of deliveries that were delivered or too late, and their exchanges."""

from __future__ import annotations

from typing import Final

from offramp import _json
from offramp.delivery.bisection import Sent
from offramp.errors import DeliveryError, RetryableError
from offramp.queue import Lease, Outcome, Stage

DELIVERED: Final = "OK"
#: Reason: the window in which the partner recognizes repeats is over.
FORGOTTEN: Final = "IDEMPOTENCY_WINDOW_OVER"


def too_late() -> DeliveryError:
    """Make the error of a delivery whose idempotency key the partner may have forgotten."""
    return RetryableError(
        "the destination may have forgotten this event's idempotency key, so that a repeat "
        "could count twice; it is not sent again",
        code=FORGOTTEN,
    )


def delivered(lease: Lease, sent: Sent, exchange: bytes | None) -> Outcome:
    """Make the outcome of a delivery that the partner accepted."""
    last = sent.exchange
    return Outcome(
        lease=lease,
        stage=Stage.DELIVERED,
        reason=DELIVERED,
        status=None if last is None else last.status,
        exchange=exchange,
    )


def exchange_of(sent: Sent, known: dict[int, bytes]) -> bytes | None:
    """Return the exchange as JSON; the same object for all that share it, so it is stored once."""
    if sent.exchange is None:
        return None
    key = id(sent.exchange)
    if key not in known:
        known[key] = _json.dumps(sent.exchange.as_data())
    return known[key]
