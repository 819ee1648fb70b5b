"""The page to which a partner sends a browser back after a person granted access, or did not."""

from __future__ import annotations

import logging
from html import escape
from http import HTTPStatus
from typing import Final

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

log = logging.getLogger(__name__)


def callback_routes(host: HostContext) -> list[web.RouteDef]:
    """The route of the page; it needs no token, as a partner's redirect has none."""

    async def answer(request: web.Request) -> web.Response:
        status, text = await _outcome(host, request)
        return page(text, status)

    return [web.get(CALLBACK_PATH, answer)]


async def _outcome(host: HostContext, request: web.Request) -> tuple[HTTPStatus, str]:
    """Finish the connect of the state, once, if this browser began it; what to show."""
    state, code = request.query.get("state", ""), request.query.get("code", "")
    connect = host.connects.find(state)
    if connect is None:
        return HTTPStatus.BAD_REQUEST, _sentence(USED)
    if connect.session is None:
        return HTTPStatus.OK, _PASTE
    if not connect.belongs_to_browser(request.cookies.get(cookie_name(state))):
        return HTTPStatus.FORBIDDEN, "This connect was begun in another browser: finish it there."
    host.connects.take(state)
    if not code:
        given = (request.query.get(key, "") for key in ("error", "error_description"))
        said = " ".join(given).strip()[:QUOTED_CHARACTERS] or "it sent no code"
        return HTTPStatus.BAD_REQUEST, f"The partner gives no access: {said}."
    return await _finish(host, connect, code)


async def _finish(host: HostContext, connect: Connect, code: str) -> tuple[HTTPStatus, str]:
    try:
        await finish_connect(host, connect, code)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            log.exception("the connect of %s broke", connect.instance)
            return HTTPStatus.INTERNAL_SERVER_ERROR, "The host failed; its log says why."
        return problem.status, f"{connect.instance} is not connected: {problem.detail}"
    return HTTPStatus.OK, f"{connect.instance} is connected. You can close this page."


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
