"""What a worker notes of deliveries: taken by the partner, or too late, and the exchange."""

from __future__ import annotations

from typing import Final

from offramp import _json
from offramp.delivery.bisection import Sent
from offramp.errors import DeliveryError, RetryableError
from offramp.queue import Lease, Outcome, Stage

DELIVERED: Final = "OK"
#: The window in which the partner knows repeats is over.
FORGOTTEN: Final = "IDEMPOTENCY_WINDOW_OVER"


def too_late() -> DeliveryError:
    """Why a delivery ends whose idempotency key the partner may have forgotten."""
    return RetryableError(
        "the destination may have forgotten this event's idempotency key, so that a repeat "
        "could count twice; it is not sent any more",
        code=FORGOTTEN,
    )


def delivered(lease: Lease, sent: Sent, exchange: bytes | None) -> Outcome:
    """The outcome of a delivery that the partner took."""
    last = sent.exchange
    return Outcome(
        lease=lease,
        stage=Stage.DELIVERED,
        reason=DELIVERED,
        status=None if last is None else last.status,
        exchange=exchange,
    )


def exchange_of(sent: Sent, known: dict[int, bytes]) -> bytes | None:
    """The exchange as JSON; the very same bytes for all that share it, so it is kept once."""
    if sent.exchange is None:
        return None
    key = id(sent.exchange)
    if key not in known:
        known[key] = _json.dumps(sent.exchange.as_data())
    return known[key]
