"""`offramp connect`: gets the OAuth 2 grant of an instance, in a browser or with pasted tokens."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from cyclopts import Parameter

from offramp.api.connects import CONNECT_SECONDS
from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.options import Flag
from offramp.errors import OfframpError

LOOPBACK: Final = "127.0.0.1"
#: The port that is registered at partners, as many take no other one.
CALLBACK_PORT: Final = 8976
CALLBACK_PATH: Final = "/callback"
#: Names of this machine that the host lets a redirect URI have.
RedirectHost: TypeAlias = Literal["127.0.0.1", "localhost"]
#: With what a browser came back.
_Answers: TypeAlias = asyncio.Queue[Mapping[str, str]]
_Begin: TypeAlias = Callable[[int, _Answers | None], Awaitable[Mapping[str, Any]]]


async def connect(  # noqa: PLR0913 - an option each
    context: Context,
    instance: str,
    *,
    paste: Flag = False,
    refresh_token_stdin: Flag = False,
    client_credentials: Flag = False,
    port: Annotated[int, Parameter(help="The port of the redirect URI.")] = CALLBACK_PORT,
    redirect_host: RedirectHost = LOOPBACK,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Connect an instance of a destination with OAuth 2: events are sent with its grant.

    Register http://127.0.0.1:8976/callback at the partner as redirect URI first.

    Parameters
    ----------
    instance
        The name of an instance.
    paste
        Do not wait for the browser: paste the address at which it ended, as from another machine.
    refresh_token_stdin
        Read a refresh token that was obtained elsewhere from the standard input.
    client_credentials
        Connect with the credentials of the app alone, without a person.
    redirect_host
        What this machine is called in the redirect URI, for partners that take no IP address.
    """
    async with open_api(host) as api:
        if client_credentials:
            answer = await api.post("instances", instance, "grant", "client-credentials")
        elif refresh_token_stdin:
            body = {"refresh_token": sys.stdin.readline().strip()}
            answer = await api.post("instances", instance, "grant", "tokens", body=body)
        else:
            begin = partial(_finish, context, api, instance, redirect_host)
            answer = await _by_code(begin, port, paste=paste)
    if host.json:
        write_line(answer)
        return
    until = answer["grant"]["expires_at"]
    end = f"; its access token is valid until {until}" if until else ""
    context.out.print(f"connected: {instance}{end}", markup=False, soft_wrap=True)


async def _by_code(begin: _Begin, port: int, *, paste: bool) -> Mapping[str, Any]:
    if paste:
        return await begin(port, None)
    async with _callback(port) as (bound, answers):
        return await begin(bound, answers)


async def _finish(  # noqa: PLR0913, PLR0917 - what is connected, and how
    context: Context,
    api: Api,
    instance: str,
    redirect_host: str,
    port: int,
    answers: _Answers | None,
) -> Mapping[str, Any]:
    """Show where to grant access, wait for the code, and hand it to the host."""
    redirect_uri = f"http://{redirect_host}:{port}{CALLBACK_PATH}"
    body = {"redirect_uri": redirect_uri}
    begun = await api.post("instances", instance, "grant", "authorize", body=body)
    context.err.print(f"redirect URI to register: {redirect_uri}", markup=False, soft_wrap=True)
    context.err.print("grant access at this address:", markup=False)
    context.err.print(begun["authorize_url"], markup=False, soft_wrap=True)
    if answers is None:
        context.err.print("then paste the address at which the browser ends:", markup=False)
        answer = _query(await asyncio.to_thread(sys.stdin.readline))
    else:
        await asyncio.to_thread(webbrowser.open, begun["authorize_url"])
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                while (answer := await answers.get()).get("state") != begun["state"]:
                    pass  # of another connect, or of a page that guesses
        except TimeoutError:
            raise OfframpError("nobody granted access within ten minutes: start again") from None
    if answer.get("state") != begun["state"]:
        raise OfframpError("that is the address of another connect: start again")
    if "code" not in answer:
        said = answer.get("error_description") or answer.get("error") or "it sent no code"
        raise OfframpError(f"the partner gives no access: {said}")
    given = {"code": answer["code"], "state": answer["state"]}
    done: Mapping[str, Any] = await api.post("instances", instance, "grant", "code", body=given)
    return done


@asynccontextmanager
async def _callback(port: int) -> AsyncIterator[tuple[int, _Answers]]:
    """Listen for the browser on this machine; the port, and what it comes back with."""
    answers: _Answers = asyncio.Queue()

    async def take(request: web.BaseRequest) -> web.Response:
        if request.path != CALLBACK_PATH:
            return web.Response(status=404)
        answers.put_nowait(dict(request.query))
        text = "You can close this page: the terminal says whether the instance is connected."
        return web.Response(text=text)

    runner = web.ServerRunner(web.Server(take), handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
        except OSError as error:
            message = f"port {port} cannot be used ({error.strerror}): choose another with --port"
            raise OfframpError(f"{message}, or add --paste") from None
        yield runner.addresses[0][1], answers
    finally:
        await runner.cleanup()


def _query(address: str) -> Mapping[str, str]:
    """The parameters of an address."""
    return {key: values[0] for key, values in parse_qs(urlsplit(address.strip()).query).items()}
