"""Keeps the OAuth 2 tokens of an instance valid: one refresh for all who need it, stored first."""

from __future__ import annotations

import asyncio
import logging
import shlex
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol

import attrs

from offramp.config import Grant
from offramp.definition import AuthTokens, Flow
from offramp.delivery.breaker import GRANT, Hold
from offramp.delivery.failures import BoundedPluginCode, as_delivery_error
from offramp.delivery.token_requests import NoTokenError, RefusedGrantError, refuses_grant
from offramp.errors import DeliveryError, RetryableError, StorageError
from offramp.place import exception_text

log = logging.getLogger(__name__)

#: Seconds for one refresh, however many requests a plugin makes for it.
REFRESH_SECONDS: Final = 60.0
#: Seconds between two refreshes that fail, at first and at most.
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0


class Grants(Protocol):
    """Where grants are kept. One that several hosts share locks in `changing`, and reads anew."""

    def get(self, instance: str, destination: str) -> Grant | None:
        """The grant of an instance of a destination; its tokens are the same object until `put`."""

    def changing(self, instance: str) -> AbstractAsyncContextManager[None]:
        """Hold the grant of an instance, so that nobody else changes it."""

    async def put(self, grant: Grant) -> None:
        """Store a grant safely; `get` gives it only afterwards. Raises `StorageError`."""

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start work that is finished even if the host is told to stop."""


class MemoryGrants:
    """Keeps the tokens of one instance in memory, for tests and for tokens of other schemes."""

    def __init__(self, instance: str, destination: str, tokens: AuthTokens | None = None) -> None:
        self._grant: Grant | None = None
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        if tokens is not None:
            now = time.time()
            self._grant = Grant(
                instance=instance,
                destination=destination,
                tokens=tokens,
                flow="refresh_token",
                obtained_at=now,
                refreshed_at=now,
                actor="",
            )

    def get(self, instance: str, destination: str) -> Grant | None:  # noqa: ARG002 - of one instance
        """The grant."""
        return self._grant

    @asynccontextmanager
    async def changing(self, instance: str) -> Any:  # noqa: ARG002 - of one instance
        """Hold the grant."""
        async with self._lock:
            yield

    async def put(self, grant: Grant) -> None:
        """Keep a grant."""
        self._grant = grant

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start work."""
        task = asyncio.create_task(work, name="refresh")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@attrs.define(kw_only=True, eq=False)
class GrantKeeper:
    """The tokens of one running instance; `clock` gives epoch seconds."""

    instance: str
    destination: str
    grants: Grants
    #: Whether nothing can be sent without a grant.
    required: bool = False
    clock: Callable[[], float] = time.time
    #: Asks the partner for new tokens in the place of a grant's; there may be no grant.
    obtain: Callable[[Grant | None], Awaitable[AuthTokens]] = attrs.field(repr=False)
    #: Whether a grant can be refreshed; the argument is `None` if there is none.
    can_refresh: Callable[[Grant | None], bool] = attrs.field(repr=False)
    mask: Callable[[str], str] = attrs.field(default=str, repr=False)
    _running: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    _failures: int = attrs.field(default=0, init=False)
    #: Until when a refresh that failed is not tried again before anybody needs it; epoch seconds.
    resting_until: float = attrs.field(default=0.0, init=False)

    @property
    def grant(self) -> Grant | None:
        """The present grant."""
        return self.grants.get(self.instance, self.destination)

    @property
    def tokens(self) -> AuthTokens | None:
        """The present tokens; the same object until they are replaced."""
        grant = self.grant
        return None if grant is None else grant.tokens

    @property
    def expired(self) -> bool:
        """Whether the access token has expired, as far as that is known."""
        grant = self.grant
        return grant is not None and self._has_expired(grant)

    def hold(self) -> Hold | None:
        """Why nothing can be sent until a person connects the instance, or `None`."""
        if not self.required:
            return None
        grant = self.grant
        if grant is None:
            message = "it is not connected: it has no grant of the partner"
        elif grant.gone is not None:
            message = grant.gone
        elif self._has_expired(grant) and not self.can_refresh(grant):
            at = shown_time(grant.expires_at or 0.0)
            message = f"its access token expired at {at}, and it cannot be refreshed"
        else:
            return None
        return Hold(code=GRANT, message=message, remedy=remedy_of(self.instance))

    async def refresh(self, stale: AuthTokens | None) -> bool:
        """Get new tokens, once for all callers with the stale ones; `False` if it cannot.

        They are stored before anybody uses them. Raises `RefusedGrantError` if the grant is gone,
        `NoTokenError` for another refusal, and a retryable error if the result is unknown; no error
        blames a payload. A caller that is cancelled does not end the refresh.
        """
        if not self.can_refresh(self.grant):
            return False
        await self._finished(self._refresh(stale))
        return True

    async def connect(
        self, obtain: Callable[[], Awaitable[AuthTokens]], *, flow: Flow, actor: str
    ) -> Grant:
        """Obtain a grant in the place of the one before, and store it; raises as `refresh`.

        A caller that goes away does not end it: the partner gives an answer once.
        """
        made: list[Grant] = []

        async def work() -> None:
            async with self.grants.changing(self.instance):
                tokens = await self._call(obtain)
                grant = self.new_grant(attrs.evolve(tokens, client=None), flow, actor)
                await self.grants.put(grant)
                made.append(grant)
            self._failures, self.resting_until = 0, 0.0

        await self._finished(work())
        return made[0]

    def new_grant(self, tokens: AuthTokens, flow: Flow, actor: str) -> Grant:
        """A grant that is obtained now; it is not stored."""
        now = self.clock()
        return Grant(
            instance=self.instance,
            destination=self.destination,
            tokens=tokens,
            flow=flow,
            obtained_at=now,
            refreshed_at=now,
            actor=actor,
        )

    async def _finished(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.grants.start(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait for requests that are under way: an answer that is cut off may be lost."""
        if self._running:
            await asyncio.wait(self._running)

    async def _refresh(self, stale: AuthTokens | None) -> None:
        try:
            async with self.grants.changing(self.instance):
                if self.tokens is stale:
                    await self._replace(self.grant)
        except StorageError as error:
            self._rest()
            message = f"new tokens cannot be stored: {error}"
            raise RetryableError(message, code="INTERNAL") from error

    async def _replace(self, grant: Grant | None) -> None:
        now = self.clock()
        if self.required and (grant is None or grant.gone is not None):
            hold = self.hold()
            raise RefusedGrantError("" if hold is None else hold.message)
        if grant is not None:
            since = grant.unanswered_since
            await self.grants.put(
                attrs.evolve(grant, unanswered_since=now if since is None else since)
            )
        try:
            tokens = await self._call(partial(self.obtain, grant))
        except DeliveryError as error:
            self._rest()
            await self._note_failure(grant, error)
            raise
        self._failures, self.resting_until = 0, 0.0
        await self.grants.put(self._renewed(grant, tokens))

    async def _call(self, obtain: Callable[[], Awaitable[AuthTokens]]) -> AuthTokens:
        async with BoundedPluginCode(REFRESH_SECONDS, "there was no answer") as code:
            return await obtain()
        assert code.error is not None  # noqa: S101 - the block returned otherwise
        raise no_token(code.error) from code.error

    def _renewed(self, grant: Grant | None, tokens: AuthTokens) -> Grant:
        grant = self.new_grant(tokens, "refresh_token", "") if grant is None else grant
        # A copy, as a plugin may return the same object as the stale tokens.
        fresh = attrs.evolve(
            tokens,
            refresh_token=tokens.refresh_token or grant.tokens.refresh_token,
            scopes=tokens.scopes or grant.tokens.scopes,
            client=None,
        )
        now = self.clock()
        return attrs.evolve(grant, tokens=fresh, refreshed_at=now, unanswered_since=None)

    async def _note_failure(self, grant: Grant | None, error: DeliveryError) -> None:
        """Store what a refusal means; without an answer, the mark stays and is tried again."""
        if grant is None or not isinstance(error, NoTokenError):
            return
        gone = None
        if isinstance(error, RefusedGrantError) and self.required:
            gone = self.mask(error.message)
            if grant.unanswered_since is not None:
                at = shown_time(grant.unanswered_since)
                gone += (
                    f"; the answer to a refresh of {at} never came or was not stored, so the "
                    "partner may have replaced the refresh token then"
                )
            log.error(
                "the grant of %s is gone: %s; %s", self.instance, gone, remedy_of(self.instance),
                extra={"action": "grant_gone", "instance": self.instance},
            )  # fmt: skip
        await self.grants.put(attrs.evolve(grant, unanswered_since=None, gone=gone))

    def _has_expired(self, grant: Grant) -> bool:
        return grant.expires_at is not None and self.clock() >= grant.expires_at

    def _rest(self) -> None:
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._failures)
        self._failures += 1
        self.resting_until = self.clock() + pause


def no_token(error: BaseException) -> DeliveryError:
    """What it means for deliveries that there are no new tokens."""
    if isinstance(error, NoTokenError):
        return error
    if isinstance(error, DeliveryError | ExceptionGroup | TimeoutError):
        sound = as_delivery_error(error)
        message = f"the partner gives no new access token: {sound.message}"
        if refuses_grant(sound):
            return RefusedGrantError(message)
        return sound if sound.retryable else NoTokenError(message)
    return RetryableError(f"the plugin's refresh raised {exception_text(error)}", code="INTERNAL")


def remedy_of(instance: str) -> str:
    """What a person has to do where there is no grant."""
    return f"connect it: `offramp connect {shlex.quote(instance)}`"


def shown_time(seconds: float) -> str:
    """Epoch seconds as a person reads them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
