"""`offramp console`: opens the web console of a running host, signed in."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from typing import Final
from urllib.parse import urlsplit

from offramp.cli.client import HOST_DEFAULTS, HostOptions, open_api
from offramp.cli.context import Context
from offramp.cli.options import Flag
from offramp.errors import OfframpError

#: Addresses that a host listens on and nobody can open: they stand for all of its machine's.
_ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing is bound here
#: Variables of a desktop; without one, `webbrowser` starts a browser inside the terminal.
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


async def console(
    context: Context, *, no_browser: Flag = False, host: HostOptions = HOST_DEFAULTS
) -> None:
    """Open the web console of a running host in the browser, signed in.

    It writes the address too, which signs in once, within a minute.

    Parameters
    ----------
    no_browser
        Only write the address.
    """
    async with open_api(host) as api:
        made = await api.post("sessions", "codes")
    if made["console"] is False:
        raise OfframpError(
            "this host has no console: take `console = false` out of the table [host], and start "
            "it again"
        )
    base = api.url if made["console"] is True else _reachable(made["console"], api.url)
    url = f"{base}/#/?code={made['code']}"
    context.out.print(url, markup=False, soft_wrap=True)
    if no_browser or not _has_display() or not await asyncio.to_thread(webbrowser.open, url):
        context.err.print("open this address within a minute: it signs in once", markup=False)


def _reachable(url: str, known: str) -> str:
    """Put the name by which the host was reached in the place of an address that is all of them."""
    parts = urlsplit(url)
    if parts.hostname not in _ANY_ADDRESS:
        return url
    name = urlsplit(known).hostname or "127.0.0.1"
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{parts.port}"


def _has_display() -> bool:
    return sys.platform == "darwin" or any(os.environ.get(each) for each in _DISPLAYS)
