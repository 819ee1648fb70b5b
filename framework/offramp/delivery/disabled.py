"""What is disabled: why its subscriptions get no event, and how long its events are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypedDict

from offramp.config import Config, Kind, Periods
from offramp.queue import Reason

#: Why a subscription gets no event: it, its instance or its source is disabled.
REASONS: Final[Mapping[Kind, str]] = {
    "source": "SOURCE_DISABLED",
    "instance": "INSTANCE_DISABLED",
    "subscription": "SUBSCRIPTION_DISABLED",
}
KINDS: Final[Mapping[str, Kind]] = {reason: kind for kind, reason in REASONS.items()}


class Ending(TypedDict):
    """Why the waiting deliveries of a subscription end: arguments of `Queue.cancel`."""

    reason: str
    message: str


def why_disabled(config: Config, subscription: str) -> str | None:
    """Why a subscription gets no event; `None` if it, its instance and its source are enabled.

    If several are disabled, the outermost is named.
    """
    holders = config.holders_of(subscription)
    return next((REASONS[kind] for kind, thing in holders if not thing.enabled), None)


def why_ended(config: Config, subscription: str) -> Ending | None:
    """Why what waits in a subscription ends; `None` if it goes on waiting."""
    if subscription not in config.subscriptions:
        return Ending(reason=Reason.SUBSCRIPTION_REMOVED, message="")
    reason = why_disabled(config, subscription)
    if reason is None:
        return None
    return Ending(reason=reason, message=f"the {KINDS[reason]} was disabled while it waited")


def kept_until(config: Config, periods: Periods, *, grace: float, now: float) -> dict[str, float]:
    """Until when (epoch seconds) the events of each disabled source are stored, as filtered.

    `grace` is in seconds from when it was disabled; `now` stands for a time not written down.
    """
    return {
        name: (periods.since("source", name, "disabled") or now) + grace
        for name, source in config.sources.items()
        if not source.enabled
    }
