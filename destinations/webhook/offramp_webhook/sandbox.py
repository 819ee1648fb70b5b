"""A receiver on this machine, for trying the destination out: it shows what arrived."""

from __future__ import annotations

import contextlib
import hmac
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from aiohttp import web

from offramp import RunningSandbox
from offramp_webhook.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    key_of,
    sign,
)

#: What the sandbox accepts; neither gives access to anything else.
SANDBOX_TOKEN: Final = "sandbox-token"  # noqa: S105 - public
SANDBOX_SECRET: Final = "whsec_b2ZmcmFtcC1zYW5kYm94LXNpZ25pbmcta2V5"  # noqa: S105 - public

#: Bytes of the bodies that are kept, the latest; a batch has at most a fifth of them.
MAX_KEPT_BYTES: Final = 5_000_000
#: Requests that are kept, however small they are.
MAX_KEPT_REQUESTS: Final = 1_000
#: Not shown: the HTTP client adds them to every request.
_HIDDEN_HEADERS: Final = frozenset({"accept", "accept-encoding", "content-length", "host"})


class Receiver:
    """Answers 200 to requests with a valid signature, 401 to others, 400 to what is not JSON."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MAX_KEPT_REQUESTS)

    def application(self) -> web.Application:
        """The server."""
        app = web.Application(client_max_size=MAX_KEPT_BYTES)
        app.router.add_route("*", "/{path:.*}", self._take)
        return app

    def received(self) -> Iterable[Mapping[str, Any]]:
        """What arrived, oldest first."""
        return [request for _, request in self._kept]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not has_valid_signature(request.headers, body):
            return web.json_response({"error": "the signature is missing or wrong"}, status=401)
        if request.method == "HEAD":  # a test of the settings; it carries no event
            return web.Response()
        try:
            data = json.loads(body, parse_float=Decimal)
        except ValueError:
            return web.json_response({"error": "the body is not JSON"}, status=400)
        self._keep(request, len(body), data)
        return web.json_response({"received": True})

    def _keep(self, request: web.Request, size: int, data: Any) -> None:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HIDDEN_HEADERS
        }
        shown = {
            "method": request.method,
            "path": request.path_qs,
            "headers": headers,
            "signature": "valid",
            "body": data,
        }
        self._kept.append((size, shown))
        while sum(kept for kept, _ in self._kept) > MAX_KEPT_BYTES:
            self._kept.popleft()


def has_valid_signature(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a signature was made with the sandbox's secret; the timestamp may be of any age."""
    timestamp = headers.get(TIMESTAMP_HEADER, "")
    if not timestamp.isdecimal():
        return False
    wanted = sign(
        body,
        message_id=headers.get(ID_HEADER, ""),
        timestamp=int(timestamp),
        keys=[key_of(SANDBOX_SECRET)],
    )
    given = headers.get(SIGNATURE_HEADER, "").split()
    return any(hmac.compare_digest(each.encode(), wanted.encode()) for each in given)


@contextlib.asynccontextmanager
async def start_sandbox() -> AsyncIterator[RunningSandbox]:
    """Run a receiver on a free port."""
    receiver = Receiver()
    runner = web.AppRunner(receiver.application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        yield RunningSandbox(url=f"http://127.0.0.1:{port}", received=receiver.received)
    finally:
        await runner.cleanup()
