"""A 401 among the outcomes of a batch: new tokens, and only those events go again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.delivery.parts import Item, event
from tests.delivery.wild import URL, config, running, wild

from offramp import AuthTokens, OutgoingRequest, RequestOptions, Response, _json
from offramp.delivery import attempt
from offramp.errors import HTTPError, InvalidAuthenticationError

FRESH = "fr3sh-access-token"


def extend(outgoing: OutgoingRequest) -> RequestOptions:
    token = "none" if outgoing.auth is None else outgoing.auth.access_token
    return RequestOptions(headers={"X-Access": token})


class Refusing:
    """A partner that takes the first half of a stale batch, and answers 401 for the others."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(self, outgoing: OutgoingRequest) -> Response:
        ids = _json.loads(outgoing.body or b"[]")
        self.batches.append(ids)
        fresh = outgoing.headers["X-Access"] == FRESH
        refused = [] if fresh else ids[len(ids) // 2 :]
        return Response(status=200, headers={}, body=_json.dumps(refused), url=outgoing.url)


async def by_event(request: Any, payloads: Sequence[Item]) -> list[Any]:
    """Send a batch, and report a 401 for each event that the partner refuses."""
    assert [each["messageId"] for each in request.events] == [each.id for each in payloads]
    answer = await request.post(URL, json=[each.id for each in payloads])
    refused = answer.json()
    return [InvalidAuthenticationError("401") if p.id in refused else None for p in payloads]


async def refreshed(_: Any) -> AuthTokens:
    return AuthTokens(access_token=FRESH)


async def unknown(_: Any) -> AuthTokens:
    raise HTTPError(503, url=URL)


@pytest.mark.parametrize(
    ("refresh", "again", "stages"),
    [
        (refreshed, ["m2", "m3"], ["delivered"] * 4),
        (unknown, [], ["delivered", "delivered", "retrying", "retrying"]),
    ],
    ids=["refreshed", "unknown"],
)
async def test_only_refused_events_of_a_batch_go_again(
    tmp_path: Any, refresh: Any, again: list[str], stages: list[str]
) -> None:
    """What was delivered is not sent twice, also where there are no new tokens."""
    partner = Refusing()
    catalog = wild(perform_batch=by_event, extend_request=extend, refresh_access_token=refresh)
    ids = ["m0", "m1", "m2", "m3"]
    async with running(tmp_path, catalog, transport=partner) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event(each) for each in ids])
        found: list[str] = []
        async with asyncio.timeout(10):
            while "waiting" in found or not found:
                records = [(await ledger.event(each))[0].deliveries[0] for each in ids]
                found = [each.stage.value for each in records]
                await asyncio.sleep(0.01)
    assert found == stages
    assert partner.batches[0] == ids
    assert partner.batches[1:2] == ([again] if again else [])


async def test_events_that_go_again_and_get_no_answer_are_the_partners(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat that takes too long is told as any call that does: not as the plugin's time-out."""
    monkeypatch.setattr(attempt, "LONGEST_CALL_SECONDS", 0.2)
    partner = Refusing()

    async def never_again(request: Any, payloads: Sequence[Item]) -> list[Any]:
        if partner.batches:
            await asyncio.sleep(60)
        return await by_event(request, payloads)

    catalog = wild(perform_batch=never_again, extend_request=extend, refresh_access_token=refreshed)
    async with running(tmp_path, catalog, transport=partner) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("m0")])
        async with asyncio.timeout(10):
            while True:
                delivery = (await ledger.event("m0"))[0].deliveries[0]
                if delivery.stage.value == "retrying":
                    break
                await asyncio.sleep(0.01)
    assert delivery.message == "the action did not end within 0.2 s"
