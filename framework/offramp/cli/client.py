"""A client of the control API for the commands: finds the host and its token, reports errors."""

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
from offramp.config.labels import all_labelled
from offramp.config.references import TOKEN_VARIABLE
from offramp.errors import Fault, FaultyError, OfframpError, StorageError
from offramp.host.run import URL_FILE
from offramp.storage import DATABASE_FILE

URL_VARIABLE: Final = "OFFRAMP_URL"
#: Seconds for one answer; a recount of millions of rows takes longest.
ANSWER_SECONDS: Final = 120.0
#: The most bytes read of a proof: any program may answer at that address.
MAX_PROOF_BYTES: Final = 4_096
ACTOR: Final = "command line"
#: The parameter by which a caller confirms what a change ends.
CONFIRM: Final = "confirm"


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class HostOptions:
    """Selects the host that a command connects to."""

    url: Annotated[
        str | None,
        Parameter(help="The host's URL; default: OFFRAMP_URL, or the one in the data folder."),
    ] = None
    token: Annotated[
        str | None,
        Parameter(help="The host's token; default: OFFRAMP_TOKEN, or the one in the data folder."),
    ] = None
    data_dir: Annotated[
        Path | None,
        Parameter(help="The host's data folder; default: that of ./offramp.toml, or offramp-data."),
    ] = None


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class ApiOptions(HostOptions):
    """The options of a command that shows an answer of the host."""

    json: Json = False


#: The default of a command's options.
HOST_DEFAULTS: Final = HostOptions()
API_DEFAULTS: Final = ApiOptions()


class RefusedRequestError(FaultyError):
    """The host refused a request because of errors in it."""

    what = "request"


class UnconfirmedError(OfframpError):
    """The host makes a change only if the caller confirms what it ends."""


@attrs.frozen(kw_only=True)
class Answer:
    """An answer of the host."""

    data: Any
    #: The revision of the configuration, if the answer has one.
    etag: str | None = None


@attrs.frozen(kw_only=True)
class Api:
    """The control API of one host."""

    url: str
    session: aiohttp.ClientSession = attrs.field(repr=False)
    token: str = attrs.field(repr=False)

    async def get(self, *path: str, **query: Any) -> Any:
        """GET `/api/` and the path, whose parts are quoted; return the answer."""
        return (await self.ask("GET", *path, query=query)).data

    async def post(self, *path: str, body: Any = None, **query: Any) -> Any:
        """POST, and return the answer."""
        return (await self.ask("POST", *path, query=query, body=body)).data

    async def delete(self, *path: str) -> Any:
        """DELETE, and return the answer."""
        return (await self.ask("DELETE", *path)).data

    async def ask(
        self,
        method: str,
        *path: str,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        etag: str | None = None,
    ) -> Answer:
        """Send a request; raises `OfframpError` with the errors that the host answers."""
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
    """Connect to the host that the options, the environment or the data folder name.

    The token is sent only to its own host: unless both URL and token were given, the host must
    first prove that it is the host of the data folder.
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
    """Find the data folder that the options or `offramp.toml` here name."""
    return host_options.data_dir or _settings().data_dir


def folder_without_host(host_options: HostOptions) -> Path | None:
    """Find the data folder for a command that does its work itself where no host runs.

    `None` if the options name a host by its URL. Raises `StorageError` if there is no data.
    """
    if _given_url(host_options):
        return None
    folder = folder_of(host_options)
    if not (folder / DATABASE_FILE).exists():
        raise StorageError(
            f"there is no data in the folder {folder}: name the data folder with --data-dir"
        )
    return folder


def _settings() -> HostSettings:
    return host_settings(read_document(DEFAULT_FILE)) if DEFAULT_FILE.exists() else HostSettings()


async def _check_identity(session: aiohttp.ClientSession, url: str, folder: Path) -> None:
    """Raise `OfframpError` unless the host at `url` knows the secret in the data folder."""
    try:
        secret = (folder / IDENTITY_FILE).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise OfframpError(
            f"no host runs on the data folder {folder}: start one with `offramp serve`, or name "
            "another with --data-dir, or with --url and --token"
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
            f"the program at {url} does not prove that it is the host of {folder}, so it is not "
            "sent the token: leave --url out, set `public_url` in the table [host] to that "
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
    configured = all_labelled(settings.api_token, settings.api_tokens)
    if configured and host_options.data_dir is None:
        label, written = next(iter(configured.items()))
        return resolve(written, f"host.api_tokens.{label}")
    try:
        return read_token(folder / TOKEN_FILE)
    except FileNotFoundError:
        raise OfframpError(
            f"there is no token in {folder}: name the host's data folder with --data-dir, or give "
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
        raise OfframpError(f"{url} is not an Offramp host (it answered {status})") from None
    if status < HTTPStatus.BAD_REQUEST:
        return data
    if not isinstance(data, dict) or "detail" not in data:
        raise OfframpError(f"{url} answered {status}: {raw[:200].decode(errors='replace')}")
    if any(each.get("parameter") == CONFIRM for each in data.get("errors", ())):
        raise UnconfirmedError(data["detail"])
    if data.get("errors"):
        raise RefusedRequestError(Fault(place_of(e), e["detail"]) for e in data["errors"])
    raise OfframpError(data["detail"])


def _no_answer(url: str, error: BaseException) -> str:
    # aiohttp's own text repeats the address, and mentions TLS even without it.
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ConnectionError) and cause.errno is not None:
        message = os.strerror(cause.errno).lower()
    else:
        message = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return (
        f"no host answers at {url} ({message}): start one with `offramp serve`, or name another "
        "with --url or --data-dir"
    )
