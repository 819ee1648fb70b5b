"""Types of the answers about events and deliveries, for the documentation of the control API."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

import msgspec

from offramp.api.exchange_shapes import ExchangeShape, HookEffectShape
from offramp.fql import Explanation
from offramp.pointers import ErrorShape

#: A time in ISO 8601, UTC.
Time: TypeAlias = str
StageName: TypeAlias = Literal[
    "waiting", "retrying", "delivered", "filtered", "rejected", "expired"
]


class PluginProblemShape(TypedDict):
    """A plugin that could not be used, and why."""

    #: The plugin's name, such as `plugins.reports`.
    place: str
    message: str


class ProblemShape(TypedDict):
    """Why a request was not served (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ErrorShape]
    #: With 412: the revision that is in force.
    revision: NotRequired[int]
    #: With 412: the object as it is now; `None` if it was deleted.
    current: NotRequired[dict[str, Any] | None]
    #: If a save hook failed: its reason code, and what it may have changed at the partner.
    code: NotRequired[str]
    effects: NotRequired[list[HookEffectShape]]


class WhyShape(TypedDict):
    """Why a delivery has its outcome, and what to do about it."""

    #: The reason in one sentence.
    text: str
    #: If the trigger was false: each condition with its result and what it found.
    trigger: Explanation | None
    errors: list[ErrorShape]
    #: What to change.
    fix: str | None
    #: The command that delivers it again.
    replay: str | None


class DeliveryRow(TypedDict):
    """The delivery of one event to one subscription."""

    #: The id for a replay; empty if the event was filtered.
    id: str
    subscription: str
    source: str
    message_id: str
    type: str
    name: str
    stage: StageName
    reason: str
    message: str
    status: int | None
    attempts: int
    #: Those of the attempts that were under way when the host stopped.
    unknown_answers: int
    accepted_at: Time
    updated_at: Time
    due_at: Time | None
    replayed_at: Time | None


class DeliveryShape(DeliveryRow):
    """A delivery with its last request and answer, secrets masked."""

    payload: Any
    #: A text if masking made it invalid JSON.
    exchange: ExchangeShape | str | None


class ExplainedDelivery(DeliveryShape):
    """A delivery with its reason explained; `None` if there is nothing to explain."""

    why: WhyShape | None


class EventRow(TypedDict):
    """One accepted event in a list."""

    message_id: str
    source: str
    type: str
    name: str
    received_at: Time
    accepted_at: Time
    deliveries: list[DeliveryRow]


class EventShape(TypedDict):
    """One accepted event; `event` is `None` once retention has dropped it."""

    message_id: str
    source: str
    type: str
    name: str
    received_at: Time
    accepted_at: Time
    event: dict[str, Any] | None
    deliveries: list[ExplainedDelivery]


class EventRecords(TypedDict):
    """All events with one message id: one for each source that sent it."""

    events: list[EventShape]


class EventPage(TypedDict):
    """Accepted events, latest first; a page may be empty and still have a cursor.

    One request looks through a bounded number of events.
    """

    rows: list[EventRow]
    cursor: str | None
    #: Events that were looked at for this page.
    scanned: int
    #: When the last of them was accepted; `None` without any.
    reached_at: Time | None
    #: Events that were left out because they are damaged on disk.
    damaged: int
    #: Events that were left out because `where` needs their JSON, which is no longer kept.
    without_body: int


class DeliveryPage(TypedDict):
    """Deliveries, latest first; a page may be empty and still have a cursor."""

    rows: list[DeliveryRow]
    cursor: str | None


class LatencyShape(TypedDict):
    """The time from acceptance to delivery, in seconds."""

    n: int
    p50: float
    p95: float
    p99: float


class LatencyAnswer(TypedDict):
    """The latency of one subscription; `None` if nothing was delivered."""

    subscription: str
    since: Time | None
    latency: LatencyShape | None


class ErrorGroup(TypedDict):
    """The deliveries with the same reason; the latest are samples."""

    subscription: str
    stage: StageName
    reason: str
    n: int
    samples: list[DeliveryRow]


class Errors(TypedDict):
    """Retrying, rejected and expired deliveries by reason, the most frequent first."""

    groups: list[ErrorGroup]


class CountShape(TypedDict):
    """The count of one outcome in one step of time, for a subscription or a source."""

    at: Time
    subscription: str
    source: str
    counted: Literal[
        "accepted", "duplicate", "delivered", "filtered", "rejected", "expired", "retrying",
        "replayed",
    ]  # fmt: skip
    reason: str
    n: int


class Series(TypedDict):
    """Counts over time."""

    since: Time
    until: Time
    granularity: Literal["minute", "hour", "day"]
    rows: list[CountShape]


class TokenShape(TypedDict):
    """A token of the control API; the token itself is never shown."""

    label: str
    #: A token of the configuration or of the data folder cannot be revoked here.
    origin: Literal["configuration", "data folder", "api"]
    #: `None` if it was not used since the host started.
    last_used_at: Time | None


class TokensShape(TypedDict):
    """The tokens of the control API."""

    tokens: list[TokenShape]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """A new token."""

    label: str


class TokenAnswer(TypedDict):
    """A token that was added; it is shown here and nowhere else."""

    label: str
    token: str


class NewSession(msgspec.Struct, forbid_unknown_fields=True):
    """What a browser signs in with: one of the two."""

    #: A token of the host.
    token: str | None = None
    #: A code that `POST /api/sessions/codes` made.
    code: str | None = None


class SessionShape(TypedDict):
    """Who is signed in; a caller with a token has no session, and no times."""

    #: The label of the token.
    token: str
    created_at: Time | None
    #: When the session ends, however much it is used.
    expires_at: Time | None
    #: Seconds without a request after which a session ends.
    idle_seconds: float


class SessionCode(TypedDict):
    """A code that opens one session, shown here and nowhere else."""

    code: str
    expires_at: Time
    #: Where the console takes it: at this URL, at the host's own (`true`), or nowhere (`false`).
    console: bool | str


class EndedSession(TypedDict):
    """Whether there was a session to end."""

    ended: bool


class RevokedToken(TypedDict):
    """A token that is no longer valid."""

    revoked: str


class ReloadShape(TypedDict):
    """The result of reading all references anew."""

    #: Places of API tokens, sources, instances and subscriptions that have another value.
    changed: list[str]
    #: What could not be read, and why; the former values are used.
    kept: list[ErrorShape]


class ReconciliationShape(TypedDict):
    """The result of recounting everything."""

    ok: bool
    deliveries: int
    faults: list[str]
