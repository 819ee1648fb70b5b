"""The cache of an instance: bounded, with an expiry of each entry, and one maker for each key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from offramp.http import MemoryCache

MINUTE = timedelta(minutes=1)


def test_an_entry_is_there_until_it_expires_or_is_deleted() -> None:
    """Each entry has an expiry of its own; a value may be any JSON data, or bytes."""
    now = 1000.0
    cache = MemoryCache(lambda: now)
    cache.set("token", {"access": "t"}, expires=MINUTE)
    cache.set("list", b"7", expires=2 * MINUTE)
    cache.set("gone", 1, expires=2 * MINUTE)
    cache.set("never", 1, expires=timedelta(0))
    cache.delete("gone")
    cache.delete("unknown")
    assert [cache.get(key) for key in ("token", "list", "gone", "never")] == [
        {"access": "t"}, b"7", None, None,
    ]  # fmt: skip
    now += 60
    assert [cache.get("token"), cache.get("list")] == [None, b"7"]


def test_the_least_recently_used_goes_where_there_are_too_many() -> None:
    """The number of entries is bounded; what was read lately stays."""
    cache = MemoryCache(lambda: 0.0, max_entries=2)
    cache.set("a", 1, expires=MINUTE)
    cache.set("b", 2, expires=MINUTE)
    assert cache.get("a") == 1
    cache.set("c", 3, expires=MINUTE)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_bytes_are_bounded_too() -> None:
    """Keys and values count; a value that is larger than the cache is not kept."""
    cache = MemoryCache(lambda: 0.0, max_bytes=20)
    cache.set("a", "12345678", expires=MINUTE)  # 1 byte, and 10 with the quotes
    cache.set("b", b"123456789", expires=MINUTE)
    assert cache.get("a") is None
    assert cache.get("b") == b"123456789"
    cache.set("b", "x" * 20, expires=MINUTE)
    assert cache.get("b") is None
    cache.set("c", b"123456789012345678", expires=MINUTE)
    assert cache.get("c") is not None  # what was replaced no longer counts


def test_a_value_without_a_size_is_refused() -> None:
    """Only JSON data and bytes can be measured; the error says so."""
    with pytest.raises(TypeError, match=r"a cache holds JSON data and bytes, not object: "):
        MemoryCache().set("a", object(), expires=MINUTE)


async def test_one_makes_a_value_for_all_who_ask() -> None:
    """While a value is made, others wait for it; afterwards it is in the cache."""
    cache = MemoryCache()
    made = 0

    async def make() -> str:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return f"token {made}"

    asked = [cache.get_or_make("token", make, expires=MINUTE) for _ in range(3)]
    assert await asyncio.gather(*asked) == ["token 1"] * 3
    assert await cache.get_or_make("token", make, expires=MINUTE) == "token 1"
    assert cache.get("token") == "token 1"
    cache.delete("token")
    assert await cache.get_or_make("token", make, expires=MINUTE) == "token 2"


async def test_an_error_reaches_all_who_wait_and_is_not_kept() -> None:
    """A failure is shared by those who asked meanwhile; the next one tries again."""
    cache = MemoryCache()

    async def fail() -> str:
        await asyncio.sleep(0)
        raise KeyError("no token")

    async def well() -> str:
        return "token"

    asked = [cache.get_or_make("token", fail, expires=MINUTE) for _ in range(2)]
    assert [str(each) for each in await asyncio.gather(*asked, return_exceptions=True)] == [
        "'no token'"
    ] * 2
    assert await cache.get_or_make("token", well, expires=MINUTE) == "token"


async def test_whoever_waits_makes_it_where_the_first_is_cancelled() -> None:
    """A call that is ended does not take those with it that wait for its value."""
    cache = MemoryCache()
    begun = asyncio.Event()

    async def hang() -> str:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def well() -> str:
        return "token"

    first = asyncio.create_task(cache.get_or_make("token", hang, expires=MINUTE))
    await begun.wait()
    second = asyncio.create_task(cache.get_or_make("token", well, expires=MINUTE))
    await asyncio.sleep(0)
    assert not second.done()
    first.cancel()
    assert await second == "token"
    assert first.cancelled()


async def test_what_was_deleted_while_it_was_made_is_not_kept() -> None:
    """A token that a partner refused must not come back from a call that fetched it before."""
    cache = MemoryCache()

    async def make() -> str:
        cache.delete("token")
        return "stale"

    assert await cache.get_or_make("token", make, expires=MINUTE) == "stale"
    assert cache.get("token") is None


async def test_a_maker_that_asks_for_its_own_value_is_told() -> None:
    """It would wait for itself without end."""
    cache = MemoryCache()

    async def make() -> Any:
        return await cache.get_or_make("token", make, expires=MINUTE)

    with pytest.raises(RuntimeError, match="making the value of 'token' asks the cache for"):
        await cache.get_or_make("token", make, expires=MINUTE)


def test_a_copy_has_a_life_of_its_own() -> None:
    """A dry run sees what deliveries keep, and leaves nothing behind."""
    cache = MemoryCache(lambda: 0.0)
    cache.set("a", 1, expires=MINUTE)
    copy = cache.copy()
    copy.set("b", 2, expires=MINUTE)
    copy.delete("a")
    assert [cache.get("a"), cache.get("b")] == [1, None]
    assert [copy.get("a"), copy.get("b")] == [None, 2]
