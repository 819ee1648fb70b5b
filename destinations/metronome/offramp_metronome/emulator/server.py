"""Starts and stops an emulator, and runs one in its own process until it is interrupted."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import attrs
from aiohttp import web
from yarl import URL

from offramp_metronome.emulator.control import Control
from offramp_metronome.emulator.endpoints import Endpoints
from offramp_metronome.emulator.front import Front
from offramp_metronome.emulator.state import State
from offramp_metronome.emulator.wire import explain_errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from offramp_metronome.emulator.faults import Faults
    from offramp_metronome.emulator.stats import Stats
    from offramp_metronome.emulator.store import StoredEvent

#: Most bytes of one body. Metronome documents no limit; this is that of common API gateways.
MAX_BODY_BYTES = 10 * 1024 * 1024
#: The address on which `run_emulator` listens by default.
DEFAULT_PORT = 7070

_SHUTDOWN_SECONDS = 1.0  # for requests that still run when it stops


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.define(kw_only=True, eq=False)
class Emulator:
    """Metronome's ingest endpoint, event search and customers, on a port of this machine.

    It is an async context manager. Its state is kept over `stop`, and the next `start` uses the
    same port again, so that an outage can be simulated.
    """

    #: The one bearer token that Metronome's endpoints accept.
    _token: str = attrs.field(repr=False)
    #: The address to listen on.
    _host: str = "127.0.0.1"
    #: The port to listen on; 0 picks a free one.
    _port: int = 0
    #: Returns the time, with its zone.
    _now: Callable[[], datetime] = attrs.field(default=_utc_now, repr=False)
    #: False keeps only ids and counts, for long runs: `events` and the event search stay empty,
    #: but duplicates are still found.
    _keep_events: bool = True
    #: The most transaction ids, with their events, that are kept: the oldest are forgotten.
    _max_events: int | None = None
    #: The seed of the random numbers for a fault's `probability`.
    _seed: int = 0
    _state: State = attrs.field(init=False, repr=False)
    _runner: web.AppRunner | None = attrs.field(init=False, repr=False, default=None)

    def __attrs_post_init__(self) -> None:
        """Create the empty state."""
        self._state = State(
            token=self._token,
            now=self._now,
            keep_events=self._keep_events,
            max_events=self._max_events,
            seed=self._seed,
        )

    @property
    def url(self) -> str:
        """The base URL for a client, without a slash at its end."""
        return str(URL.build(scheme="http", host=self._host, port=self._port)).rstrip("/")

    @property
    def events(self) -> list[StoredEvent]:
        """Every event that had an effect, in the order of arrival."""
        return self._state.events.events

    @property
    def faults(self) -> Faults:
        """The faults of the next requests."""
        return self._state.faults

    def stats(self) -> Stats:
        """The statistics of what was answered, stored and refused so far."""
        return self._state.stats()

    def effects(self) -> dict[str, int]:
        """Count how many times each transaction id had an effect; more than 1 is billed twice."""
        return self._state.events.effects()

    def change_token(self, token: str) -> None:
        """Accept another token from now on, and no longer the one before."""
        self._state.token = token

    def reset(self) -> None:
        """Remove events, customers, faults and statistics."""
        self._state.reset()

    async def start(self) -> None:
        """Listen; `OSError` if the address is taken."""
        self._state.closing = asyncio.Event()
        # Cancel a hanging request when its client disconnects.
        runner = web.AppRunner(
            _application(self._state),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """End hanging requests, close every connection, and stop listening."""
        self._state.closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

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


async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    token: str = "demo-token",  # noqa: S107  (opens nothing but this emulator)
    keep_events: bool = True,
) -> None:
    """Run an emulator until SIGINT or SIGTERM; print how to use it, and finally its statistics."""
    async with Emulator(token=token, host=host, port=port, keep_events=keep_events) as emulator:
        _say(_how_to_use(emulator.url, token))
        await _asked_to_end()
        stats = json.dumps(attrs.asdict(emulator.stats()), indent=2)
    _say(f"The emulator's stats:\n{stats}")


def run_emulator(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    token: str = "demo-token",  # noqa: S107  (opens nothing but this emulator)
    keep_events: bool = True,
) -> None:
    """Run `serve` in its own event loop; `OSError` if the address is taken."""
    asyncio.run(serve(host=host, port=port, token=token, keep_events=keep_events))


def _application(state: State) -> web.Application:
    metronome = web.Application(middlewares=Front(state).middlewares())
    metronome.add_routes(Endpoints(state).routes())
    control = web.Application(middlewares=[explain_errors])
    control.add_routes(Control(state).routes())
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.add_subapp("/v1", metronome)
    application.add_subapp("/_emulator", control)
    return application


async def _asked_to_end() -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    try:
        await ended.wait()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _how_to_use(url: str, token: str) -> str:
    return f"""\
A Metronome emulator listens on {url} (Ctrl+C ends it).

Send an event:
  curl {url}/v1/ingest -H 'Authorization: Bearer {token}' -d '[{{"transaction_id": "t-1",
    "customer_id": "c-1", "event_type": "demo", "timestamp": "{_utc_now():%Y-%m-%dT%H:%M:%SZ}"}}]'
See what it stored and refused:
  curl {url}/_emulator/stats
  curl {url}/_emulator/events
Let the next request time out after its batch is stored:
  curl {url}/_emulator/faults -d '{{"ending": "hang", "store": "all"}}'
"""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
