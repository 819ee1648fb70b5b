"""A TLS proxy before the emulator, whose certificate goes bad and is mended."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import attrs
from tests.http.certificates import Authority

ADDRESS: Final = "127.0.0.1"
CHUNK_BYTES: Final = 65_536
GOOD: Final = "good"
HOUR: Final = timedelta(hours=1)


@attrs.define
class TlsFront:
    """Takes connections on one port, and hands what they say to the emulator's."""

    folder: Path
    port_behind: int
    #: Called with what the host sends, piece by piece, before the emulator gets it.
    watch: Callable[[bytes], None] = lambda _: None
    _contexts: dict[str, ssl.SSLContext | None] = attrs.field(factory=dict)
    _server: asyncio.Server | None = None
    _port: int = 0
    _open: set[asyncio.Task[None]] = attrs.field(factory=set)
    _authority: Authority = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the certificates: a good one, and each kind of bad one."""
        self._authority = Authority(self.folder)
        self._contexts = {
            GOOD: self._authority.server(),
            "expired": self._authority.server(ends=-HOUR),
            "self-signed": self._authority.server(self_signed=True),
            "of another host": self._authority.server(address="127.0.0.2"),
            "none": None,
        }

    @property
    def url(self) -> str:
        """The address that the host is given."""
        return f"https://{ADDRESS}:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process trust the good certificate, and no other."""
        return {"SSL_CERT_FILE": str(self._authority.file)}

    @property
    def bad(self) -> list[str]:
        """What can be wrong with the certificate; `none` is a server that speaks no TLS."""
        return [name for name in self._contexts if name != GOOD]

    async def present(self, name: str) -> None:
        """Show another certificate from now on; what is connected is cut off."""
        await self._close()
        self._server = await asyncio.start_server(
            self._take, ADDRESS, self._port, ssl=self._contexts[name]
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def __aenter__(self) -> Self:
        await self.present(GOOD)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            for serving in self._open:
                serving.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._open.add(serving)
        serving.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            behind_reader, behind_writer = await asyncio.open_connection(ADDRESS, self.port_behind)
            writers.append(behind_writer)
            # Either end closes the connection of both.
            async with asyncio.TaskGroup() as pipes:
                pipes.create_task(_pipe(reader, behind_writer, self.watch))
                pipes.create_task(_pipe(behind_reader, writer))
        except* (OSError, _EndError):
            pass
        finally:
            for each in writers:
                each.transport.abort()


class _EndError(Exception):
    """One end has closed the connection."""


async def _pipe(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    watch: Callable[[bytes], None] = lambda _: None,
) -> None:
    """Hand on what comes until it ends."""
    while data := await reader.read(CHUNK_BYTES):
        watch(data)
        writer.write(data)
        await writer.drain()
    raise _EndError
