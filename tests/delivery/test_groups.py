"""A group of errors, as `asyncio.TaskGroup` raises it, is judged by the errors within."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import Item, event
from tests.delivery.wild import SUBSCRIPTION, URL, config, outcomes, running, wild

from offramp import AuthTokens, OutgoingRequest, Request, RequestOptions, Response
from offramp.definition import Handler
from offramp.errors import ConnectionFailedError, DeliveryError, HTTPError, RejectedError


async def moody(outgoing: OutgoingRequest) -> Response:
    """A partner that answers with the status that the address ends in, and asks to wait at 429."""
    status = int(outgoing.url[-3:])
    headers = {"Retry-After": "7"} if status == 429 else {}
    return Response(status=status, headers=headers, body=b"no", url=outgoing.url)


async def unreachable(outgoing: OutgoingRequest) -> Response:
    raise ConnectionFailedError(f"{outgoing.url} is gone")


def requesting(*statuses: int) -> Callable[..., Any]:
    """An action with a request for each status, all under way at once."""

    async def perform(request: Request[Any], _: Item) -> None:
        async with asyncio.TaskGroup() as group:
            for status in statuses:
                group.create_task(request.post(f"{URL}/{status}"))

    return perform


@pytest.mark.parametrize(
    ("statuses", "stage", "reason"),
    [
        ((200, 201), "delivered", "OK"),
        ((200, 503), "retrying", "503"),
        ((503, 500), "retrying", "503"),
        ((503, 429), "retrying", "429"),
        ((503, 404), "rejected", "404"),
        ((429, 422, 503), "rejected", "422"),
        ((404, 401), "retrying", "401"),
    ],
)
async def test_the_gravest_answer_is_the_outcome(
    tmp_path: Path, statuses: Sequence[int], stage: str, reason: str
) -> None:
    """Refused credentials before what is final, and that before what a later attempt may heal."""
    found = await outcomes(tmp_path, wild(perform=requesting(*statuses)), "m1", transport=moody)
    message = "" if stage == "delivered" else f"{URL}/{reason} answered {reason}: no"
    [(found_stage, found_reason, detail)] = found
    assert (found_stage, found_reason) == (stage, reason)
    assert detail.startswith(message)


async def test_a_fault_of_the_plugin_beside_an_answer_is_told(tmp_path: Path) -> None:
    """It is detail with its own line, whatever the partner answered meanwhile."""

    async def broken() -> None:
        raise KeyError("nope")

    async def perform(request: Request[Any], _: Item) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(request.post(f"{URL}/404"))
            group.create_task(broken())

    [(stage, reason, message)] = await outcomes(
        tmp_path, wild(perform=perform), "m1", transport=moody
    )
    assert (stage, reason) == ("retrying", "INTERNAL")
    assert message.startswith("the plugin raised KeyError: 'nope' (test_groups.py:")
    assert message.endswith(", in broken)")


async def test_an_explanation_tells_the_fault_beside_a_request(tmp_path: Path) -> None:
    """The request that was not sent is no fault, and what broke beside it is shown."""

    async def perform(request: Request[Any], _: Item) -> None:
        async def broken() -> None:
            raise KeyError("nope")

        async with asyncio.TaskGroup() as group:
            group.create_task(request.post(f"{URL}/200"))
            group.create_task(broken())

    catalog = wild(perform=perform)
    async with running(tmp_path, catalog, transport=moody) as (engine, _):
        await engine.apply(config(catalog))
        explained = await engine.explain(SUBSCRIPTION, event("m1"))
    assert explained["stopped"].startswith("the plugin raised KeyError: 'nope' (test_groups.py:")
    assert explained["request"]["url"] == f"{URL}/200"


async def test_a_batch_refused_for_its_content_is_halved(tmp_path: Path) -> None:
    """The bad event is found as it is where the request stands in no group."""

    async def perform_batch(request: Request[Any], payloads: Sequence[Item]) -> None:
        bad = any(payload.id == "m2" for payload in payloads)
        async with asyncio.TaskGroup() as group:
            group.create_task(request.post(f"{URL}/{422 if bad else 200}"))

    found = await outcomes(
        tmp_path, wild(perform_batch=perform_batch), "m1", "m2", "m3", transport=moody
    )
    assert [stage for stage, _, _ in found] == ["delivered", "rejected", "delivered"]


async def test_outcomes_may_be_groups(tmp_path: Path) -> None:
    """What `perform_batch` reports of a payload may be what its own group raised."""
    group = ExceptionGroup("two", [HTTPError(503, url=URL), RejectedError("never")])

    async def perform_batch(*_: Any) -> list[Any]:
        return [None, group]

    found = await outcomes(tmp_path, wild(perform_batch=perform_batch), "m1", "m2")
    assert found == [("delivered", "OK", ""), ("rejected", "MESSAGE_REJECTED", "never")]


async def test_stale_tokens_are_refreshed(tmp_path: Path) -> None:
    """A 401 is a 401, alone or in a group."""

    async def refresh(_: Any) -> AuthTokens:
        return AuthTokens(access_token="fr3sh-access-token")

    def extend(outgoing: OutgoingRequest) -> RequestOptions:
        return RequestOptions(headers={"X-Access": "stale" if outgoing.auth is None else "fresh"})

    async def guarded(outgoing: OutgoingRequest) -> Response:
        status = 200 if outgoing.headers["X-Access"] == "fresh" else 401
        return Response(status=status, headers={}, body=b"", url=outgoing.url)

    catalog = wild(perform=requesting(200), extend_request=extend, refresh_access_token=refresh)
    assert await outcomes(tmp_path, catalog, "m1", transport=guarded) == [("delivered", "OK", "")]


async def test_a_refresh_may_raise_a_group(tmp_path: Path) -> None:
    """The partner's answer to a refresh is detail as it is."""

    async def refresh(_: Any) -> AuthTokens:
        raise ExceptionGroup("one", [HTTPError(503, url=URL)])

    catalog = wild(perform=requesting(401), refresh_access_token=refresh)
    [(stage, reason, _)] = await outcomes(tmp_path, catalog, "m1", transport=moody)
    assert (stage, reason) == ("retrying", "503")


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (None, "ECONNRESET"),
        (HTTPError(503, url=URL), "503"),
        (ValueError("x"), "MIDDLEWARE_FAILED"),
    ],
)
async def test_middleware_is_at_fault_only_for_its_own_errors(
    tmp_path: Path, raised: DeliveryError | Exception | None, reason: str
) -> None:
    """A group of what lies further in does not hold the instance; an error of its own does."""

    async def further(outgoing: OutgoingRequest, handler: Handler) -> Response:
        return await handler(outgoing)

    async def layer(outgoing: OutgoingRequest, handler: Handler) -> Response:
        async def more() -> None:
            if raised is not None:
                raise raised

        async with asyncio.TaskGroup() as group:
            group.create_task(more())
            sent = group.create_task(further(outgoing, handler))
        return sent.result()

    found = await outcomes(
        tmp_path, wild(perform=requesting(200)), "m1", transport=unreachable, middleware=[layer]
    )
    assert [each[:2] for each in found] == [("retrying", reason)]
