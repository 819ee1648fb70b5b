"""Serves the files of the console's bundle: compressed, revalidated, under a strict policy."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

import attrs
from aiohttp import hdrs, web

#: Where the build puts the bundle.
STATIC: Final = Path(__file__).with_name("static")
#: Path -> the file of the bundle, and its content type.
CONSOLE_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/app.js.map": ("app.js.map", "application/json"),
    "/app.css": ("app.css", "text/css; charset=utf-8"),
    "/app.css.map": ("app.css.map", "application/json"),
    "/LICENSES.txt": ("LICENSES.txt", "text/plain; charset=utf-8"),
}
#: Nothing is loaded from elsewhere, no text becomes a script, and no page frames this one.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS: Final = {
    # Asked for again each time, and answered with 304 unless the host was updated.
    hdrs.CACHE_CONTROL: "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Bytes below which a file is not compressed: it fits into one packet.
SHORTEST_COMPRESSED: Final = 1_400
NOT_BUILT: Final = """\
The web console was not built into this installation of Offramp; everything else runs.

In a checkout, `make console` builds it (it needs Node.js 20 or newer, or fetches it); then reload
this page. Wheels of Offramp contain it, unless they were made with OFFRAMP_SKIP_CONSOLE=1.
"""

_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


@attrs.frozen(kw_only=True)
class _File:
    """A file of the bundle as it is sent."""

    #: Time of the last change in nanoseconds, and size: what tells whether it was built anew.
    version: tuple[int, int]
    body: bytes
    compressed: bytes | None
    tag: str


def console_routes(folder: Path = STATIC) -> list[web.RouteDef]:
    """Make a route for each file of the bundle; a file that is built anew is read anew."""
    return [
        web.get(path, _handler(folder / name, content_type))
        for path, (name, content_type) in CONSOLE_FILES.items()
    ]


def _handler(path: Path, content_type: str) -> _Handler:
    kept: _File | None = None

    async def handle(request: web.Request) -> web.Response:
        nonlocal kept
        kept = await asyncio.to_thread(_read, path, kept)
        if kept is None:
            return _not_built()
        headers = {**HEADERS, hdrs.CONTENT_TYPE: content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        body, tag = kept.body, kept.tag
        if kept.compressed is not None and _takes_gzip(request):
            body, tag = kept.compressed, f"{tag}-gzip"
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        headers[hdrs.ETAG] = f'"{tag}"'
        if any(each.value in {tag, "*"} for each in request.if_none_match or ()):
            del headers[hdrs.CONTENT_TYPE]
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=body, headers=headers)

    return handle


def _read(path: Path, kept: _File | None) -> _File | None:
    """Read a file unless it is the one that is kept; `None` if there is none."""
    try:
        stat = path.stat()
        version = (stat.st_mtime_ns, stat.st_size)
        if kept is not None and kept.version == version:
            return kept
        body = path.read_bytes()
    except FileNotFoundError:
        return None
    return _File(
        version=version,
        body=body,
        compressed=gzip.compress(body, mtime=0) if len(body) >= SHORTEST_COMPRESSED else None,
        tag=hashlib.sha256(body).hexdigest(),
    )


def _takes_gzip(request: web.Request) -> bool:
    codings = request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(",")
    return any(each.strip() in {"gzip", "gzip;q=1", "gzip;q=1.0"} for each in codings)


def _not_built() -> web.Response:
    headers = {**HEADERS, hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(status=HTTPStatus.NOT_FOUND, text=NOT_BUILT, headers=headers)
