"""What every queue engine promises, and the values that pass through; names no engine."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import attrs
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

#: Rows of one page of a listing, where the caller does not say.
DEFAULT_PAGE = 50


class Stage(enum.StrEnum):
    """Where a delivery stands; the first two are in flight, the others are its end."""

    WAITING = "waiting"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FILTERED = "filtered"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself: delivered, filtered, rejected or expired."""
        return self not in IN_FLIGHT


IN_FLIGHT = frozenset({Stage.WAITING, Stage.RETRYING})
#: The ends that a person may want to look at and replay.
DEAD = frozenset({Stage.REJECTED, Stage.EXPIRED})


class Counted(enum.StrEnum):
    """What the ledger counts per minute: each entry into a stage, and what has no stage.

    Of one lane, over all time: accepted + replayed = delivered + filtered + rejected + expired +
    in flight. `duplicate` is counted for a source only, `accepted` for a source and for each lane.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    DELIVERED = "delivered"
    FILTERED = "filtered"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RETRYING = "retrying"
    REPLAYED = "replayed"


class Reason(enum.StrEnum):
    """The reasons that the queue itself gives; all others are the callers' own codes."""

    #: The event waits for its first attempt.
    ACCEPTED = "ACCEPTED"
    #: Somebody asked for one more round of a delivery that had ended.
    REPLAYED = "REPLAYED"
    #: The subscription was deleted or disabled while the delivery waited.
    SUBSCRIPTION_REMOVED = "SUBSCRIPTION_REMOVED"


@attrs.define(kw_only=True)
class NewItem:
    """One event to accept, already matched: each subscription stands in `lanes` or `filtered`."""

    #: The source that it came from; with `message_id` it tells duplicates.
    source: str
    message_id: str
    #: track, identify, page, screen, group or alias.
    type: str
    #: The event's or page's name, for listings; empty where it has none.
    name: str = ""
    #: When the collector got it, in epoch seconds.
    received_at: float
    #: The normalised event as JSON.
    body: bytes
    #: The subscriptions that it goes to: one delivery each.
    lanes: tuple[str, ...] = ()
    #: Why it does not go to the others: reason -> subscriptions.
    filtered: Mapping[str, Sequence[str]] = attrs.field(factory=dict)


class Lease(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One delivery, lent to one holder until `expires_at`; times are epoch seconds.

    A msgspec struct, since each delivery makes one, and that takes a sixth of the time.
    """

    #: The delivery, as `DeadFilter.ids` and the ledger name it.
    id: str
    #: Proof of holding: a lease that lapsed and was given on has another.
    token: str
    lane: str
    source: str
    message_id: str
    type: str
    name: str
    body: bytes
    #: The number of the attempt that the holder is about to make, from 1.
    attempt: int
    accepted_at: float
    #: When the retry window opened: at acceptance, or at the last replay.
    opened_at: float
    #: When it lapses, unless extended; `Queue.extend` does not change this value.
    expires_at: float


@attrs.define(kw_only=True)
class Outcome:
    """What became of one leased delivery; any stage but waiting."""

    lease: Lease
    stage: Stage
    #: A code such as `OK`, `429` or `PAYLOAD_VALIDATION_FAILED`; never empty.
    reason: str
    #: The same for a person, in a sentence, secrets masked.
    message: str = ""
    #: The partner's HTTP status, where there was one.
    status: int | None = None
    #: When to try again, in epoch seconds; for `retrying`, and only there.
    retry_at: float | None = None
    #: Whether an attempt was made; without one, the count of attempts stays.
    attempted: bool = True
    #: The payload as JSON, masked and capped. `None` keeps the one before; `delivered` drops it.
    payload: bytes | None = None
    #: Request and response of the attempt as JSON, masked and capped; `None` as for `payload`.
    #: Outcomes settled together that share one exchange (a batch) share its row too.
    exchange: bytes | None = None


@attrs.frozen(kw_only=True)
class Depth:
    """How much of a lane is in flight."""

    #: Not tried yet.
    waiting: int = 0
    #: Tried, and to be tried again.
    retrying: int = 0
    #: How many of both are leased just now.
    leased: int = 0

    @property
    def total(self) -> int:
        """Waiting and retrying together."""
        return self.waiting + self.retrying


@attrs.frozen(kw_only=True)
class DeadFilter:
    """Which rejected and expired deliveries are meant: all conditions that are given must hold."""

    lane: str | None = None
    ids: tuple[str, ...] | None = None
    reason: str | None = None
    #: Ended at or after, in epoch seconds.
    since: float | None = None
    #: Ended before, in epoch seconds.
    until: float | None = None
    stages: frozenset[Stage] = DEAD


@attrs.frozen(kw_only=True)
class Page(Generic[T]):
    """Some rows of a listing; `cursor` asks for the next ones and is `None` after the last."""

    rows: tuple[T, ...]
    cursor: str | None = None


@attrs.frozen(kw_only=True)
class Delivery:
    """One event in one subscription, as the ledger knows it; times are epoch seconds."""

    #: Empty for `filtered`: an event that does not match makes no delivery.
    id: str
    lane: str
    source: str
    message_id: str
    type: str
    name: str
    stage: Stage
    reason: str
    message: str = ""
    status: int | None = None
    #: Attempts made since acceptance or since the last replay.
    attempts: int = 0
    accepted_at: float
    updated_at: float
    #: When it is tried next; `None` once it has ended.
    due_at: float | None = None
    replayed_at: float | None = None
    #: As given with the last outcome that had one; told by `Ledger.event` only.
    payload: bytes | None = None
    exchange: bytes | None = None


@attrs.frozen(kw_only=True)
class Story:
    """One accepted event and all its deliveries, the filtered ones among them."""

    source: str
    message_id: str
    type: str
    name: str
    received_at: float
    accepted_at: float
    #: `None` in listings, and once retention has dropped it.
    body: bytes | None
    deliveries: tuple[Delivery, ...]


@attrs.frozen(kw_only=True)
class Count:
    """How often something was counted in one minute, for a lane or (`lane` empty) for a source."""

    #: The start of the minute, in epoch seconds.
    minute: int
    lane: str
    source: str
    counted: Counted
    #: The reason code; for `accepted`, `duplicate` and `replayed` it is empty.
    reason: str
    n: int


@attrs.frozen(kw_only=True)
class Latency:
    """From acceptance (or replay) to delivered, in seconds; each bound is at most 19 % above."""

    n: int
    p50: float
    p95: float
    p99: float


@attrs.frozen(kw_only=True)
class ErrorGroup:
    """The deliveries of a lane that stand at one reason, with the latest of them as samples."""

    stage: Stage
    reason: str
    n: int
    samples: tuple[Delivery, ...]


@attrs.frozen(kw_only=True)
class Audit:
    """The result of recounting everything: `faults` is empty where all sums hold."""

    #: Deliveries that were counted, filtered ones included.
    deliveries: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the counters are exact and accepted = ends + in flight in every lane."""
        return not self.faults


class Queue(Protocol):
    """The durable queue: at-least-once, one lane per subscription, leases with fencing.

    The caller owns backoff, retry windows, batch keys and linger; the queue stores when a
    delivery is due. A lane needs no set-up: it begins with its first delivery.
    """

    async def accept(self, items: Sequence[NewItem]) -> list[bool]:
        """Store events with their deliveries; returns once they survive a power cut.

        `False` marks a duplicate: the source sent that `message_id` within the last 24 h. Raises
        `QueueFullError` (nothing is stored) above the bounds, `StorageError` if the disk fails.
        """
        ...

    def full(self) -> str | None:
        """Tell why `accept` would turn events away now, or nothing."""
        ...

    async def lease(self, lane: str, n: int, *, ttl: float, wait: float = 0) -> list[Lease]:
        """Borrow up to `n` deliveries that are due, oldest first, for `ttl` seconds.

        If none is due, waits up to `wait` seconds and wakes at once for an accept, a retry that
        comes due, a lease that lapses or is released, a replay. Empty after `wait`, or on close.
        """
        ...

    async def extend(self, leases: Sequence[Lease], ttl: float) -> list[bool]:
        """Let leases run `ttl` seconds from now; `False` where one is lost already."""
        ...

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give leases back untouched: they are due again at once, and no attempt is counted."""
        ...

    async def settle(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Store outcomes in one durable write and end their leases.

        `False` where the lease was lost (it lapsed and was given on, or was settled before): that
        outcome is not stored. Raises `StorageError` if the disk fails: the leases then hold on.
        A caller who is cancelled while waiting does not undo the write.
        """
        ...

    async def cancel(
        self, lane: str, *, reason: str = Reason.SUBSCRIPTION_REMOVED, message: str = ""
    ) -> int:
        """End what is in flight in a lane as expired; answers how many.

        What is leased at this moment stays with its holder; stop the lane's dispatcher first.
        """
        ...

    async def dead(
        self, which: DeadFilter, *, limit: int = DEFAULT_PAGE, cursor: str | None = None
    ) -> Page[Delivery]:
        """List rejected and expired deliveries, latest end first."""
        ...

    async def replay(self, which: DeadFilter) -> int:
        """Make rejected and expired deliveries due again, with a new retry window; how many."""
        ...

    async def depth(self, lane: str) -> Depth:
        """Tell how much of a lane is in flight, from counters; zeros for an unknown lane."""
        ...

    async def depths(self) -> dict[str, Depth]:
        """Tell the depth of every lane that ever had a delivery."""
        ...

    async def close(self) -> None:
        """Give all leases back at once and end all waiting; what is on its way to disk arrives."""
        ...


class Ledger(Protocol):
    """What became of every event: reads only, from the tables that `accept` and `settle` write."""

    async def event(self, message_id: str, *, source: str | None = None) -> list[Story]:
        """Tell the whole story of a message id: one per source and day, latest first."""
        ...

    async def events(
        self, *, source: str | None = None, limit: int = DEFAULT_PAGE, cursor: str | None = None
    ) -> Page[Story]:
        """List accepted events, latest first, with their deliveries but without bodies.

        A page may be short, even empty, and still have a cursor: go on until that is `None`.
        """
        ...

    async def recent(
        self,
        lane: str,
        *,
        stage: Stage | None = None,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """List deliveries of a lane, latest first by when they are due or ended.

        Filtered ones are told if asked for, latest acceptance first.
        A page may be short, even empty, and still have a cursor: go on until that is `None`.
        """
        ...

    async def counts(
        self, since: float, until: float, *, lane: str | None = None, source: str | None = None
    ) -> list[Count]:
        """Tell what was counted in the minutes from `since` to before `until` (epoch seconds)."""
        ...

    async def latency(self, lane: str, *, since: float | None = None) -> Latency | None:
        """Tell how long deliveries took, over the hours from `since` on; `None` without any."""
        ...

    async def latencies(self, *, since: float) -> Mapping[str, Latency]:
        """Tell `latency` of every lane that has any, in one reading."""
        ...

    async def errors(
        self, lane: str, *, since: float | None = None, samples: int = 3
    ) -> list[ErrorGroup]:
        """Group what is retrying, rejected or expired in a lane by reason, most first."""
        ...

    async def audit(self) -> Audit:
        """Recount everything and compare it with the counters; reads all rows."""
        ...
