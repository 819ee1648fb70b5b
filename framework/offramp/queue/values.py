"""The values that pass through a queue: batches, leases, outcomes, and what the ledger answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import attrs
import msgspec

T = TypeVar("T")


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
#: The ends of a dead letter: a person may want to look at it and replay it.
DEAD = frozenset({Stage.REJECTED, Stage.EXPIRED})


class Counted(enum.StrEnum):
    """What the ledger counts per minute: each entry into a stage, and what has no stage.

    Of one subscription, over all time: accepted + replayed = delivered + filtered + rejected +
    expired + in flight, where a replay takes back the end that it follows. `duplicate` is counted
    for a source only, `accepted` for a source and for each subscription.
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
    #: The host stopped while a request was under way; the delivery is tried again.
    ANSWER_UNKNOWN = "ANSWER_UNKNOWN"
    #: Somebody replayed a delivery that had ended.
    REPLAYED = "REPLAYED"
    #: The subscription was deleted while the delivery waited.
    SUBSCRIPTION_REMOVED = "SUBSCRIPTION_REMOVED"
    #: It was in flight at the backup that was restored, and a person decided not to send it.
    RESTORED = "RESTORED"
    #: Its event was damaged on disk, and a person decided to expire it.
    DAMAGED = "DAMAGED"


#: What is said of an attempt whose answer nobody got: the message of `ANSWER_UNKNOWN`.
UNKNOWN_ANSWER = "answer unknown: the host stopped while the request was under way"


@attrs.frozen(kw_only=True)
class Route:
    """The way that events go: one value for all events of a batch that go the same way."""

    #: The subscriptions that get the events: one delivery each.
    subscriptions: tuple[str, ...] = ()
    #: Why others do not get them: reason -> subscriptions.
    filtered: Mapping[str, Sequence[str]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EventBatch:
    """The events of one request, column by column, already routed."""

    source: str
    #: When the collector got them, in epoch seconds.
    received_at: float
    #: With `source`, the message id finds duplicates.
    message_ids: Sequence[str]
    #: track, identify, page, screen, group or alias.
    types: Sequence[str]
    #: The events' or pages' names, for listings; empty where an event has none.
    names: Sequence[str]
    #: The completed events, each as JSON.
    bodies: Sequence[bytes]
    #: The different ways that the events go.
    routes: Sequence[Route]
    #: The index in `routes` of each event's route.
    route_of: Sequence[int]

    def __len__(self) -> int:
        return len(self.message_ids)


class LeasedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery of a lease; made only for who asks for it."""

    #: The delivery, as `DeadLetterFilter.ids` and the ledger name it.
    id: str
    source: str
    message_id: str
    type: str
    name: str
    #: The number of the attempt that the holder is about to make, from 1.
    attempt: int
    accepted_at: float
    opened_at: float


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of leased deliveries; any stage but waiting."""

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
    #: Outcomes settled together that share this object share its row too.
    exchange: bytes | None = None


@attrs.frozen(kw_only=True)
class Depth:
    """How much of a subscription is in flight."""

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
class DeadLetterFilter:
    """Which dead letters are meant: all conditions that are given must hold."""

    subscription: str | None = None
    ids: tuple[str, ...] | None = None
    reason: str | None = None
    #: Ended at or after, in epoch seconds.
    since: float | None = None
    #: Ended before, in epoch seconds.
    until: float | None = None
    stages: frozenset[Stage] = DEAD


@attrs.frozen(kw_only=True)
class EventFilter:
    """Which accepted events are meant: all conditions that are given must hold."""

    source: str | None = None
    type: str | None = None
    name: str | None = None
    #: Accepted at or after, in epoch seconds.
    since: float | None = None
    #: Accepted before, in epoch seconds.
    until: float | None = None
    #: With a delivery to this subscription; `stages` and `reason` are of that delivery, or, without
    #: a subscription, of any one.
    subscription: str | None = None
    stages: frozenset[Stage] | None = None
    reason: str | None = None
    #: Also those that `subscription` has no delivery of since it was never asked: they were
    #: accepted before it existed.
    missing: bool = False
    #: Whether an event is meant, by its JSON; without that it is not. Called in another thread,
    #: once for each event that meets all else.
    where: Callable[[bytes], bool] | None = None


@attrs.frozen(kw_only=True)
class Page(Generic[T]):
    """Some rows of a listing; `cursor` asks for the next ones and is `None` after the last."""

    rows: tuple[T, ...]
    cursor: str | None = None


@attrs.frozen(kw_only=True)
class SearchPage(Page[T]):
    """A page of a search, and what was looked through for it."""

    #: Events, of which the rows are those that meet the conditions.
    scanned: int = 0
    #: Events that were left out since they are damaged on disk.
    damaged: int = 0
    #: Events that were left out since `EventFilter.where` needs JSON that is no longer kept.
    without_body: int = 0
    #: When the last event that was looked at was accepted, in epoch seconds; `None` without any.
    reached_at: float | None = None


@attrs.frozen(kw_only=True)
class Delivery:
    """One event in one subscription, as the ledger knows it; times are epoch seconds."""

    id: str
    subscription: str
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
    #: Those of them whose answers nobody knows: the host stopped while they were under way.
    unknown_answers: int = 0
    accepted_at: float
    updated_at: float
    #: When it is tried next; `None` once it has ended.
    due_at: float | None = None
    replayed_at: float | None = None
    #: As given with the last outcome that had one; given by `Ledger.event` only.
    payload: bytes | None = None
    exchange: bytes | None = None


@attrs.frozen(kw_only=True)
class EventRecord:
    """One accepted event and all its deliveries, the filtered ones among them."""

    #: The event, as `Queue.backfill` names it.
    id: str
    source: str
    message_id: str
    type: str
    name: str
    received_at: float
    accepted_at: float
    #: `None` in listings without bodies, and once retention has dropped it.
    body: bytes | None
    deliveries: tuple[Delivery, ...]


@attrs.frozen(kw_only=True)
class Count:
    """How often something was counted in one minute, for a subscription or for a source."""

    #: The start of the minute, in epoch seconds.
    minute: int
    #: Empty where it was counted for the source.
    subscription: str
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
    """The deliveries of a subscription that stand at one reason, with the latest as samples."""

    stage: Stage
    reason: str
    n: int
    samples: tuple[Delivery, ...]


@attrs.frozen(kw_only=True)
class Reconciliation:
    """The result of recounting everything: `faults` is empty where all sums hold."""

    #: Deliveries that were counted, filtered ones included.
    deliveries: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the counters are exact and accepted = ends + in flight everywhere."""
        return not self.faults
