"""Sandboxes run on demand, and get all requests of an instance that uses one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import attrs
import pytest
from tests.delivery.parts import small, start_sandbox
from tests.plugins.small import catalog_of, declares

from offramp import OutgoingRequest, Response, RunningSandbox, Sandbox
from offramp.delivery import Sandboxes
from offramp.delivery import sandboxes as module
from offramp.errors import (
    ConnectionFailedError,
    DefinitionError,
    NotFoundError,
    PluginError,
    RejectedError,
)
from offramp.plugins import Catalog

#: Not a constant for mypy, which would find the rest unreachable.
START_FAILS = bool(1)
NOTHING: dict[str, list[Any]] = {}


def catalog_with(start: Callable[[], Any], **settings: Any) -> Catalog:
    """A catalog with one destination, whose sandbox starts like this."""
    sandbox = Sandbox(label="An emulator", description="...", start=start, settings=settings)
    destination = attrs.evolve(small, sandbox=sandbox)
    return catalog_of(declares("one", destination))


@pytest.fixture
async def sandboxes() -> AsyncIterator[Sandboxes]:
    """Those of the small destination alone."""
    made = Sandboxes(catalog_with(start_sandbox))
    yield made
    await made.close()


async def sent(sandboxes: Sandboxes, url: str) -> str:
    """The address to which a request really goes."""
    gone: list[str] = []

    async def handler(outgoing: OutgoingRequest) -> Response:
        gone.append(outgoing.url)
        return Response(status=200, headers={}, body=b"")

    outgoing = OutgoingRequest(method="POST", url=url, timeout=timedelta(seconds=1))
    await sandboxes.redirect("small")(outgoing, handler)
    return gone[0]


@pytest.mark.parametrize(
    ("url", "behind"),
    [
        ("https://api.partner.example/v1/take?a=1", "/v1/take?a=1"),
        ("HTTPS://eu.partner.example:8443/v1", "/v1"),
        ("http://127.0.0.1:9/x", "/x"),
        ("https://partner.example", ""),
        ("https://partner.example?a=https://b.example/", "?a=https://b.example/"),
        ("https://a.example\\@b.example/x", "/x"),
        ("ws://partner.example/x", "/x"),
    ],
)
async def test_every_request_goes_to_the_sandbox(
    sandboxes: Sandboxes, url: str, behind: str
) -> None:
    """Whatever host a URL names, the request stays on this machine, with its path and query."""
    gone = await sent(sandboxes, url)
    running = sandboxes.running("small")
    assert running is not None
    assert gone == running.url + behind


@pytest.mark.parametrize("url", ["//partner.example/x", "partner.example", " https://a.example/x"])
async def test_what_is_no_url_is_sent_nowhere(sandboxes: Sandboxes, url: str) -> None:
    """A URL without a host to replace is refused."""
    with pytest.raises(RejectedError):
        await sent(sandboxes, url)


async def test_it_starts_once_and_stops(sandboxes: Sandboxes) -> None:
    """Who asks at the same time gets the same one; once it is stopped, nothing listens."""
    assert sandboxes.running("small") is None
    one, other = await asyncio.gather(sandboxes.start("small"), sandboxes.start("small"))
    assert one is other is sandboxes.running("small")
    port = int(one.url.rpartition(":")[2])
    await sandboxes.stop("small")
    assert sandboxes.running("small") is None
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    assert (await sandboxes.start("small")).url != ""


async def test_none_is_started_while_the_host_stops(sandboxes: Sandboxes) -> None:
    """Also a request that is under way must not start one that nobody would stop."""
    await sandboxes.close()
    with pytest.raises(PluginError, match="the host is stopping"):
        await sandboxes.start("small")


async def test_an_unknown_one_is_refused_with_those_that_there_are(sandboxes: Sandboxes) -> None:
    """The message lists them."""
    with pytest.raises(NotFoundError, match="There are: small"):
        await sandboxes.start("smal")


@asynccontextmanager
async def fails() -> AsyncIterator[RunningSandbox]:
    """Does not start."""
    if START_FAILS:
        raise SystemExit("no port is free")
    yield RunningSandbox(url="http://127.0.0.1:1", received=list)


@asynccontextmanager
async def is_another() -> AsyncIterator[Any]:
    """Yields what is not a sandbox."""
    yield "http://127.0.0.1:1"


@asynccontextmanager
async def is_public() -> AsyncIterator[RunningSandbox]:
    """Would send to another machine."""
    yield RunningSandbox(url="http://10.0.0.1:80", received=list)


@asynccontextmanager
async def hangs() -> AsyncIterator[RunningSandbox]:
    """Never comes to its `yield`."""
    await asyncio.Event().wait()
    yield RunningSandbox(url="http://127.0.0.1:1", received=list)


@pytest.mark.parametrize(
    ("start", "cause"),
    [
        (fails, "did not start: SystemExit: no port is free"),
        (is_another, "it yields str, and not RunningSandbox"),
        (is_public, "must be http on a loopback address"),
        (hangs, "did not start within"),
        (lambda: 5, "did not start: TypeError"),
    ],
)
async def test_a_sandbox_that_does_not_start_is_reported(
    start: Callable[[], Any], cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its failure is kept to be shown, a request fails so that it is tried again, nothing hangs."""
    monkeypatch.setattr(module, "START_SECONDS", 0.05)
    sandboxes = Sandboxes(catalog_with(start))
    with pytest.raises(PluginError, match=cause):
        await sandboxes.start("small")
    assert cause in sandboxes.failures["small"]
    assert sandboxes.running("small") is None
    with pytest.raises(ConnectionFailedError, match=cause) as raised:
        await sent(sandboxes, "https://partner.example/x")
    assert raised.value.retryable
    await sandboxes.close()


async def test_one_that_lists_with_an_error_is_reported() -> None:
    """A bug in `received` is the plugin's, and is told as such."""

    @asynccontextmanager
    async def start() -> AsyncIterator[RunningSandbox]:
        yield RunningSandbox(url="http://127.0.0.1:1", received=lambda: NOTHING["x"])

    sandboxes = Sandboxes(catalog_with(start))
    await sandboxes.start("small")
    with pytest.raises(PluginError, match="cannot list what it received: KeyError"):
        sandboxes.received("small")
    await sandboxes.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8123/v1",
        "http://127.0.0.1",
        "https://127.0.0.1:8123",
        "http://0.0.0.0:8123",
        "http://127.0.0.1@partner.example:80",
        "http://u@127.0.0.1:80",
        "http://127.0.0.1:x",
        None,
    ],
)
def test_only_an_origin_on_loopback_is_accepted(url: Any) -> None:
    """So that nothing leaves this machine, and paths are those that the destination builds."""
    with pytest.raises(DefinitionError):
        RunningSandbox(url=url, received=list)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8123", "http://[::1]:8123", "http://localhost:1"]
)
def test_every_form_of_loopback_is_accepted(url: str) -> None:
    """Of both versions of IP, and by name."""
    assert RunningSandbox(url=url, received=list).url == url


def test_a_start_that_is_no_context_manager_is_refused() -> None:
    """The usual mistake is named with its remedy when the module is imported."""

    async def start() -> AsyncIterator[RunningSandbox]:
        yield RunningSandbox(url="http://127.0.0.1:1", received=list)

    with pytest.raises(DefinitionError, match="asynccontextmanager"):
        Sandbox(label="", description="", start=start)  # type: ignore[arg-type]


def test_a_setting_that_the_destination_lacks_leaves_the_plugin_out() -> None:
    """A misspelt wire name is found when the catalog is built."""
    [problem] = catalog_with(start_sandbox, tokn="x").problems
    assert "'tokn', which is not a setting of it; there are: token" in problem.message
