"""Sends what is meant for a partner of Segment's destinations to that of a measurement.

A plugin file: their addresses stand in their code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from benchmarks.host import BASE_URL_VARIABLE
from offramp import Destination, Handler, Middleware, OutgoingRequest, Response, hookimpl

PARTNER: Final = os.environ.get(BASE_URL_VARIABLE, "")


async def _send(outgoing: OutgoingRequest, handler: Handler) -> Response:
    outgoing.url = PARTNER + urlsplit(outgoing.url).path
    return await handler(outgoing)


@hookimpl
def offramp_middleware(destination: Destination) -> Iterable[Middleware]:  # noqa: ARG001 - all of them
    """The one that sends elsewhere."""
    return [_send]
