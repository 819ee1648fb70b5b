"""Makes what is stored of each delivery from what its attempt said."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import attrs

from offramp import _json
from offramp.delivery.bisection import AttemptResult
from offramp.delivery.breaker import refuses_credentials, with_asked_pause
from offramp.delivery.plan import Plan
from offramp.delivery.retry import decide
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.secrecy import masked_json, shown_code
from offramp.errors import DeliveryError
from offramp.http import Mask, readable
from offramp.queue import Lease, Outcome, Stage

DELIVERED: Final = "OK"
#: Longest stored message of a failure, in characters.
MAX_MESSAGE_CHARACTERS: Final = 10_000


@attrs.frozen(kw_only=True)
class OutcomeMaker:
    """Makes the outcomes of one subscription; `clock` gives epoch seconds, `jitter` 0 to 1."""

    plan: Plan
    runtime: InstanceRuntime
    clock: Callable[[], float]
    jitter: Callable[[], float] = random.random

    def delivered(self, lease: Lease, result: AttemptResult, exchange: bytes | None) -> Outcome:
        """Make the outcome of a delivery that the partner accepted."""
        last = result.exchange
        return Outcome(
            lease=lease,
            stage=Stage.DELIVERED,
            reason=DELIVERED,
            status=None if last is None else last.status,
            exchange=exchange,
        )

    def failed(  # noqa: PLR0913 - what is known of a failure
        self,
        lease: Lease,
        error: DeliveryError,
        *,
        retryable: bool | None = None,
        attempted: bool = True,
        payload: bytes | None = None,
        exchange: bytes | None = None,
        mask: Mask | None = None,
    ) -> Outcome:
        """Decide whether a failed delivery is tried again, and mask what is stored of it."""
        cap = self.runtime.gate.max_retry_after
        decision = decide(
            self.plan.policy,
            retryable=error.retryable if retryable is None else retryable,
            asked=min(error.retry_after or 0.0, cap),
            # Refused credentials hold the instance, whose probes already wait.
            attempt=1 if refuses_credentials(error) else lease.attempt,
            accepted_at=lease.accepted_at,
            opened_at=lease.opened_at,
            now=self.clock(),
            jitter=self.jitter(),
        )
        if mask is None:
            wires = [] if payload is None else [payload]
            mask = self.plan.secrets.mask_wires(self.runtime.mask, wires)
        message = with_asked_pause(error.message, error.retry_after, cap=cap)
        return Outcome(
            lease=lease,
            stage=decision.stage,
            reason=shown_code(error, mask),
            message=readable(mask(message))[:MAX_MESSAGE_CHARACTERS],
            status=error.status,
            retry_at=decision.retry_at,
            attempted=attempted,
            payload=None if payload is None else self._shown(payload, mask),
            exchange=exchange,
        )

    def _shown(self, payload: bytes, mask: Mask) -> bytes:
        if self.plan.secrets.fields:
            payload = _json.dumps(self.plan.secrets.shown(_json.loads(payload)))
        return masked_json(payload, mask)


def exchange_of(result: AttemptResult, known: dict[int, bytes]) -> bytes | None:
    """Return the exchange as JSON; the same object for all that share it, so it is stored once."""
    if result.exchange is None:
        return None
    key = id(result.exchange)
    if key not in known:
        known[key] = _json.dumps(result.exchange.as_data())
    return known[key]
