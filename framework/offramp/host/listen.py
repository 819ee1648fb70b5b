"""Binds the addresses of a host before anything else starts, and serves an application on them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import attrs
from aiohttp import web

from offramp.config import HostSettings, read_address
from offramp.errors import ConfigError, Fault

#: Seconds for running requests to finish when the server stops.
SHUTDOWN_SECONDS: Final = 10.0
_REASONS: Final = {
    errno.EADDRINUSE: "is in use: stop the program that listens there, or choose another port",
    errno.EADDRNOTAVAIL: "is not an address of this machine; 127.0.0.1 and 0.0.0.0 always are",
    errno.EACCES: "may not be used by this user: choose a port above 1023",
}


@attrs.frozen(kw_only=True)
class Listeners:
    """The bound sockets of a host."""

    #: For senders, and for the console and the control API.
    main: Sequence[socket.socket]
    #: For the console and the control API; empty if the console has no address of its own.
    console: Sequence[socket.socket] = ()

    @property
    def console_url(self) -> str | None:
        """The URL of the console's own address."""
        return _url(self.console) if self.console else None


@contextmanager
def bind_addresses(settings: HostSettings) -> Iterator[Listeners]:
    """Bind the addresses that the table [host] names; see `bind`."""
    own = read_address(settings.console) if isinstance(settings.console, str) else None
    with contextlib.ExitStack() as stack:
        main = stack.enter_context(bind(settings.host, settings.port))
        console = () if own is None else stack.enter_context(bind(*own, place="host.console"))
        yield Listeners(main=main, console=console)


@contextmanager
def bind(host: str, port: int, *, place: str = "host") -> Iterator[Sequence[socket.socket]]:
    """Bind an address without listening yet; port 0 picks a free one.

    A name such as `localhost` may have several addresses: each gets a socket. Raises
    `ConfigError` that names the address, its place in the configuration and what to do.
    """
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, address in _addresses(host, port, place):
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # otherwise it binds the IPv4 port too
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound = sockets[0].getsockname()[1] if sockets else port
            try:
                listener.bind((address, bound))
            except OSError as error:
                message = (
                    _REASONS.get(error.errno or 0)
                    or f"cannot be used: {os.strerror(error.errno or 0)}"
                )
                raise _refused(host, port, message, place) from None
            sockets.append(listener)
        yield sockets


@asynccontextmanager
async def serve(
    app: web.Application,
    sockets: Sequence[socket.socket],
    *,
    shutdown_seconds: float = SHUTDOWN_SECONDS,
) -> AsyncIterator[str]:
    """Serve an application on sockets that `bind` made, and yield its URL.

    At the end the sockets are closed first; running requests then have `shutdown_seconds`.
    """
    runner = web.AppRunner(app, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        for listener in sockets:
            await web.SockSite(runner, listener).start()
        yield _url(sockets)
    finally:
        await runner.cleanup()


def _url(sockets: Sequence[socket.socket]) -> str:
    address, port = sockets[0].getsockname()[:2]
    name = f"[{address}]" if ":" in address else address
    return f"http://{name}:{port}"


def _addresses(host: str, port: int, place: str) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError, OverflowError):
        message = "is not an address, nor a name that can be resolved"
        raise _refused(host, port, message, place) from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _refused(host: str, port: int, message: str, place: str) -> ConfigError:
    return ConfigError([Fault(place, f"{host}:{port} {message}")])
