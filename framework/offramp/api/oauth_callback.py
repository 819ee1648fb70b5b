"""Where a partner sends a browser back to, after a person granted access or did not."""

from __future__ import annotations

import logging
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web

from offramp.api.connecting import USED, finish_connect
from offramp.api.connects import CALLBACK_PATH, Connect, cookie_name
from offramp.api.host_context import HostContext
from offramp.api.problems import problem_of

#: No script, no picture; and the address, which has the code in it, goes nowhere.
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Most characters of what a partner says that the page quotes.
QUOTED_CHARACTERS: Final = 300
_PASTE: Final = (
    "This connect was begun in a terminal: copy the address of this page, and paste it there."
)
_SIGNED_OUT: Final = "you signed out after this connect was begun: sign in, and start anew"

log = logging.getLogger(__name__)


def callback_routes(host: HostContext) -> list[web.RouteDef]:
    """The route of the page; it needs no token, as a partner's redirect has none."""

    async def answer(request: web.Request) -> web.Response:
        state = request.query.get("state", "")
        connect = host.connects.find(state)
        if connect is None:
            return page(_sentence(USED), HTTPStatus.BAD_REQUEST)
        if refused := _refused(host, request, connect):
            return page(*refused)
        host.connects.take(state)
        status, error = await _finish(host, connect, request)
        host.connects.end(connect, error)
        response = _back(host, connect, status, error)
        response.del_cookie(cookie_name(state), path=CALLBACK_PATH)
        return response

    return [web.get(CALLBACK_PATH, answer)]


def _refused(
    host: HostContext, request: web.Request, connect: Connect
) -> tuple[str, HTTPStatus] | None:
    """What to show where this browser may not finish a connect, or not any more."""
    if connect.session is None:
        return _PASTE, HTTPStatus.OK
    cookie = request.cookies.get(cookie_name(request.query.get("state", "")))
    if not connect.belongs_to_browser(cookie):
        return (
            "This connect was begun in another browser: finish it there.",
            HTTPStatus.FORBIDDEN,
        )
    if not host.sessions.is_open(connect.session):
        return _sentence(_SIGNED_OUT), HTTPStatus.FORBIDDEN
    return None


async def _finish(
    host: HostContext, connect: Connect, request: web.Request
) -> tuple[HTTPStatus, str | None]:
    """Finish a connect that was taken; the status, and why the instance is not connected."""
    code = request.query.get("code", "")
    if not code:
        given = (request.query.get(key, "") for key in ("error", "error_description"))
        said = ": ".join(filter(None, given))[:QUOTED_CHARACTERS] or "it sent no code"
        return HTTPStatus.BAD_REQUEST, f"the partner gives no access ({said})"
    try:
        await finish_connect(host, connect, code)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            log.exception("the connect of %s broke", connect.instance)
            return HTTPStatus.INTERNAL_SERVER_ERROR, "the host failed; its log says why"
        return problem.status, problem.detail
    return HTTPStatus.OK, None


def _back(
    host: HostContext, connect: Connect, status: HTTPStatus, error: str | None
) -> web.Response:
    """Go back to the instance in the console, which asks how it ended; or say it on a page."""
    name = connect.instance
    if host.console is False:
        text = f"{name} is connected. You can close this page."
        return page(text if error is None else f"{name} is not connected: {error}.", status)
    base = host.console if isinstance(host.console, str) else ""
    # The address tells nothing of the outcome: whoever makes up a link shows nobody anything.
    headers = {**HEADERS, "Location": f"{base}/#/destinations/{quote(name, safe='')}/settings"}
    return web.Response(status=HTTPStatus.SEE_OTHER, headers=headers)


def page(text: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """A page with one sentence."""
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" '
        f'content="light dark"><title>Offramp</title></head><body><h1>Offramp</h1><p>{escape(text)}'
        "</p></body></html>"
    )
    return web.Response(text=body, status=status, content_type="text/html", headers=HEADERS)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
