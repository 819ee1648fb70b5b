"""Binds the addresses of a host before anything else starts, and serves an application on them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiohttp import web

from offramp.errors import ConfigError, Fault

#: Seconds for running requests to finish when the server stops.
SHUTDOWN_SECONDS: Final = 10.0
_REASONS: Final = {
    errno.EADDRINUSE: "is in use: stop the program that listens there, or choose another port",
    errno.EADDRNOTAVAIL: "is not an address of this machine; 127.0.0.1 and 0.0.0.0 always are",
    errno.EACCES: "may not be used by this user: choose a port above 1023",
}


@contextmanager
def bind(host: str, port: int) -> Iterator[Sequence[socket.socket]]:
    """Bind an address without listening yet; port 0 picks a free one.

    A name such as `localhost` may have several addresses: each gets a socket. Raises
    `ConfigError` that names the address and what to do.
    """
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, address in _addresses(host, port):
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
                raise _refused(host, port, message) from None
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
        address, port = sockets[0].getsockname()[:2]
        name = f"[{address}]" if ":" in address else address
        yield f"http://{name}:{port}"
    finally:
        await runner.cleanup()


def _addresses(host: str, port: int) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError, OverflowError):
        raise _refused(host, port, "is not an address, nor a name that can be resolved") from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _refused(host: str, port: int, message: str) -> ConfigError:
    return ConfigError([Fault("host", f"{host}:{port} {message}")])
