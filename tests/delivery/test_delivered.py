"""Delivered means delivered: what left nothing at the partner is a fault of the plugin."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import re
import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import Item, event
from tests.delivery.wild import (
    SUBSCRIPTION,
    URL,
    config,
    deliveries_of,
    outcomes,
    running,
    well,
    wild,
)

from offramp import HTTPError, Idempotency, OutgoingRequest, RejectedError, Request, Response
from offramp.errors import DeliveryError
from offramp.queue import Stage

FILE = "test_delivered.py"


async def sleepy(outgoing: OutgoingRequest) -> Response:
    """A partner that takes everything, but not at once."""
    await asyncio.sleep(0.05)
    return Response(status=200, headers={}, body=b"", url=outgoing.url)


async def moody(outgoing: OutgoingRequest) -> Response:
    """A partner that answers with the status that the address ends in."""
    await asyncio.sleep(30 if outgoing.url.endswith("slow") else 0)
    return Response(status=int(outgoing.url[-3:]), headers={}, body=b"", url=outgoing.url)


async def no_await(request: Request[Any], _: Item) -> None:
    request.put(f"{URL}/1")  # type: ignore[unused-coroutine]


async def one_of_two(request: Request[Any], _: Item) -> None:
    await request.post(URL)
    request.post(f"{URL}/2")  # type: ignore[unused-coroutine]


async def task_not_begun(request: Request[Any], _: Item) -> None:
    kept.append(asyncio.create_task(request.post(f"{URL}/1")))


async def task_begun(request: Request[Any], _: Item) -> None:
    kept.append(asyncio.create_task(request.post(f"{URL}/1")))
    await asyncio.sleep(0.01)


async def task_of_a_helper(request: Request[Any], _: Item) -> None:
    async def helper() -> None:
        await request.post(f"{URL}/1")

    kept.append(asyncio.create_task(helper()))
    await asyncio.sleep(0.01)


async def gathered(request: Request[Any], _: Item) -> None:
    kept.append(asyncio.gather(request.post(f"{URL}/1"), request.post(f"{URL}/2")))


async def helper_not_awaited(request: Request[Any], _: Item) -> None:
    async def helper() -> None:
        await request.post(URL)

    helper().close()


async def nothing(*_: Any) -> None:
    pass


kept: list[Any] = []


@pytest.mark.parametrize(
    ("perform", "wanted"),
    [
        (
            no_await,
            rf"made a request and did not await it: PUT {URL}/1 \({FILE}:\d+, in no_await\)",
        ),
        (one_of_two, rf"did not await it: POST {URL}/2 \({FILE}:\d+, in one_of_two\)"),
        (task_not_begun, rf"did not await it: POST {URL}/1 \({FILE}:\d+, in task_not_begun\)"),
        (task_begun, rf"did not wait for its request POST {URL}/1 \({FILE}:\d+, in task_begun\)"),
        (task_of_a_helper, rf"did not wait for its request POST {URL}/1 \({FILE}:\d+, in helper\)"),
        (gathered, rf"did not await it: POST {URL}/1 \({FILE}:\d+, in gathered\)"),
        (helper_not_awaited, r"perform \(wild.py:\d+, in <lambda>\) sent nothing"),
        (nothing, r"perform \(wild.py:\d+, in <lambda>\) sent nothing: send a request, raise"),
    ],
)
async def test_a_request_that_nobody_waited_for_is_a_fault_of_the_plugin(
    tmp_path: Path, perform: Callable[..., Any], wanted: str
) -> None:
    """Never delivered, told with the line that made it, and never sent afterwards."""
    taken = []

    async def partner(outgoing: OutgoingRequest) -> Response:
        response = await sleepy(outgoing)
        taken.append(outgoing.url)
        return response

    kept.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        [(stage, reason, message)] = await outcomes(
            tmp_path, wild(perform=perform, may_send_nothing=False), "m1", transport=partner
        )
        gc.collect()
    assert (stage, reason) == ("retrying", "INTERNAL")
    assert re.search(wanted, message), message
    await asyncio.sleep(0.1)
    assert taken == ([URL] if perform is one_of_two else [])
    assert all(each.done() for each in kept)


async def test_batches_are_judged_alike(tmp_path: Path) -> None:
    """A batch that was made and not awaited is told once for each event of it."""

    async def perform_batch(request: Request[Any], payloads: Sequence[Item]) -> None:
        request.post(URL, json=[each.id for each in payloads])  # type: ignore[unused-coroutine]

    catalog = wild(perform_batch=perform_batch, may_send_nothing=False)
    found = await outcomes(tmp_path, catalog, "m1", "m2")
    assert {(stage, reason) for stage, reason, _ in found} == {("retrying", "INTERNAL")}
    assert all("did not await it" in message for _, _, message in found)


async def swallowed(request: Request[Any], _: Item) -> None:
    with contextlib.suppress(HTTPError):
        await request.post(f"{URL}/404")


async def swallowed_after_success(request: Request[Any], _: Item) -> None:
    await request.get(f"{URL}/200")
    await swallowed(request, _)


async def swallowed_silence(request: Request[Any], _: Item) -> None:
    try:
        async with asyncio.timeout(0.01):
            await request.post(f"{URL}/slow")
    except TimeoutError:
        pass


async def swallowed_beside_success(request: Request[Any], _: Item) -> None:
    await asyncio.gather(
        request.post(f"{URL}/500"), request.post(f"{URL}/200"), return_exceptions=True
    )


async def swallowed_before_it_left(request: Request[Any], _: Item) -> None:
    with contextlib.suppress(TypeError):
        await request.post(f"{URL}/200", json=object())


async def search_then_create(request: Request[Any], _: Item) -> None:
    try:
        await request.get(f"{URL}/404")
    except HTTPError:
        await request.post(f"{URL}/201")


async def looked_at(request: Request[Any], _: Item) -> None:
    answer = await request.delete(f"{URL}/404", check=False)
    assert answer.status == 404


async def fastest_of_two(request: Request[Any], _: Item) -> None:
    """The slower one is given up, which is no failure."""
    tasks = [asyncio.create_task(self) for self in both(request)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks[1].cancel()
    await asyncio.wait(tasks)


def both(request: Any) -> list[Any]:
    return [request.get(f"{URL}/200"), request.get(f"{URL}/slow")]


@pytest.mark.parametrize(
    "perform",
    [
        swallowed,
        swallowed_after_success,
        swallowed_silence,
        swallowed_beside_success,
        swallowed_before_it_left,
    ],
)
async def test_a_failure_that_was_swallowed_is_not_delivered(
    tmp_path: Path, perform: Callable[..., Any]
) -> None:
    """Told with the request's line and its failure, and with what to do."""
    [(stage, reason, message)] = await outcomes(
        tmp_path, wild(perform=perform, may_send_nothing=False), "m1", transport=moody
    )
    assert (stage, reason) == ("retrying", "INTERNAL")
    assert "perform (wild.py:" in message
    assert f"went on after its request POST {URL}/" in message
    assert f"({FILE}:" in message
    assert "let the error pass, or ask with `check=False`" in message


@pytest.mark.parametrize("perform", [search_then_create, looked_at, fastest_of_two])
async def test_a_failure_that_was_made_up_for_is_fine(
    tmp_path: Path, perform: Callable[..., Any]
) -> None:
    """Search, then create; an answer that was looked at; the loser of a race."""
    catalog = wild(perform=perform, may_send_nothing=False)
    found = await outcomes(tmp_path, catalog, "m1", transport=moody)
    assert found == [("delivered", "OK", "")]


async def test_an_action_that_may_send_nothing_says_so(tmp_path: Path) -> None:
    """Declared, it is delivered; a swallowed failure is none the less a fault."""
    found = await outcomes(tmp_path / "a", wild(perform=nothing, may_send_nothing=True), "m1")
    assert found == [("delivered", "OK", "")]
    catalog = wild(perform=swallowed, may_send_nothing=True)
    [(stage, reason, _)] = await outcomes(tmp_path / "b", catalog, "m1", transport=moody)
    assert (stage, reason) == ("retrying", "INTERNAL")


async def test_outcomes_that_tell_of_errors_are_believed(tmp_path: Path) -> None:
    """A batch that reports a refused payload did not swallow it; without a request nothing was."""

    async def reports(request: Request[Any], _: Any) -> list[DeliveryError | None]:
        try:
            await request.post(f"{URL}/422")
        except HTTPError:
            return [None, RejectedError("no")]
        return [None, None]

    async def silent(*_: Any) -> list[DeliveryError | None]:
        return [None, RejectedError("no")]

    catalog = wild(perform_batch=reports, may_send_nothing=False)
    found = await outcomes(tmp_path / "a", catalog, "m1", "m2", transport=moody)
    assert [stage for stage, _, _ in found] == ["delivered", "rejected"]
    catalog = wild(perform_batch=silent, may_send_nothing=False)
    found = await outcomes(tmp_path / "b", catalog, "m1", "m2", transport=moody)
    assert {(stage, reason) for stage, reason, _ in found} == {("retrying", "INTERNAL")}


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (lambda count: [None] * (count - 1), "1 outcome for 2 payloads"),
        (lambda count: True, "bool, not a list of outcomes"),
        (lambda count: [True] * count, "bool for this payload"),
    ],
)
@pytest.mark.parametrize("idempotency", [None, Idempotency(key="id", window=timedelta(days=1))])
async def test_what_the_partner_took_is_not_sent_again_for_an_odd_answer(
    tmp_path: Path, answer: Callable[[int], Any], wanted: str, idempotency: Idempotency | None
) -> None:
    """Outcomes that cannot be read end in a dead letter, with what to return instead.

    So they do where the partner recognizes repeats: a faulty plugin would only fail again.
    """
    sent = []

    async def perform_batch(request: Request[Any], payloads: Sequence[Item]) -> Any:
        await request.post(URL)
        sent.append(len(payloads))
        return answer(len(payloads))

    catalog = wild(perform_batch=perform_batch, may_send_nothing=False, idempotency=idempotency)
    found = await outcomes(tmp_path, catalog, "m1", "m2")
    for stage, reason, message in found:
        assert (stage, reason) == ("rejected", "PLUGIN_FAILED")
        assert wanted in message
        assert "return None if all were accepted, or a list with one entry" in message
    assert sent == [2]


async def test_an_explanation_tells_it_too(tmp_path: Path) -> None:
    """Who asks what would be sent hears that nothing would, or that it is not awaited."""
    for perform, wanted in ((nothing, "sent nothing"), (no_await, "did not await it: PUT")):
        catalog = wild(perform=perform, may_send_nothing=False)
        async with running(tmp_path / perform.__name__, catalog) as (engine, _):
            await engine.apply(config(catalog))
            explained = await engine.explain(SUBSCRIPTION, event("m1"))
        [fault] = explained["errors"]
        assert fault["method"] == "perform"
        assert wanted in fault["detail"]


async def test_a_later_try_may_deliver(tmp_path: Path) -> None:
    """A fault of the plugin is kept and tried again, as a mended plugin may succeed."""
    tries = []

    async def perform(request: Request[Any], _: Item) -> None:
        tries.append(1)
        if len(tries) > 1:
            await request.post(URL)

    catalog = wild(perform=perform, may_send_nothing=False)
    async with running(tmp_path, catalog, transport=well) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("m1")])
        assert await engine.wait_until_idle(timeout=10)
        [delivery] = await deliveries_of(ledger, "m1")
    assert (delivery.stage, len(tries)) == (Stage.DELIVERED, 2)
