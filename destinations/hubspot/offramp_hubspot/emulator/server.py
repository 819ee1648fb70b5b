"""Starts and stops an emulator of HubSpot on a port of this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import attrs
from aiohttp import web

from offramp_hubspot.emulator.crm import CRM
from offramp_hubspot.emulator.events import Events
from offramp_hubspot.emulator.front import Front
from offramp_hubspot.emulator.records import Record
from offramp_hubspot.emulator.schema import object_type
from offramp_hubspot.emulator.state import Fault, State
from offramp_hubspot.emulator.tokens import LIFETIME, Tokens

#: The app that may connect; its secret opens nothing else.
CLIENT_ID: Final = "emulated-app"
CLIENT_SECRET: Final = "secret-of-the-emulated-app"  # noqa: S105 - public
#: Bytes of a body; HubSpot documents no limit, and this holds any batch of 100 records.
MAX_BODY_BYTES: Final = 10 * 2**20
#: Requests that are kept, to be looked at.
MAX_RECEIVED: Final = 1_000
_HOST: Final = "127.0.0.1"
_SHUTDOWN_SECONDS: Final = 1.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.define(kw_only=True, eq=False)
class Emulator:
    """The parts of HubSpot that this destination uses: OAuth, CRM records, custom events.

    It is an async context manager. Its state is kept over `stop`, and the next `start` uses the
    same port again, so that an outage can be simulated.
    """

    #: An access token that is good without OAuth, for ever.
    _token: str | None = attrs.field(default=None, repr=False)
    #: Whether any access token is good, but for expired ones of its own.
    _accept_any_token: bool = False
    #: For how many seconds the access tokens are good that OAuth issues.
    _lifetime: float = LIFETIME
    #: For how many seconds a search does not find what was created; at HubSpot a few.
    _search_lag: float = 0.0
    #: Returns the time, with its zone.
    _now: Callable[[], datetime] = attrs.field(default=_utc_now, repr=False)
    _port: int = attrs.field(default=0, init=False)
    _state: State = attrs.field(init=False, repr=False)
    _runner: web.AppRunner | None = attrs.field(init=False, repr=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Make the empty account."""
        tokens = Tokens(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            lifetime=self._lifetime,
            accept_any=self._accept_any_token,
            now=self._now,
        )
        if self._token is not None:
            tokens.accept(self._token)
        self._state = State(
            tokens=tokens, now=self._now, search_lag=self._search_lag, max_received=MAX_RECEIVED
        )

    @property
    def url(self) -> str:
        """The address that takes the place of HubSpot's, without a slash at its end."""
        return f"http://{_HOST}:{self._port}"

    @property
    def tokens(self) -> Tokens:
        """The OAuth server: lets tokens expire, and counts refreshes."""
        return self._state.tokens

    @property
    def occurrences(self) -> list[dict[str, Any]]:
        """Every occurrence of a custom event, in the order of arrival."""
        return self._state.occurrences

    @property
    def received(self) -> list[dict[str, Any]]:
        """The latest requests that wrote or searched, and the status of each answer."""
        return list(self._state.received)

    @property
    def creations(self) -> Counter[tuple[str, str, str]]:
        """(object type, property, value) -> how many records were created with it."""
        return self._state.records.creations

    def records(self, kind: str = "contacts") -> list[Record]:
        """The records of an object type, in the order of their creation."""
        return list(self._state.records.of(object_type(kind)))

    def create(self, kind: str, **properties: Any) -> Record:
        """Create a record, as another app of the account would."""
        return self._state.records.create(object_type(kind), properties)

    def blocked(self) -> set[str]:
        """The addresses that were erased without a contact."""
        return set(self._state.records.blocked)

    def fail(self, *faults: Fault) -> None:
        """Let some of the next requests go wrong, in this order."""
        self._state.faults += faults

    async def start(self) -> None:
        """Listen; `OSError` if the port was taken meanwhile."""
        runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, _HOST, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Close every connection, and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _application(self) -> web.Application:
        application = web.Application(
            client_max_size=MAX_BODY_BYTES, middlewares=Front(self._state).middlewares()
        )
        for endpoints in (self._state.tokens, CRM(self._state), Events(self._state)):
            application.add_routes(endpoints.routes())
        return application

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
