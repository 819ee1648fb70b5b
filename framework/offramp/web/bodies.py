"""Reads a request's body within a size limit, unzips it within the same limit, and decodes it."""

from __future__ import annotations

import asyncio
import codecs
import zlib
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from offramp.event import Discard
from offramp.web.answers import RefusedError

#: The first bytes of every gzip member; no JSON text begins with them. Source: RFC 1952.
_GZIP_MAGIC: Final = b"\x1f\x8b"
#: Tells zlib to expect a gzip member with the largest window. Source: zlib's manual, inflateInit2.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_BOM: Final = codecs.BOM_UTF8
_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip"})
#: Text codecs of Python that are no charsets in IANA's registry; some need quadratic time.
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}
)
#: Charsets that are part of UTF-8; the JSON parser names the place of an invalid byte.
_IN_UTF8: Final = frozenset({"utf-8", "ascii"})
#: JSON begins with an ASCII character: a NUL in the first two bytes means UTF-16 or UTF-32.
_FIRST_BYTES: Final = 2
#: Bytes given to zlib at once: zlib copies those that follow a member, so they must be few.
_INFLATE_BYTES: Final = 1_024


async def read_body(request: web.Request, *, bound: int, code: Discard, seconds: float) -> bytes:
    """Read a body of at most `bound` bytes, also after gunzip, as UTF-8 without BOM.

    NULs at the end are dropped: some clients send their whole buffer. Raises `RefusedError`: 400
    with `code` if the body is larger, 400 if it is damaged, 408 if it does not arrive in time, 415
    for another Content-Encoding, or for an unknown charset if the body is not UTF-8.
    """
    encoding = request.headers.get(hdrs.CONTENT_ENCODING)
    if encoding is not None and encoding.strip().lower() not in _ENCODINGS:
        message = (
            f"Content-Encoding {encoding.strip().lower()!r} is not supported; send gzip or none"
        )
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Discard.BAD_REQUEST, message)
    content = request.content
    if content.is_eof():  # the body came together with the headers
        data = content.read_nowait()
        if len(data) > bound:
            raise _too_large(bound, code)
    else:
        data = await _receive(request, bound, code, seconds)
    # Recognized by its bytes: some clients do not declare gzip, and some proxies unzip it.
    if data.startswith(_GZIP_MAGIC):
        data = _gunzip(data, bound, code)
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if "charset" in content_type.lower():
        data = _to_utf8(data, request.charset)
        if len(data) > bound:
            raise _too_large(bound, code)
    return data.removeprefix(_BOM).rstrip(b"\0")


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
        message = f"the body did not arrive within {seconds:g} s; send it again"
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "timeout", message, retry_after=1) from None
    except web.RequestPayloadError as error:
        raise _broken(f"the body could not be read: {error}") from None
    except ConnectionError:
        message = "the connection broke before the body had arrived"
        raise RefusedError(HTTPStatus.REQUEST_TIMEOUT, "timeout", message, retry_after=1) from None
    return bytes(received)


def _gunzip(data: bytes, bound: int, code: Discard) -> bytes:
    """Inflate all gzip members, but at most `bound` bytes: a gzip bomb costs little memory."""
    inflated = bytearray()
    start = 0
    while data.startswith(_GZIP_MAGIC, start):
        member = zlib.decompressobj(_GZIP_WINDOW)
        while not member.eof:
            if start >= len(data):
                raise _broken("the gzip body ends too early")
            part = data[start : start + _INFLATE_BYTES]
            start += len(part)
            try:
                inflated += member.decompress(part, bound + 1 - len(inflated))
            except zlib.error as error:
                raise _broken(f"the gzip body is damaged: {error}") from None
            if len(inflated) > bound:
                raise _too_large(bound, code)
        start -= len(member.unused_data)
    return bytes(inflated)


def _to_utf8(data: bytes, charset: str | None) -> bytes:
    """Keep UTF-8 as it is, whatever charset was declared (RFC 8259); decode any other charset."""
    name = _codec(charset)
    if name in _IN_UTF8 or _is_utf8(data):
        return data
    if name is None:
        message = f"the body is not UTF-8, and charset {charset!r} is not supported; send UTF-8"
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Discard.BAD_REQUEST, message)
    try:
        return data.decode(name).removeprefix("\ufeff").encode()
    except ValueError as error:
        raise _broken(f"the body is not {charset}, nor UTF-8: {error}") from None


def _codec(charset: str | None) -> str | None:
    """Find Python's name of a charset; `None` if Python does not know it."""
    try:
        codec = codecs.lookup(charset or "utf-8")
        "".encode(codec.name)  # raises LookupError where a codec is not for texts
    except (LookupError, ValueError):
        return None
    return None if codec.name in _NO_CHARSETS else codec.name


def _is_utf8(data: bytes) -> bool:
    if 0 in data[:_FIRST_BYTES]:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _too_large(bound: int, code: Discard) -> RefusedError:
    message = f"the body is larger than {bound} bytes; send less at once"
    return RefusedError(HTTPStatus.BAD_REQUEST, code, message)


def _broken(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, Discard.BAD_REQUEST, message)
