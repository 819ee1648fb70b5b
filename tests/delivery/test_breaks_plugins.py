"""Whatever a plugin raises or returns, the host goes on and each delivery has an outcome."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import Item
from tests.delivery.wild import URL, outcomes, well, wild

from offramp import Fault, OutgoingRequest, Response
from offramp.errors import DeliveryError, RejectedError, RetryableError

LONE = "\ud83d"


class UnreadableError(Exception):
    """Breaks even on being read."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class BareError(DeliveryError):
    """Forgets to call the constructor above."""

    def __init__(self) -> None:
        pass


async def post(request: Any, payload: Item) -> None:
    await request.post(URL, json=payload.id)


def raising(error: BaseException) -> Callable[..., Any]:
    async def raise_it(*_: Any) -> None:
        raise error

    return raise_it


def answering(answer: Callable[[], Any]) -> Callable[..., Any]:
    async def answer_it(*_: Any) -> Any:
        return answer()

    return answer_it


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        UnreadableError(),
        BareError(),
        DeliveryError("x", status="500"),  # type: ignore[arg-type]
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_exception_of_a_plugin_stops_the_host(tmp_path: Path, error: Any) -> None:
    """What is no sound `DeliveryError` is a bug, kept as `INTERNAL` and tried again."""
    [(stage, reason, message)] = await outcomes(tmp_path, wild(perform=raising(error)), "m1")
    assert (stage, reason) == ("retrying", "INTERNAL")
    assert type(error).__name__ in message


@pytest.mark.parametrize(
    ("error", "stage", "reason", "message"),
    [
        (RejectedError(5), "rejected", "MESSAGE_REJECTED", "5"),  # type: ignore[arg-type]
        (RejectedError("x", code=404), "rejected", "404", "x"),  # type: ignore[arg-type]
        (RejectedError("x", code=""), "rejected", "MESSAGE_REJECTED", "x"),
        (RejectedError("x", status=10**30), "rejected", "MESSAGE_REJECTED", "x"),
        (RejectedError(LONE, code=f"C{LONE}"), "rejected", "C\ufffd", "\ufffd"),
        (RejectedError("x", code="C" * 10_000), "rejected", "C" * 100, "x"),
        (RetryableError("x", retry_after="5"), "retrying", "RETRY", "x"),  # type: ignore[arg-type]
        (RetryableError("x", retry_after=math.nan), "retrying", "RETRY", "x"),
        (RetryableError("x", retry_after=math.inf), "retrying", "RETRY", "x"),
    ],
)
async def test_an_error_with_odd_parts_is_mended(
    tmp_path: Path, error: Any, stage: str, reason: str, message: str
) -> None:
    """An error whose parts cannot be stored would be tried every minute without an end."""
    found = await outcomes(tmp_path, wild(perform=raising(error)), "m1")
    assert found == [(stage, reason, message)]


async def waits_shortly(request: Any, payload: Item) -> None:
    async with asyncio.timeout(0.01):
        await request.post(f"{URL}/slow")


async def waits_for_several(request: Any, payload: Item) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(waits_shortly(request, payload))


@pytest.mark.parametrize("perform", [waits_shortly, waits_for_several])
async def test_a_plugin_that_waits_no_longer_has_no_bug(tmp_path: Path, perform: Any) -> None:
    """Its own bound on a request is a time-out as the client's is, told with its line."""

    async def slow(outgoing: OutgoingRequest) -> Response:
        await asyncio.sleep(5)
        return await well(outgoing)

    [(stage, reason, message)] = await outcomes(
        tmp_path, wild(perform=perform), "m1", transport=slow
    )
    assert (stage, reason) == ("retrying", "ETIMEDOUT")
    assert "own timeout ended it: TimeoutError (test_breaks_plugins.py:" in message


@pytest.mark.parametrize(
    "answer",
    [
        lambda: [None],
        lambda: (each for each in [None, None, None]),
        lambda: "abc",
        lambda: {1: None, 2: None, 3: None},
        lambda: 5,
        lambda: [True, True, True],
        lambda: [ValueError("a"), ValueError("b"), ValueError("c")],
    ],
    ids=["too few", "generator", "text", "object", "number", "true", "other errors"],
)
async def test_an_answer_that_is_no_list_of_outcomes_is_a_bug(tmp_path: Path, answer: Any) -> None:
    """`perform_batch` may answer nothing, or one `DeliveryError` or `None` for each payload."""
    requests = []

    async def perform_batch(_: Any, payloads: Any) -> Any:
        requests.append(len(payloads))
        return answer() if len(payloads) == 3 else None

    found = await outcomes(tmp_path, wild(perform_batch=perform_batch), "m1", "m2", "m3")
    assert requests[0] == 3
    assert {reason for _, reason, _ in found} <= {"INTERNAL", "OK"}
    assert any(reason == "INTERNAL" for _, reason, _ in found) or len(requests) > 1


async def test_outcomes_that_share_one_error_are_taken_as_they_are(tmp_path: Path) -> None:
    """A plugin that reports per payload is believed, also where it reports one error for all."""
    requests = []
    error = RejectedError("bad")

    async def perform_batch(_: Any, payloads: Any) -> Any:
        requests.append(len(payloads))
        return [error] * len(payloads)

    found = await outcomes(tmp_path, wild(perform_batch=perform_batch), "m1", "m2", "m3")
    assert {stage for stage, _, _ in found} == {"rejected"}
    assert requests == [3]


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), UnreadableError()])
async def test_what_a_check_raises_ends_one_event_only(
    tmp_path: Path, error: BaseException
) -> None:
    """`validate` may raise anything: the events beside the one it trips over are delivered."""

    def validate(payload: Item, **_: object) -> tuple[()]:
        if payload.id == "m2":
            raise error
        return ()

    catalog = wild(perform=answering(lambda: None), validate=validate)
    found = await outcomes(tmp_path, catalog, "m1", "m2", "m3")
    assert [reason for _, reason, _ in found] == ["OK", "INTERNAL", "OK"]


async def test_a_header_that_is_not_utf8_does_not_keep_an_event_from_its_end(
    tmp_path: Path,
) -> None:
    """One byte of Latin-1 in a partner's header: delivered, once."""
    taken = []

    async def latin(outgoing: OutgoingRequest) -> Response:
        taken.append(outgoing)
        header = b"caf\xe9".decode(errors="surrogateescape")  # as aiohttp reads it
        return Response(status=200, headers={"X-Place": header}, body=b"\xff", url=outgoing.url)

    found = await outcomes(tmp_path, wild(perform=post), "m1", transport=latin)
    assert found == [("delivered", "OK", "")]
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (raising(SystemExit(1)), "MIDDLEWARE_FAILED"),
        (raising(ValueError("x")), "MIDDLEWARE_FAILED"),
        (answering(lambda: None), "INTERNAL"),
        (answering(lambda: Response(status="200", headers={}, body="x")), "INTERNAL"),  # type: ignore[arg-type]
    ],
    ids=["exits", "raises", "swallows", "odd answer"],
)
async def test_a_broken_middleware_is_a_bug_in_a_plugin(
    tmp_path: Path, layer: Any, reason: str
) -> None:
    """Middleware that raises, or answers with what is no answer, is tried again."""
    found = await outcomes(tmp_path, wild(perform=post), "m1", middleware=[layer])
    assert [each[:2] for each in found] == [("retrying", reason)]


async def test_an_exchange_that_the_plugin_made_up_is_not_kept(tmp_path: Path) -> None:
    """What a plugin writes into the record of its requests does not undo the delivery."""

    async def perform(request: Any, payload: Item) -> None:
        await post(request, payload)
        request.exchanges.append("junk")

    found = await outcomes(tmp_path, wild(perform=perform), "m1", transport=well)
    assert found == [("delivered", "OK", "")]


async def test_an_action_that_never_returns_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a time-out, which is tried again, and the worker goes on."""
    monkeypatch.setattr(sys.modules["offramp.delivery.attempt"], "LONGEST_CALL_SECONDS", 0.05)

    async def perform(_: Any, payload: Item) -> None:
        if payload.id == "m1":
            await asyncio.Event().wait()

    found = await outcomes(tmp_path, wild(perform=perform), "m1", "m2")
    assert [reason for _, reason, _ in found] == ["ETIMEDOUT", "OK"]


async def test_an_observer_that_exits_stops_nothing(tmp_path: Path) -> None:
    """What observes runs after the outcome is on disk, and may raise anything."""

    def observe(_: Any) -> None:
        raise SystemExit(1)

    def validate(payload: Item, **_: object) -> list[Fault]:
        return [Fault("$.id", "is late")] if payload.id == "m2" else []

    catalog = wild(perform=answering(lambda: None), validate=validate, observe=observe)
    found = await outcomes(tmp_path, catalog, "m1", "m2")
    assert [reason for _, reason, _ in found] == ["OK", "PAYLOAD_VALIDATION_FAILED"]
