"""Sessions: who may sign in, what the cookie may do, and when it ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from tests.api.conftest import TOKEN, Heard, Running
from tests.clocks import MovedClock

from offramp.api import Tokens
from offramp.api.logins import KEPT_ADDRESSES, MOST_TRIES, TRIES_SECONDS, RefusedLogins
from offramp.api.sessions import CODE_SECONDS, MOST_KEPT, SESSIONS_FILE, Sessions
from offramp.config import HostSettings

#: A good file that others may read.
OPEN = "open to others"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def now() -> MovedClock:
    return MovedClock(1_000_000.0)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens.of(default=TOKEN, ci="another-token")


async def sign_in(host: Running, body: object = None, **headers: str) -> Heard:
    """Sign in without a token in a header."""
    body = {"token": TOKEN} if body is None else body
    return await host.ask("POST", "/api/sessions", body, {"Authorization": "", **headers})


def cookie_of(heard: Heard) -> dict[str, str]:
    """The header with which a browser sends the cookie of an answer."""
    assert heard.status == 201, heard.text
    [morsel] = SimpleCookie(heard.headers["Set-Cookie"]).values()
    return {"Authorization": "", "Cookie": f"{morsel.key}={morsel.value}"}


async def test_a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends(
    host: Running,
) -> None:
    """The answer has the cookie's attributes and the session's end, and not its secret."""
    heard = await sign_in(host)
    [morsel] = SimpleCookie(heard.headers["Set-Cookie"]).values()
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    assert morsel["max-age"] == str(7 * 24 * 3600)
    assert not morsel["domain"]
    assert len(morsel.value) >= 40
    assert morsel.value not in heard.text
    assert heard.data["token"] == "default"
    assert heard.data["expires_at"] > heard.data["created_at"]
    secure = Sessions(Tokens(), settings=HostSettings(public_url="https://x.example"))
    assert secure.cookie("s").endswith("; Secure")
    assert "Secure" not in heard.headers["Set-Cookie"]


async def test_a_session_stands_for_its_token(host: Running) -> None:
    """It reads and changes, and the audit log and the list of tokens name its token."""
    cookie = cookie_of(await sign_in(host)) | OWN
    assert (await host.ask("GET", "/api/status", headers=cookie)).status == 200
    current = await host.ask("GET", "/api/sessions/current", headers=cookie)
    assert current.data["token"] == "default"
    assert current.data["expires_at"]
    change = {"requests_per_second": 5}
    heard = await host.ask("PATCH", "/api/instances/small", change, cookie)
    assert heard.status == 200, heard.text
    assert (await host.get("/api/audit-log?limit=1"))["rows"][0]["token"] == "default"
    with_token = await host.get("/api/sessions/current")
    assert (with_token["token"], with_token["expires_at"]) == ("default", None)


async def test_who_signs_out_is_signed_out(host: Running) -> None:
    """The host forgets the session, and the browser its cookie; a second sign-in ends the first."""
    cookie = cookie_of(await sign_in(host)) | OWN
    heard = await host.ask("DELETE", "/api/sessions/current", headers=cookie)
    assert (heard.status, heard.data) == (200, {"ended": True})
    assert "Max-Age=0" in heard.headers["Set-Cookie"]
    heard = await host.ask("GET", "/api/status", headers=cookie)
    assert heard.status == 401
    assert "sign in again" in heard.data["detail"]
    first = cookie_of(await sign_in(host)) | OWN
    cookie_of(await sign_in(host, **{**first, "Authorization": ""}))
    assert (await host.ask("GET", "/api/status", headers=first)).status == 401
    heard = await host.ask("DELETE", "/api/sessions/current")
    assert heard.data == {"ended": False}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize(
    ("headers", "changes", "reads"),
    [
        ({}, False, True),
        ({"Origin": "SELF"}, True, True),
        ({"Origin": "https://evil.example"}, False, True),
        ({"Origin": "null"}, False, True),
        ({"Sec-Fetch-Site": "same-origin"}, True, True),
        # Behind a proxy that keeps TLS to itself, the host does not know its own origin.
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://proxy.example"}, True, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "SELF"}, False, False),
        ({"Sec-Fetch-Site": "cross-site"}, False, False),
        ({"Sec-Fetch-Site": "none"}, False, True),
    ],
)
async def test_with_a_cookie_only_pages_of_the_host_change_anything(
    host: Running, method: str, headers: dict[str, str], *, changes: bool, reads: bool
) -> None:
    """A browser sends the cookie by itself, so the request has to say which page sends it."""
    cookie = cookie_of(await sign_in(host))
    sent = {name: value.replace("SELF", host.url) for name, value in headers.items()}
    if method == "POST":
        body = {"text": 'type = "track"'}
        heard = await host.ask(method, "/api/triggers/parse", body, cookie | sent)
        assert heard.status == (200 if changes else 403), heard.text
    else:
        heard = await host.ask(method, "/api/status", headers=cookie | sent)
        assert heard.status == (200 if reads else 403), heard.text


async def test_no_other_page_signs_a_browser_in(host: Running) -> None:
    """Otherwise a page could have somebody work under a session that is not theirs."""
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site",
                    "Origin": "https://evil.example"}):  # fmt: skip
        assert (await sign_in(host, **headers)).status == 403
    assert (await sign_in(host, Origin=host.url)).status == 201


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"token": "wrong"}, 401, "`token` of the data folder"),
        ({"token": ""}, 401, "`token` of the data folder"),
        ({"code": "wrong"}, 401, "`offramp console`"),
        ({}, 422, "either `token`"),
        ({"token": TOKEN, "code": "x"}, 422, "either `token`"),
        ({"token": 5}, 422, "Expected"),
        ({"password": TOKEN}, 422, "password"),
    ],
)
async def test_who_has_no_token_gets_no_session(
    host: Running, caplog: pytest.LogCaptureFixture, body: object, status: int, named: str
) -> None:
    """Each is told what to do; nothing that was given is repeated or logged."""
    heard = await host.ask("POST", "/api/sessions", body, {"Authorization": ""})
    assert heard.status == status, heard.text
    assert named in heard.data["detail"]
    assert "Set-Cookie" not in heard.headers
    assert "wrong" not in caplog.text.replace("with a wrong", "")


async def test_to_ask_who_is_signed_in_is_no_refused_login(
    host: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """A page asks that before anybody signs in: 401, and nothing is counted or logged."""
    caplog.set_level(logging.WARNING)
    for cookie in ({}, {"Cookie": f"{host.context.sessions.cookie_name}=old"}):
        headers = {"Authorization": "", **OWN, **cookie}
        assert (await host.ask("GET", "/api/sessions/current", headers=headers)).status == 401
    assert "refused" not in caplog.text
    heard = await host.ask("GET", "/api/sessions/current", headers={"Authorization": "Bearer x"})
    assert heard.status == 401
    assert "with a wrong token" in caplog.text


async def test_a_code_works_once_and_for_a_minute(host: Running) -> None:
    """Made with a token, not with a session, and only as long as that token is valid."""
    made = await host.post("/api/sessions/codes", status=201)
    heard = await sign_in(host, {"code": made["code"]})
    cookie = cookie_of(heard) | OWN
    assert (await host.ask("GET", "/api/status", headers=cookie)).status == 200
    assert (await sign_in(host, {"code": made["code"]})).status == 401
    refused = await host.ask("POST", "/api/sessions/codes", headers=cookie)
    assert refused.status == 403


def test_an_old_code_and_one_of_another_token_are_refused(now: MovedClock, tokens: Tokens) -> None:
    """After a minute, and after the token of its label was replaced; the oldest of many, too."""
    sessions = Sessions(tokens, clock=now)
    code, expires_at = sessions.new_code("ci")
    assert expires_at == now() + CODE_SECONDS
    now.move(CODE_SECONDS)
    assert sessions.use_code(code) is None
    code, _ = sessions.new_code("ci")
    tokens._hashes["ci"] = b"of another token"
    assert sessions.use_code(code) is None
    first, _ = sessions.new_code("ci")
    second, *_ = [sessions.new_code("ci")[0] for _ in range(MOST_KEPT)]
    assert sessions.use_code(first) is None
    assert sessions.use_code(second) == "ci"


def test_a_session_ends_without_use_and_in_any_case(now: MovedClock, tokens: Tokens) -> None:
    """Each use begins the idle time anew; the lifetime goes on."""
    settings = HostSettings(
        session_idle_timeout=timedelta(hours=1), session_lifetime=timedelta(hours=3)
    )
    sessions = Sessions(tokens, settings=settings, clock=now)
    secret, _ = sessions.open("ci")
    for _ in range(4):
        now.move(2_700)
        assert sessions.find(secret) is not None
    now.move(1)
    assert sessions.find(secret) is None
    secret, _ = sessions.open("ci")
    now.move(3_601)
    assert sessions.find(secret) is None


def test_with_its_token_a_session_ends(now: MovedClock, tokens: Tokens) -> None:
    """Whether the token is revoked, or another one has its label; the others stay."""
    sessions = Sessions(tokens, clock=now)
    revoked, replaced, kept = (sessions.open(each)[0] for each in ("ci", "ci", "default"))
    before = tokens._hashes.pop("ci")
    assert sessions.find(revoked) is None
    tokens._hashes["ci"] = b"of another token"
    assert sessions.find(replaced) is None
    tokens._hashes["ci"] = before
    assert sessions.find(revoked) is None, "what has ended does not come back"
    assert sessions.find(kept) is not None


def test_the_session_that_was_used_longest_ago_makes_room(now: MovedClock, tokens: Tokens) -> None:
    """Nobody fills the memory with sessions, and who works stays signed in."""
    sessions = Sessions(tokens, clock=now)
    mine, _ = sessions.open("ci")
    now.move(1)
    other, _ = sessions.open("ci")
    now.move(1)
    assert sessions.find(mine) is not None
    for _ in range(MOST_KEPT - 1):
        now.move(1)
        sessions.open("ci")
    assert sessions.find(mine) is not None
    assert sessions.find(other) is None


async def test_what_is_on_disk_signs_nobody_in(
    tmp_path: Path, now: MovedClock, tokens: Tokens
) -> None:
    """Private, without a cookie or a token in it; the cookies work with it, and no others."""
    sessions = Sessions(tokens, folder=tmp_path, clock=now)
    secret, _ = sessions.open("ci")
    ended, session = sessions.open("ci")
    sessions.end(session)
    await sessions.save()
    path = tmp_path / SESSIONS_FILE
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in text
    assert TOKEN not in text
    for part in sessions._sessions:
        assert Sessions(tokens, folder=tmp_path, clock=now).find(part) is None
    again = Sessions(tokens, folder=tmp_path, clock=now)
    assert again.cookie_name == sessions.cookie_name
    assert again.find(secret) is not None
    assert again.find(ended) is None
    assert Sessions(Tokens.of(ci="new"), folder=tmp_path, clock=now).find(secret) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sessions": [1]}', "\x00\xff", OPEN])
async def test_a_file_that_is_no_good_only_signs_everybody_out(
    tmp_path: Path, now: MovedClock, tokens: Tokens, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """The host starts, says so, and writes a good one at the next sign-in."""
    before = Sessions(tokens, folder=tmp_path, clock=now)
    secret, _ = before.open("ci")
    await before.save()
    path = tmp_path / SESSIONS_FILE
    if text == OPEN:
        path.chmod(0o644)
    else:
        path.write_text(text, encoding="latin-1")
    sessions = Sessions(tokens, folder=tmp_path, clock=now)
    assert "everybody has to sign in again" in caplog.text
    assert sessions.find(secret) is None
    secret, _ = sessions.open("ci")
    await sessions.save()
    assert Sessions(tokens, folder=tmp_path, clock=now).find(secret) is not None


async def test_a_disk_that_takes_nothing_signs_nobody_out(
    tmp_path: Path, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    """Sessions live on in memory, and are written once the disk takes them."""
    folder = tmp_path / "gone"
    sessions = Sessions(tokens, folder=folder)
    secret, _ = sessions.open("ci")
    await sessions.save()
    assert "cannot be written" in caplog.text
    assert sessions.find(secret) is not None
    folder.mkdir()
    await sessions.save()
    assert Sessions(tokens, folder=folder).find(secret) is not None


async def test_who_guesses_has_to_wait(host: Running) -> None:
    """429 with the time to wait, also for the right token, until a minute has passed."""
    for _ in range(MOST_TRIES):
        assert (await sign_in(host, {"token": "guess"})).status == 401
    heard = await sign_in(host)
    assert heard.status == 429
    assert 0 < int(heard.headers["Retry-After"]) <= TRIES_SECONDS
    assert (await host.ask("GET", "/api/status")).status == 200


def test_only_the_address_that_guesses_waits(now: MovedClock) -> None:
    """Its tries are forgotten after a minute; so are those of the oldest of very many."""
    logins = RefusedLogins(clock=now)
    for _ in range(MOST_TRIES):
        now.move(1)
        logins.slow_down("192.0.2.1")
    assert logins.seconds_to_wait("192.0.2.2") == 0
    assert logins.seconds_to_wait("192.0.2.1") == TRIES_SECONDS - MOST_TRIES + 1
    now.move(TRIES_SECONDS)
    assert logins.seconds_to_wait("192.0.2.1") == 0
    for number in range(2 * KEPT_ADDRESSES):
        logins.slow_down(str(number))
    assert len(logins._tries) == KEPT_ADDRESSES


@pytest.fixture(autouse=True)
def log_level(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.INFO):
        yield
