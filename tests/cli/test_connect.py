"""`offramp connect` and `offramp disconnect`, with a partner and a browser on this machine."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest
from tests.api.granted import SLUG
from tests.host.granting import grant_of, hosting, server

from offramp.cli.client import ApiOptions
from offramp.cli.commands.connect import connect
from offramp.cli.commands.disconnect import disconnect
from offramp.cli.context import Context
from offramp.errors import OfframpError
from offramp.host.run import Host
from offramp.testing import AuthorizationServer


@pytest.fixture
def partner() -> Iterator[AuthorizationServer]:
    """A partner that takes each refresh token once."""
    with server() as running:
        yield running


@pytest.fixture
async def host(tmp_path: Path, partner: AuthorizationServer) -> AsyncIterator[Host]:
    """A host whose instance is not connected."""
    async with hosting(tmp_path, partner.url) as running:
        yield running


def options(host: Host) -> ApiOptions:
    return ApiOptions(url=host.url, token=host.token.value)


def visit(url: str) -> bool:
    """Grant access as a person does in a browser."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - on this machine
        return "close this page" in answer.read().decode()


async def test_connect_waits_for_the_browser_and_disconnect_revokes(
    host: Host, partner: AuthorizationServer, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The code comes to a server of the command, which says what to register."""
    monkeypatch.setattr("webbrowser.open", visit)
    await connect(Context(), SLUG, port=0, host=options(host))
    shown = capsys.readouterr()
    assert f"connected: {SLUG}" in shown.out
    assert "redirect URI to register: http://127.0.0.1:" in shown.err
    assert (await grant_of(host))["flow"] == "authorization_code"
    await disconnect(Context(), SLUG, host=options(host))
    assert f"disconnected: {SLUG}" in capsys.readouterr().out
    assert len(partner.revoked) == 1


async def test_the_redirect_uri_names_this_machine_as_the_partner_wants(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some partners take `localhost` only, and no IP address."""
    monkeypatch.setattr("webbrowser.open", visit)
    await connect(Context(), SLUG, port=0, redirect_host="localhost", host=options(host))
    assert "redirect URI to register: http://localhost:" in capsys.readouterr().err
    assert (await grant_of(host))["state"] == "connected"


class Unfollowed(urllib.request.HTTPRedirectHandler):
    """Stops where the browser cannot go: at an address of another machine."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Go nowhere."""


async def test_an_address_is_pasted(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser of another machine cannot load the page, but its address has the code."""
    context, printed = Context(), list[str]()
    monkeypatch.setattr(context.err, "print", lambda text, **_: printed.append(str(text)))

    class Pasting(io.StringIO):
        def readline(self, *_: object) -> str:  # type: ignore[override]
            [url] = [each for each in printed if "/authorize?" in each]
            with pytest.raises(HTTPError) as stopped:
                urllib.request.build_opener(Unfollowed).open(url)
            stopped.value.close()
            return str(stopped.value.headers["Location"]) + "\n"

    monkeypatch.setattr("sys.stdin", Pasting())
    await connect(context, SLUG, paste=True, host=options(host))
    assert (await grant_of(host))["state"] == "connected"


async def test_a_refresh_token_comes_from_the_standard_input(
    host: Host, partner: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in no list of processes, and is tried at once."""
    monkeypatch.setattr("sys.stdin", io.StringIO(partner.new_refresh_token() + "\n"))
    await connect(Context(), SLUG, refresh_token_stdin=True, host=options(host))
    assert partner.refreshes == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("no-such-token\n"))
    with pytest.raises(OfframpError, match="invalid_grant"):
        await connect(Context(), SLUG, refresh_token_stdin=True, host=options(host))
    assert (await grant_of(host))["state"] == "connected"
