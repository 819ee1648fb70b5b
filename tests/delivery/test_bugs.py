"""What a plugin raises is told with its own line, and once with its traceback in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.parts import Item, event
from tests.delivery.wild import (
    SUBSCRIPTION,
    TOKEN,
    URL,
    config,
    deliveries_of,
    outcomes,
    running,
    wild,
)

from offramp import Request, RequestOptions
from offramp.http.exchange import MAX_EARLIER

FILE = "test_bugs.py"
LOG = "offramp.delivery.failures"


def deeper(text: str) -> object:
    return dict[str, object]()[text]


async def looks_up(*_: Any) -> None:
    deeper("nope")


async def breaks_in_a_library(*_: Any) -> None:
    json.loads("no json")


async def misuses_the_client(request: Request[Any], _: Item) -> None:
    await request.post(URL, jsn={})  # type: ignore[call-arg]  # the mistake


async def ends_an_iteration(*_: Any) -> None:
    next(iter(()))


async def ends_a_generator(*_: Any) -> None:
    def numbers() -> Iterator[int]:
        yield next(iter(()))

    list(numbers())


async def ends_an_async_iteration(*_: Any) -> None:
    raise StopAsyncIteration


async def ends_an_async_generator(*_: Any) -> None:
    async def numbers() -> AsyncIterator[int]:
        if not _[2:]:
            raise StopAsyncIteration
        yield 1

    async for _number in numbers():
        pass


async def says_nothing(*_: Any) -> None:
    raise ValueError


async def asserts(*_: Any) -> None:
    assert not _


async def breaks_in_a_group(*_: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(looks_up())


async def breaks_in_groups(*_: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(breaks_in_a_group())
        group.create_task(asyncio.sleep(0))


async def gathers_errors(*_: Any) -> None:
    """An older way to the same group."""
    errors = await asyncio.gather(looks_up(), says_nothing(), return_exceptions=True)
    raise ExceptionGroup("several", [each for each in errors if isinstance(each, Exception)])


async def exits_in_a_group(*_: Any) -> None:
    raise BaseExceptionGroup("several", [SystemExit(1)])


@pytest.mark.parametrize(
    ("perform", "wanted"),
    [
        (
            ends_an_iteration,
            rf"RuntimeError: coroutine raised StopIteration \({FILE}:\d+, in ends_an_iteration\)",
        ),
        (
            ends_a_generator,
            rf"RuntimeError: generator raised StopIteration \({FILE}:\d+, in numbers\)",
        ),
        (
            ends_an_async_iteration,
            rf"StopAsyncIteration \({FILE}:\d+, in ends_an_async_iteration\)",
        ),
        (ends_an_async_generator, rf"RuntimeError: .* \({FILE}:\d+, in numbers\)"),
        (says_nothing, rf"ValueError \({FILE}:\d+, in says_nothing\)"),
        (asserts, rf"AssertionError.* \({FILE}:\d+, in asserts\)"),
        (breaks_in_a_group, rf"KeyError: 'nope' \({FILE}:\d+, in deeper\)"),
        (breaks_in_groups, rf"KeyError: 'nope' \({FILE}:\d+, in deeper\)"),
        (gathers_errors, rf"KeyError: 'nope' \({FILE}:\d+, in deeper\)"),
        (exits_in_a_group, r"SystemExit: 1"),
        (looks_up, rf"KeyError: 'nope' \({FILE}:\d+, in deeper\)"),
        (breaks_in_a_library, rf"JSONDecodeError: .* \({FILE}:\d+, in breaks_in_a_library\)"),
        (misuses_the_client, rf"TypeError: .*'jsn'.* \({FILE}:\d+, in misuses_the_client\)"),
    ],
)
async def test_the_innermost_line_of_the_plugin_is_told(
    tmp_path: Path, perform: Any, wanted: str
) -> None:
    """Not the line of a library, nor of the framework: that of the plugin's own code."""
    [(_, reason, message)] = await outcomes(tmp_path, wild(perform=perform), "m1")
    assert reason == "INTERNAL"
    assert re.fullmatch(f"the plugin raised {wanted}", message), message


async def test_the_log_has_each_traceback_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However many events trip over it; secrets are masked."""

    async def perform(request: Request[Any], payload: Item) -> None:
        if payload.id == "m9":
            deeper("another place")
        raise ValueError(f"{request.settings.token} of {payload.id}")

    with caplog.at_level(logging.ERROR, LOG):
        await outcomes(tmp_path, wild(perform=perform), *[f"m{n}" for n in range(10)])
    logged = [record.getMessage() for record in caplog.records if record.name == LOG]
    assert len(logged) == 2
    assert all("Traceback (most recent call last)" in each for each in logged)
    assert all(f'{FILE}", line' in each for each in logged)
    assert sum("*** of m" in each for each in logged) == 1
    assert not any(TOKEN in each for each in logged)


async def test_options_of_another_type_are_told(tmp_path: Path) -> None:
    """A dict from `extend_request` is told by its name, with what to return instead."""

    async def perform(request: Request[Any], _: Item) -> None:
        await request.post(URL)

    catalog = wild(perform=perform, extend_request=lambda *_: {"headers": {}})
    [(_, reason, message)] = await outcomes(tmp_path, catalog, "m1")
    assert reason == "INTERNAL"
    assert message == (
        "extend_request returned dict, and not RequestOptions: return RequestOptions(headers={...})"
    )
    assert isinstance(RequestOptions(headers={}), RequestOptions)


@pytest.mark.parametrize("count", [1, 3, MAX_EARLIER + 5])
async def test_a_record_has_all_requests_of_a_call(tmp_path: Path, count: int) -> None:
    """In order, the last at the top; beyond the bound it says how many are left out."""

    async def perform(request: Request[Any], _: Item) -> None:
        for number in range(count):
            await request.post(f"{URL}/{number}")

    catalog = wild(perform=perform)
    async with running(tmp_path, catalog) as (engine, ledger):
        await engine.apply(config(catalog))
        await engine.accept("site", [event("m1")])
        [delivery] = await deliveries_of(ledger, "m1")
    assert delivery.exchange is not None
    record = json.loads(delivery.exchange)
    shown = [each["url"] for each in [*record.get("earlier", []), record]]
    first = max(0, count - MAX_EARLIER - 1)
    assert shown == [f"{URL}/{number}" for number in range(first, count)]
    assert record.get("left_out", 0) == first


async def together(request: Request[Any], _: Item) -> None:
    await asyncio.gather(*(request.post(f"{URL}/{number}") for number in range(3)))


async def one_by_one(request: Request[Any], _: Item) -> None:
    for number in range(3):
        await request.post(f"{URL}/{number}")


async def reading_the_last(request: Request[Any], item: Item) -> None:
    await one_by_one(request, item)
    await request.get(f"{URL}/3/{(await request.get(f'{URL}/3')).json()['id']}")


async def without_end(request: Request[Any], _: Item) -> None:
    number = 0
    while not (await request.get(f"{URL}/{number}")).json().get("done"):
        number += 1


@pytest.mark.parametrize(
    ("perform", "count", "stopped"),
    [
        (together, 3, None),
        (one_by_one, 3, None),
        (reading_the_last, 4, "the plugin raised KeyError: 'id' (test_bugs.py:"),
        (without_end, MAX_EARLIER + 1, "after 10 requests the dry run ends"),
    ],
)
async def test_an_explanation_has_all_requests_of_a_call(
    tmp_path: Path, perform: Any, count: int, stopped: str | None
) -> None:
    """As if the partner answered each; where the action needs another answer, it says so."""
    catalog = wild(perform=perform)
    async with running(tmp_path, catalog) as (engine, _):
        await engine.apply(config(catalog))
        explained = await engine.explain(SUBSCRIPTION, event("m1"))
    request = explained["request"]
    urls = [each["url"] for each in [*request["earlier"], request]]
    assert sorted(urls) == [f"{URL}/{number}" for number in range(count)]
    assert "left_out" not in request
    assert explained["errors"] == []
    assert (explained["stopped"] or "").startswith(stopped or "")
    assert (explained["stopped"] is None) == (stopped is None)
