"""The control API as the commands use it: where the host is, its token, and clear complaints."""

from __future__ import annotations

import hmac
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import aiohttp
import attrs
from cyclopts import Parameter

from offramp import _json
from offramp.api import (
    IDENTITY_FILE,
    IDENTITY_PATH,
    TOKEN_FILE,
    new_nonce,
    proof,
    read_token,
)
from offramp.cli.load import DEFAULT_FILE
from offramp.cli.options import Json
from offramp.cli.render.errors import place_of
from offramp.config import HostSettings, host_settings, read_document, resolve
from offramp.errors import Fault, FaultyError, OfframpError
from offramp.host.run import URL_FILE

TOKEN_VARIABLE: Final = "OFFRAMP_TOKEN"  # noqa: S105 - the variable's name
URL_VARIABLE: Final = "OFFRAMP_URL"
#: Seconds for one answer: a recount of millions of rows is the slowest.
ANSWER_SECONDS: Final = 120.0
#: Bytes of a proof, with much room: what answers may be anybody.
MAX_PROOF_BYTES: Final = 4_096
ACTOR: Final = "command line"


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class HostOptions:
    """Which host a command speaks with."""

    url: Annotated[
        str | None,
        Parameter(help="The host's address; otherwise OFFRAMP_URL, or that of the data folder."),
    ] = None
    token: Annotated[
        str | None,
        Parameter(help="Its token; otherwise OFFRAMP_TOKEN, or that of the data folder."),
    ] = None
    data_dir: Annotated[
        Path | None,
        Parameter(help="Its data folder; otherwise that of `offramp.toml` here, or offramp-data."),
    ] = None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ApiOptions(HostOptions):
    """How a command that shows what a host answers is called."""

    json: Json = False


#: What a command is called with where nothing is given.
HERE: Final = HostOptions()
TEXT: Final = ApiOptions()


class RefusedRequestError(FaultyError):
    """The host refused a request for what is wrong in it."""

    what = "request"


@attrs.frozen(kw_only=True)
class Answer:
    """What the host answered."""

    data: Any
    #: The revision of the configuration, where the answer tells it.
    etag: str | None = None


@attrs.frozen(kw_only=True)
class Api:
    """One host's control API."""

    url: str
    session: aiohttp.ClientSession = attrs.field(repr=False)
    token: str = attrs.field(repr=False)

    async def get(self, *path: str, **query: Any) -> Any:
        """The answer to a GET of `/api/` and the path, its parts quoted."""
        return (await self.ask("GET", *path, query=query)).data

    async def post(self, *path: str, body: Any = None, **query: Any) -> Any:
        """The answer to a POST."""
        return (await self.ask("POST", *path, query=query, body=body)).data

    async def ask(
        self,
        method: str,
        *path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        etag: str | None = None,
    ) -> Answer:
        """Any request; raises `OfframpError` with what the host says is wrong."""
        url = f"{self.url}/api/{'/'.join(quote(part, safe='') for part in path)}"
        given = {k: _text(v) for k, v in (query or {}).items() if v is not None}
        headers = {"Authorization": f"Bearer {self.token}"}
        if etag is not None:
            headers["If-Match"] = etag
        data = None if body is None else _json.dumps(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self.session.request(
                method, _encoded(url, given), headers=headers, data=data
            ) as response:
                raw = await response.read()
                status, etag = response.status, response.headers.get("ETag")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OfframpError(_no_answer(self.url, error)) from None
        return Answer(data=_read(self.url, status, raw), etag=etag)


@asynccontextmanager
async def open_api(host_options: HostOptions) -> AsyncIterator[Api]:
    """The API of the host that the options, the environment or the data folder name.

    The token goes to the host that it belongs to alone: unless a person gave both address and
    token, the host has to prove first that it is the one of the data folder.
    """
    settings = _settings()
    folder = host_options.data_dir or settings.data_dir
    url, token = _url(host_options, folder), _token(host_options, settings, folder)
    headers = {"X-Offramp-Actor": ACTOR, "Accept-Encoding": "identity"}
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        if not (
            _given_token(host_options)
            and (_given_url(host_options) or not (folder / URL_FILE).exists())
        ):
            await _check_identity(session, url, folder)
        yield Api(url=url, session=session, token=token)


def folder_of(host_options: HostOptions) -> Path:
    """The data folder that the options or the file here name."""
    return host_options.data_dir or _settings().data_dir


def _settings() -> HostSettings:
    return host_settings(read_document(DEFAULT_FILE)) if DEFAULT_FILE.exists() else HostSettings()


async def _check_identity(session: aiohttp.ClientSession, url: str, folder: Path) -> None:
    """Raise `OfframpError` unless what answers knows the secret in the data folder."""
    try:
        secret = (folder / IDENTITY_FILE).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise OfframpError(
            f"no host runs on the data folder {folder}: start one with `offramp serve`, or say "
            "where it is with --data-dir, or with --url and --token"
        ) from None
    nonce = new_nonce()
    query = {"nonce": nonce, "url": url}
    try:
        async with session.get(
            _encoded(url + IDENTITY_PATH, query), allow_redirects=False
        ) as response:
            raw = await response.content.read(MAX_PROOF_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise OfframpError(_no_answer(url, error)) from None
    try:
        answer = str(_json.loads(raw)["proof"])
    except (ValueError, KeyError, TypeError):
        answer = ""
    if not hmac.compare_digest(answer.encode(), proof(secret, nonce=nonce, url=url).encode()):
        raise OfframpError(
            f"what answers at {url} does not prove that it is the host of {folder}, so it is not "
            "given the token: leave --url out, set `public_url` in the table [host] to that "
            f"address, or give the token too, with --token or {TOKEN_VARIABLE}"
        )


def _given_url(host_options: HostOptions) -> str | None:
    return host_options.url or os.environ.get(URL_VARIABLE)


def _given_token(host_options: HostOptions) -> str | None:
    return host_options.token or os.environ.get(TOKEN_VARIABLE)


def _url(host_options: HostOptions, folder: Path) -> str:
    given = _given_url(host_options)
    if given is None:
        try:
            given = (folder / URL_FILE).read_text().strip()
        except OSError:
            default = HostSettings()
            given = f"http://{default.host}:{default.port}"
    return given.rstrip("/")


def _token(host_options: HostOptions, settings: HostSettings, folder: Path) -> str:
    given = _given_token(host_options)
    if given:
        return given
    if settings.api_token is not None and host_options.data_dir is None:
        return resolve(settings.api_token, "host.api_token")
    try:
        return read_token(folder / TOKEN_FILE)
    except FileNotFoundError:
        raise OfframpError(
            f"there is no token in {folder}: say where the host's data is with --data-dir, or give "
            f"its token with --token or {TOKEN_VARIABLE}"
        ) from None


def _encoded(url: str, query: Mapping[str, str]) -> str:
    pairs = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in query.items())
    return f"{url}?{pairs}" if pairs else url


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(url: str, status: int, raw: bytes) -> Any:
    try:
        data = _json.loads(raw)
    except ValueError:
        raise OfframpError(f"what answers at {url} is no Offramp host (status {status})") from None
    if status < HTTPStatus.BAD_REQUEST:
        return data
    if not isinstance(data, dict) or "detail" not in data:
        raise OfframpError(f"{url} answered {status}: {raw[:200].decode(errors='replace')}")
    if data.get("errors"):
        raise RefusedRequestError(Fault(place_of(e), e["detail"]) for e in data["errors"])
    raise OfframpError(data["detail"])


def _no_answer(url: str, error: BaseException) -> str:
    # aiohttp's own text repeats the address, and tells of TLS where there is none.
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ConnectionError) and cause.errno is not None:
        message = os.strerror(cause.errno).lower()
    else:
        message = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return (
        f"no host answers at {url} ({message}): start one with `offramp serve`, or say where it is "
        "with --url or --data-dir"
    )
