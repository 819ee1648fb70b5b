"""The interfaces of HTTP: the client that an action gets, its requests and its responses."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeAlias, TypedDict, TypeVar, Unpack
from urllib.parse import quote

import attrs

from offramp import _json
from offramp.definition.oauth import AuthTokens
from offramp.errors import RejectedError

S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Response:
    """A partner's answer, read completely."""

    status: int
    #: Names of a real partner's headers are case-insensitive.
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    #: What the partner wrote beside the status, such as `Not Found`; empty where it wrote nothing.
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300  # noqa: PLR2004 - the bounds of HTTP's success class

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become U+FFFD."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body parsed, numbers exact. Raises `ValueError` where it is not JSON."""
        return _json.loads(self.body)


@attrs.frozen(kw_only=True)
class AudienceDetails:
    """One audience, as an action, `create` and `get` see it."""

    #: What events name it by: `context.personas.computation_key`.
    key: str
    #: Its name for people; the key where none is known, as of an audience that only events name.
    name: str
    #: By the class that `Audience.fields` is, or by wire name where that is no class.
    settings: Any = attrs.field(repr=False)
    #: The partner's id of it; `None` before it is created.
    external_id: str | None = None


@attrs.frozen(kw_only=True)
class RequestOptions:
    """What a destination adds to every request of its actions."""

    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    params: Form = attrs.field(factory=dict)
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    timeout: timedelta | None = None


@attrs.define(kw_only=True)
class OutgoingRequest:
    """A request on its way out, and for whom it is sent.

    `extend_request` sees it as the action made it. A middleware sees what leaves, and may change it
    before it passes it on.
    """

    method: str
    url: str
    headers: dict[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes | None = None
    #: Longest time for the whole exchange.
    timeout: timedelta
    #: What the action was called with, of `perform` one; empty for a call of any other function.
    payloads: Sequence[Any] = attrs.field(default=(), repr=False)
    #: The instance's settings, by the destination's class.
    settings: Any = attrs.field(default=None, repr=False)
    #: OAuth 2 tokens, where the destination uses them.
    auth: AuthTokens | None = None
    #: The name of the instance, and the id of the subscription; None for a call of none.
    instance: str = ""
    subscription: str | None = None
    _read_settings: Callable[[type[Any]], Any] | None = attrs.field(
        default=None, repr=False, eq=False
    )

    def settings_as(self, kind: type[T]) -> T:
        """The instance's settings by another class, such as that of a plugin's own settings.

        Raises `ConfigError` if the instance has no value for a setting that the class requires.
        """
        if isinstance(self.settings, kind):
            return self.settings
        if self._read_settings is None:
            raise TypeError(f"no settings of an instance are known, so none as {kind.__name__}")
        read: T = self._read_settings(kind)
        return read


#: A value of a form or a query; one that is None is left out.
FormValue: TypeAlias = str | int | float | Decimal | bool | None
#: Names and values; each value of a list is sent under the same name, in its order.
Form: TypeAlias = Mapping[str, FormValue | Sequence[FormValue]]


class SendOptions(TypedDict, total=False):
    """The options of one request: at most one of `json`, `form` and `data` is its body."""

    #: Any value that has a JSON form; None is JSON's null.
    json: Any
    #: Sent as `application/x-www-form-urlencoded`.
    form: Form
    #: Sent as it is, without a content type.
    data: bytes | str | None
    #: The query, behind that of the URL.
    params: Form | None
    headers: Mapping[str, str] | None
    #: Longest time for the whole exchange; 10 seconds if neither this nor the destination says.
    timeout: timedelta | None
    #: Whether a status outside 200 to 299 raises an `HTTPError`; it does unless this is false.
    check: bool


#: Sends a request and returns the response, or raises a `DeliveryError`.
Handler: TypeAlias = Callable[[OutgoingRequest], Awaitable[Response]]
#: Wraps every request: `async def m(outgoing, handler): return await handler(outgoing)`.
Middleware: TypeAlias = Callable[[OutgoingRequest, Handler], Awaitable[Response]]


class Cache(Protocol):
    """What an instance keeps in memory between calls; a restart and new settings empty it.

    A key is a text; a value is JSON data or bytes, and is not copied. It is bounded, so that any
    entry may be gone at any time.
    """

    def get(self, key: str) -> Any:
        """The value of a key; None if there is none, or if it has expired."""

    def set(self, key: str, value: Any, *, expires: timedelta) -> None:
        """Keep a value for so long; raises `TypeError` for one that is not JSON data or bytes."""

    def delete(self, key: str) -> None:
        """Forget a key."""

    async def get_or_make(
        self, key: str, make: Callable[[], Awaitable[T]], *, expires: timedelta
    ) -> T:
        """The value of a key; without one, `make` is awaited, once for all who ask meanwhile."""


class Request(Protocol[S_co]):
    """The client handed to an action: it sends, and knows the instance it sends for."""

    @property
    def instance(self) -> str:
        """The name of the instance."""

    @property
    def subscription(self) -> str | None:
        """The id of the subscription; None for a call that is not of one."""

    @property
    def settings(self) -> S_co:
        """The instance's settings."""

    @property
    def auth(self) -> AuthTokens | None:
        """OAuth 2 tokens, where the destination uses them."""

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The subscription's mapping, as saved."""

    @property
    def sync_mode(self) -> str | None:
        """The subscription's sync mode, where the action has one."""

    @property
    def hook_outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """The outputs of the subscription's save hooks, by the name of the hook."""

    @property
    def explaining(self) -> bool:
        """Whether this is a dry run: no request is sent, and each is answered with 200 and `{}`."""

    @property
    def cache(self) -> Cache:
        """The cache of the instance; of a dry run, a copy of it."""

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """The events behind the payloads, in the same order."""

    @property
    def audience(self) -> AudienceDetails | None:
        """The audience that the events name; `None` where they name none.

        All events of a call name the same one. Raises `RejectedError` if the settings that an event
        carries do not fit what the destination declares.
        """

    @property
    def audience_memberships(self) -> Sequence[bool | None]:
        """For each payload, whether its user joins (`True`) or leaves (`False`) the audience.

        `None` where the event says nothing of that; see `audience_membership`.
        """

    async def send(self, method: str, url: str, **options: Unpack[SendOptions]) -> Response:
        """Send a request and read the whole answer.

        Raises `HTTPError` for a status outside 200 to 299 (unless `check=False`),
        `RequestTimeoutError` and `ConnectionFailedError`.
        """

    async def get(self, url: str, **options: Unpack[SendOptions]) -> Response:
        """`send("GET", url, ...)`."""

    async def post(self, url: str, **options: Unpack[SendOptions]) -> Response:
        """`send("POST", url, ...)`."""

    async def put(self, url: str, **options: Unpack[SendOptions]) -> Response:
        """`send("PUT", url, ...)`."""

    async def patch(self, url: str, **options: Unpack[SendOptions]) -> Response:
        """`send("PATCH", url, ...)`."""

    async def delete(self, url: str, **options: Unpack[SendOptions]) -> Response:
        """`send("DELETE", url, ...)`."""


def quote_path(segment: object) -> str:
    """A value as one segment of a URL's path: `a/b?c` is `a%2Fb%3Fc`.

    Raises `RejectedError` for a value that no segment can hold: the empty text, `.` and `..`. Even
    quoted, partners read the latter two as steps to another address.
    """
    text = "" if segment is None else str(segment)
    if text in {"", ".", ".."}:
        raise RejectedError(f"{text!r} cannot be a segment of a URL's path", code="INVALID_URL")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        message = f"{text!r} cannot be written in a URL"
        raise RejectedError(message, code="INVALID_URL") from error


def join_url(base: str, *segments: object) -> str:
    """An address and path segments below it, each quoted; a query of `base` stays at the end."""
    head, mark, query = base.partition("?")
    return "/".join([head.rstrip("/"), *map(quote_path, segments)]) + mark + query


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """The seconds for which a header `Retry-After` asks to wait, never negative.

    It is a number or a date; None if it is absent or neither. Source: RFC 9110, section 10.2.3.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(value: str, now: datetime) -> float | None:
    try:
        retry_at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # `OverflowError`: a year or zone of many digits
        return None
    if retry_at.tzinfo is None:
        retry_at = retry_at.replace(tzinfo=UTC)
    return max(0.0, (retry_at - now).total_seconds())
