"""A request's body: read within bounds, unzipped within bounds, and as UTF-8."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from offramp.event import Discard
from offramp.server.answers import RefusedError

#: The first bytes of every gzip member; no JSON text begins with them. Source: RFC 1952.
_GZIP_MAGIC: Final = b"\x1f\x8b"
#: Tells zlib to expect a gzip member with the largest window. Source: zlib's manual, inflateInit2.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_BOM: Final = codecs.BOM_UTF8
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip"})
#: The charsets that a client may declare, by Python's names: some of Python's own codecs are no
#: charsets, and some take quadratic time.
_CHARSETS: Final = frozenset(
    {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16", "utf-16-le", "utf-16-be"}
)


async def read_body(request: web.Request, *, bound: int, code: Discard, seconds: float) -> bytes:
    """Read a body of at most `bound` bytes, also after gunzip, as UTF-8 without BOM.

    Raises `RefusedError`: 400 with `code` if it is larger, 400 if it is broken, 408 if it does
    not arrive in time, 415 for an encoding or a charset that nobody here reads.
    """
    encoding = request.headers.get(hdrs.CONTENT_ENCODING)
    if encoding is not None and encoding.strip().lower() not in _ENCODINGS:
        told = f"Content-Encoding {encoding.strip().lower()!r} is not read here; send gzip or none"
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Discard.BAD_REQUEST, told)
    content = request.content
    if content.is_eof():  # it came together with the headers
        data = content.read_nowait()
        if len(data) > bound:
            raise _too_large(bound, code)
    else:
        data = await _receive(request, bound, code, seconds)
    # Recognised by its bytes: some clients do not declare it, some proxies undo it.
    if data.startswith(_GZIP_MAGIC):
        data = _gunzip(data, bound, code)
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if "charset" in content_type.lower():
        data = _to_utf8(data, request.charset)
    return data.removeprefix(_BOM)


async def _receive(request: web.Request, bound: int, code: Discard, seconds: float) -> bytes:
    if (request.content_length or 0) > bound:
        raise _too_large(bound, code)
    content = request.content
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await content.readany():
                received += chunk
                if len(received) > bound:
                    raise _too_large(bound, code)
    except TimeoutError:
        told = f"the body did not arrive within {seconds:g} s; send it again"
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "timeout", told, retry_after=1) from None
    except web.RequestPayloadError as error:
        raise _broken(f"the body could not be read: {error}") from None
    except ConnectionError:
        told = "the connection broke before the body had arrived"
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "timeout", told, retry_after=1) from None
    return bytes(received)


def _gunzip(data: bytes, bound: int, code: Discard) -> bytes:
    """Inflate all members, and never more than the bound, so that a bomb stays small."""
    inflated = b""
    while data.startswith(_GZIP_MAGIC):
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            inflated += member.decompress(data, bound + 1 - len(inflated))
        except zlib.error as error:
            raise _broken(f"the gzip body is damaged: {error}") from None
        if len(inflated) > bound:
            raise _too_large(bound, code)
        if not member.eof:
            raise _broken("the gzip body ends too early")
        data = member.unused_data
    return inflated


def _to_utf8(data: bytes, charset: str | None) -> bytes:
    try:
        name = codecs.lookup(charset or "utf-8").name
    except (LookupError, ValueError):
        name = ""
    if name == "utf-8":
        return data
    if name not in _CHARSETS:
        told = f"charset {charset!r} is not read here; send UTF-8"
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Discard.BAD_REQUEST, told)
    try:
        return data.decode(name).removeprefix("\ufeff").encode()
    except ValueError as error:
        raise _broken(f"the body is not {charset}: {error}") from None


def _too_large(bound: int, code: Discard) -> RefusedError:
    told = f"the body is larger than {bound} bytes; send less at once"
    return RefusedError(HTTPStatus.BAD_REQUEST, code, told)


def _broken(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, Discard.BAD_REQUEST, message)
