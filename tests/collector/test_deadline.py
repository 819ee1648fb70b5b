"""A time limit that all who wait share."""

from __future__ import annotations

import asyncio

import pytest

from offramp.collector.limits import Deadline

SHORT, LONG = 0.02, 30.0


async def test_what_is_done_in_time_is_left_alone() -> None:
    """The value comes through, and nothing happens later on."""
    deadline = Deadline(SHORT)
    with deadline:
        value = await asyncio.sleep(0, "value")
    await asyncio.sleep(2 * SHORT)
    assert value == "value"


async def test_whoever_takes_too_long_is_ended_and_nobody_else() -> None:
    """Each block has its own time from its own beginning, again and again."""
    deadline = Deadline(SHORT)
    loop = asyncio.get_running_loop()

    async def block(pause: float, seconds: float) -> bool:
        await asyncio.sleep(pause)
        began = loop.time()
        try:
            with deadline:
                await asyncio.sleep(seconds)
        except TimeoutError:
            assert SHORT * 0.9 <= loop.time() - began < LONG
            return False
        return True

    for _ in range(2):
        blocks = [block(0, LONG), block(SHORT / 2, LONG), block(SHORT / 2, 0), block(0, 0)]
        assert await asyncio.gather(*blocks) == [False, False, True, True]
        await asyncio.sleep(2 * SHORT)


async def test_an_error_of_the_block_is_its_own() -> None:
    """It is no timeout, and the block is over."""
    deadline = Deadline(SHORT)
    with pytest.raises(ZeroDivisionError), deadline:
        raise ZeroDivisionError
    await asyncio.sleep(2 * SHORT)


async def test_a_task_that_others_cancel_stays_cancelled() -> None:
    """Nobody takes the end of the host for a slow disk, not even at the same moment."""
    deadline = Deadline(SHORT)
    inside = asyncio.Event()

    async def block() -> None:
        with deadline:
            inside.set()
            await asyncio.sleep(LONG)

    task = asyncio.create_task(block())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def cancels_too() -> None:
        with deadline:
            try:
                await asyncio.sleep(LONG)
            finally:
                both.cancel()

    both = asyncio.create_task(cancels_too())
    with pytest.raises(asyncio.CancelledError):
        await both
    assert both.cancelled()


async def test_a_late_block_that_ends_by_itself_is_no_longer_cancelled() -> None:
    """What the block raises instead is told, and the task goes on."""
    deadline = Deadline(SHORT)

    async def block() -> None:
        with deadline:
            try:
                await asyncio.sleep(LONG)
            except asyncio.CancelledError:
                raise KeyError from None

    with pytest.raises(KeyError):
        await block()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_thousands_that_are_late_end_at_once() -> None:
    """A disk that hangs under full load: the end of all takes no longer than their limit."""
    deadline = Deadline(SHORT)

    async def block() -> None:
        with deadline:
            await asyncio.sleep(LONG)

    async with asyncio.timeout(LONG / 3):
        ends = await asyncio.gather(*(block() for _ in range(20_000)), return_exceptions=True)
    assert {type(end) for end in ends} == {TimeoutError}
