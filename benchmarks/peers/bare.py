"""The limit of accepting: an aiohttp handler that parses the same body, and answers."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web

from offramp import _json

#: Larger than any body that is sent here.
MAX_BODY_BYTES = 4 * 1024 * 1024


async def take(request: web.Request) -> web.Response:
    """Parse and answer, nothing else."""
    _json.loads(await request.read())
    return web.Response(body=b'{"success":true}', content_type="application/json")


async def ready(_: web.Request) -> web.Response:
    """Tell that it listens."""
    return web.Response(text="ok")


def main() -> None:
    """Serve on the port that is given."""
    app = web.Application(
        client_max_size=MAX_BODY_BYTES,
        handler_args={"access_log": None, "auto_decompress": False},
    )
    app.add_routes(
        [web.post("/v1/track", take), web.post("/v1/batch", take), web.get("/readyz", ready)]
    )
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        print=None,
        access_log=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
