"""Tokens that are refreshed, settings that do not hold, and secrets in odd places."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.delivery.parts import event
from tests.delivery.wild import SUBSCRIPTION, TOKEN, URL, config, deliveries_of, running, well, wild

from offramp import AuthTokens, OutgoingRequest, RequestOptions, Response, setting
from offramp.definition import fields_of
from offramp.delivery import secrets_of
from offramp.errors import DeliveryError, HTTPError, RetryableError
from offramp.plugins import Catalog
from offramp.queue import Delivery, Stage

FRESH = "fr3sh-access-token"
REFRESHER = "r3fresh-token-of-months"


@attrs.frozen
class Login:
    user: str = setting(label="User")
    key: str = setting(type="password", label="Key")


@attrs.frozen
class Several:
    login: Login = setting(label="Login")
    tokens: list[str] = setting(type="password", label="Tokens")


@attrs.frozen
class Strict:
    """Has a check of its own."""

    token: str = setting(type="password", label="Token")

    def __attrs_post_init__(self) -> None:
        raise ValueError(f"{self.token} is too short")


async def post_all(request: Any, payloads: Any) -> None:
    await request.post(URL, json=[payload.id for payload in payloads])


def extend(outgoing: OutgoingRequest) -> RequestOptions:
    token = "none" if outgoing.auth is None else outgoing.auth.access_token
    return RequestOptions(headers={"X-Access": token})


async def guarded(outgoing: OutgoingRequest) -> Response:
    """A partner that takes the fresh token only, and quotes what it was sent."""
    given = outgoing.headers["X-Access"]
    status = 200 if given == FRESH else 401
    body = f"you sent {given}".encode()
    return Response(status=status, headers={"X-Echo": given}, body=body, url=outgoing.url)


def oauth(refresh: Callable[[Any], Any], **more: Any) -> Catalog:
    return wild(perform_batch=post_all, extend_request=extend, refresh_access_token=refresh, **more)


async def delivered(
    folder: Path, catalog: Catalog, *ids: str, transport: Any = guarded
) -> list[Delivery]:
    async with running(folder, catalog, transport=transport) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event(each) for each in ids])
        return await deliveries_of(ledger, *ids)


async def test_refreshed_tokens_are_in_nothing_that_is_kept(tmp_path: Path) -> None:
    """Tokens that were got later are as secret as the settings, wherever a partner quotes them."""

    async def refresh(_: Any) -> AuthTokens:
        return AuthTokens(access_token=FRESH, refresh_token=REFRESHER)

    [first] = await delivered(tmp_path, oauth(refresh), "m1")
    assert first.stage is Stage.DELIVERED
    assert first.exchange is not None
    assert FRESH.encode() not in first.exchange
    assert b"you sent ***" in first.exchange


async def test_many_refusals_at_once_are_one_refresh(tmp_path: Path) -> None:
    """All that saw the stale tokens wait for the same new ones, even if these are no new object."""
    refreshes = []
    catalog = oauth(lambda _: refresh())
    same = AuthTokens(access_token="stale-for-ever")

    async def refresh() -> AuthTokens:
        refreshes.append(1)
        await asyncio.sleep(0.05)
        return same

    async with running(tmp_path, catalog, transport=guarded) as (engine, _):
        await engine.apply(config(catalog))
        runtime = engine.snapshot.runtimes["wild"]
        assert all(await asyncio.gather(*(runtime.refresh(None) for _ in range(20))))
        assert len(refreshes) == 1
        stale = runtime.auth
        assert all(await asyncio.gather(*(runtime.refresh(stale) for _ in range(20))))
        assert len(refreshes) == 2


@pytest.mark.parametrize(
    ("error", "stage", "reason"),
    [
        (HTTPError(400, url=URL, body="invalid_grant"), "retrying", "INVALID_AUTHENTICATION"),
        (HTTPError(503, url=URL), "retrying", "503"),
        (KeyError("access_token"), "retrying", "INTERNAL"),
        (SystemExit(1), "retrying", "INTERNAL"),
    ],
    ids=["refused", "down", "bug", "exit"],
)
async def test_a_refresh_that_fails_blames_no_payload(
    tmp_path: Path, error: BaseException, stage: str, reason: str
) -> None:
    """A batch is not taken apart because the partner gives no tokens (a 400 in OAuth 2)."""
    requests = []

    async def refresh(_: Any) -> AuthTokens:
        raise error

    async def counting(outgoing: OutgoingRequest) -> Response:
        requests.append(outgoing)
        return await guarded(outgoing)

    found = await delivered(
        tmp_path, oauth(refresh), *(f"m{n}" for n in range(8)), transport=counting
    )
    assert {(each.stage.value, each.reason) for each in found} == {(stage, reason)}
    if isinstance(error, DeliveryError):
        assert len(requests) == 1


async def test_a_partner_that_quotes_basic_credentials_tells_no_secret(tmp_path: Path) -> None:
    """The header's base64 is the password in another spelling."""

    async def quoting(outgoing: OutgoingRequest) -> Response:
        body = f"refused: {outgoing.headers['Authorization']}".encode()
        return Response(status=403, headers={}, body=body, url=outgoing.url)

    catalog = wild(
        perform_batch=post_all,
        extend_request=lambda outgoing: RequestOptions(
            username="us", password=outgoing.settings.token
        ),
    )
    [delivery] = await delivered(tmp_path, catalog, "m1", transport=quoting)
    assert "***" in delivery.message
    spelled = b64encode(f"us:{TOKEN}".encode()).decode()
    assert spelled[8:-4] not in delivery.message
    assert delivery.exchange is not None
    assert spelled[8:-4].encode() not in delivery.exchange


async def test_what_a_plugin_tells_of_a_secret_is_masked_in_the_log_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the traceback of a host's fault holds a secret."""

    def observe(_: Any) -> None:
        raise KeyboardInterrupt(f"bad {TOKEN}")  # what the calling of hooks lets through

    [delivery] = await delivered(
        tmp_path, wild(perform_batch=post_all, observe=observe), "m1", transport=well
    )
    assert delivery.stage is Stage.DELIVERED
    assert "bad ***" in caplog.text
    assert TOKEN not in caplog.text


async def test_settings_that_the_class_refuses_are_no_fault_of_the_events(tmp_path: Path) -> None:
    """They are a problem of the instance, told without the value, and its events wait."""
    catalog = wild(perform_batch=post_all, settings=Strict)
    async with running(tmp_path, catalog) as (engine, _):
        snapshot = await engine.apply(config(catalog))
        await engine.accept("site", [event("m1")])
        assert (await engine.queue.depth(SUBSCRIPTION)).waiting == 1
    assert "class (ValueError)" in snapshot.problems["instances.wild"]
    assert TOKEN not in snapshot.problems["instances.wild"]


async def test_an_instance_that_cannot_start_for_a_bug_stops_no_other(tmp_path: Path) -> None:
    """A plugin that raises while its instance starts is a problem of that instance."""
    catalog = wild(perform_batch=post_all)
    async with running(tmp_path, catalog) as (engine, _):
        engine._start_instance = _breaking
        snapshot = await engine.apply(config(catalog))
    problem = snapshot.problems["instances.wild"]
    assert problem.startswith("the plugin raised KeyError: 'region' (test_breaks_instance.py:")


def _breaking(*_: Any) -> Any:
    raise KeyError("region")


def test_passwords_within_lists_and_objects_are_secrets_too() -> None:
    """Wherever a password stands in the settings, the mask knows it."""
    given = {"login": {"user": "someone", "key": "first"}, "tokens": ["second", "third"]}
    assert secrets_of(fields_of(Several), given) == ["first", "second", "third"]


async def test_retryable_outcomes_of_single_payloads_do_not_open_the_breaker(
    tmp_path: Path,
) -> None:
    """A partner that takes all but one of each batch is well."""

    async def perform_batch(_: Any, payloads: Any) -> list[DeliveryError | None]:
        return [RetryableError("later") if p.id.startswith("bad") else None for p in payloads]

    catalog = wild(perform_batch=perform_batch)
    async with running(tmp_path, catalog) as (engine, _):
        await engine.apply(config(catalog))
        gate = engine.snapshot.runtimes["wild"].gate
        for number in range(8):
            await engine.accept("site", [event(f"bad{number}"), event(f"good{number}")])
            await asyncio.sleep(0.08)
        assert gate.state == "closed"
