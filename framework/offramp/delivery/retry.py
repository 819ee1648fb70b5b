"""When to try again, and when to stop: pure functions of an attempt and a policy."""

from __future__ import annotations

from typing import Final

import attrs

from offramp.definition import Action, Retry
from offramp.errors import DeliveryError, RetryableError
from offramp.queue import Doubt, Stage

#: 2 ** 63 seconds is above every cap; larger powers could overflow a float.
MAX_DOUBLINGS: Final = 63
#: Reason: the window in which the partner recognizes repeats is over.
FORGOTTEN: Final = "IDEMPOTENCY_WINDOW_OVER"
#: Reason: the delivery would end by the time that it is, which is not certain.
CLOCK_IN_DOUBT: Final = "CLOCK_IN_DOUBT"
#: Seconds after which it is looked at again: the clock may be set at any time.
LOOK_AGAIN_SECONDS: Final = 30.0


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When to retry and for how long; all times in seconds."""

    wait_initial: float
    wait_max: float
    #: Counted from acceptance, or from the last replay.
    window: float
    #: How long the partner recognizes a repeat, from acceptance on; no attempt is made later.
    idempotency_window: float | None = None

    def forgotten(self, *, age: float) -> bool:
        """Whether the partner may no longer recognize a repeat, so that none may be sent.

        `age` is how long ago, in seconds, the event may have been accepted.
        """
        return self.idempotency_window is not None and age >= self.idempotency_window

    def deadline(self, *, accepted_at: float, opened_at: float) -> float:
        """The latest time of an attempt, in epoch seconds."""
        deadline = opened_at + self.window
        if self.idempotency_window is None:
            return deadline
        return min(deadline, accepted_at + self.idempotency_window)


def too_late() -> RetryableError:
    """Make the error of a delivery whose idempotency key the partner may have forgotten."""
    return RetryableError(
        "the destination may have forgotten this event's idempotency key, so that a repeat "
        "could count twice; it is not sent again",
        code=FORGOTTEN,
    )


def wait_for_clock(failure: DeliveryError, doubt: Doubt) -> RetryableError:
    """Make the error of a delivery that is ended by a failure, if the clock is right: it waits."""
    return RetryableError(
        f"{failure.message} (if this machine's clock is right; it waits until that is certain: "
        f"{doubt})",
        code=CLOCK_IN_DOUBT,
        retry_after=LOOK_AGAIN_SECONDS,
    )


@attrs.frozen(kw_only=True)
class Decision:
    """What to do after a failed attempt; `retry_at`, in epoch seconds, only for `retrying`."""

    stage: Stage
    retry_at: float | None = None


def policy_of(action: Action[object, object]) -> RetryPolicy:
    """The policy that an action declares."""
    retry: Retry = action.retry
    known = action.idempotency
    return RetryPolicy(
        wait_initial=retry.wait_initial.total_seconds(),
        wait_max=retry.wait_max.total_seconds(),
        window=retry.window.total_seconds(),
        idempotency_window=None if known is None else known.window.total_seconds(),
    )


def backoff(attempt: int, policy: RetryPolicy, *, jitter: float) -> float:
    """Seconds to wait after a failed attempt: jitter * min(wait_max, wait_initial * 2^(attempt-1)).

    `attempt` counts from 1; `jitter` is a random number from 0 to 1 (full jitter). The page on
    delivery guarantees shows the same formula; keep the two in step.
    """
    doublings = min(attempt - 1, MAX_DOUBLINGS)
    return jitter * min(policy.wait_max, policy.wait_initial * 2.0**doublings)


def decide(  # noqa: PLR0913 - everything that the decision depends on, nothing hidden
    policy: RetryPolicy,
    *,
    retryable: bool,
    attempt: int,
    accepted_at: float,
    opened_at: float,
    now: float,
    jitter: float,
    asked: float = 0.0,
    may_expire: bool = True,
) -> Decision:
    """Retry, reject or expire after attempt number `attempt` (from 1) failed.

    `asked` is the pause that the partner asked for and that is obeyed, in seconds. The last
    attempt is made at the deadline at the latest. Without `may_expire`, as while the clock is in
    doubt, there is no deadline.
    """
    if not retryable:
        return Decision(stage=Stage.REJECTED)
    deadline = policy.deadline(accepted_at=accepted_at, opened_at=opened_at)
    wished = now + max(asked, backoff(attempt, policy, jitter=jitter))
    if not may_expire:
        return Decision(stage=Stage.RETRYING, retry_at=wished)
    if now >= deadline:
        return Decision(stage=Stage.EXPIRED)
    return Decision(stage=Stage.RETRYING, retry_at=min(wished, deadline))
