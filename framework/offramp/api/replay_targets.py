"""Subscriptions that events can be queued for again: they must run, or the events wait for ever."""

from __future__ import annotations

from typing import Final

import attrs

from offramp.api.host_context import HostContext
from offramp.delivery import Plan
from offramp.delivery.disabled import KINDS, why_disabled
from offramp.delivery.router import SourceRoutes
from offramp.errors import OfframpError
from offramp.plugins import pick
from offramp.queue import Clock

#: Reason why a dead letter is not queued again.
SUBSCRIPTION_GONE: Final = "SUBSCRIPTION_GONE"
#: Reason why an event is not queued again: the subscription has a delivery of it already.
HAS_DELIVERY: Final = "HAS_DELIVERY"
#: In place of a reason, for events that a subscription was never asked about: they were accepted
#: before it existed.
BEFORE_SUBSCRIPTION: Final = "BEFORE_SUBSCRIPTION"
#: Seconds before the end of an idempotency window from which on nothing new is queued: what has
#: no hour left to wait and to be tried again is likely to expire.
WINDOW_MARGIN_SECONDS: Final = 3_600.0


@attrs.frozen(kw_only=True, eq=False)
class ReplayTarget:
    """A running subscription that gets events which it did not get."""

    plan: Plan
    #: The source of its instance.
    source: str
    #: Routes events as if the source had only this subscription.
    routes: SourceRoutes

    @property
    def id(self) -> str:
        """The subscription's id."""
        return self.plan.subscription.id

    def is_too_old(self, accepted_at: float, clock: Clock) -> bool:
        """Whether the partner may soon not recognize a repeat of an event any more."""
        age = clock.longest_age(accepted_at) + WINDOW_MARGIN_SECONDS
        return self.plan.policy.forgotten(age=age)


def find_target(host: HostContext, subscription: str) -> ReplayTarget:
    """Find a subscription that runs; raises `OfframpError` that says why it does not."""
    snapshot = host.engine.snapshot
    saved = pick(snapshot.config.subscriptions, subscription, "subscription")
    disabled = why_disabled(snapshot.config, subscription)
    if disabled is not None:
        kind = KINDS[disabled]
        what = "it" if kind == "subscription" else f"its {kind}"
        raise OfframpError(
            f"subscription {subscription} gets no events, as {what} is disabled: enable that first,"
            " or what is replayed would wait for ever"
        )
    if subscription not in snapshot.plans:
        problem = snapshot.problems.get(f"subscriptions.{subscription}", "see `offramp status`")
        raise OfframpError(f"subscription {subscription} does not run: {problem}")
    source = snapshot.config.instances[saved.instance].source
    return ReplayTarget(
        plan=snapshot.plans[subscription],
        source=source,
        routes=SourceRoutes([snapshot.triggers[subscription]]),
    )
