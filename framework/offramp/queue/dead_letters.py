"""All dead letters that a filter means, page by page: for a replay, and for whoever counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from offramp.queue.protocol import Queue
    from offramp.queue.values import DeadLetterFilter, Delivery

#: Dead letters of one page: what a replay then writes is short, so that accepts and settles hardly
#: wait for it.
PAGE: Final = 500


async def dead_letter_pages(
    queue: Queue, which: DeadLetterFilter
) -> AsyncIterator[Sequence[Delivery]]:
    """Read the dead letters that are meant, latest end first; no page is empty.

    One that is replayed and ends again meanwhile is above the place reached, so it does not come
    twice.
    """
    cursor: str | None = None
    while True:
        page = await queue.dead_letters(which, limit=PAGE, cursor=cursor)
        if page.rows:
            yield page.rows
        if page.cursor is None:
            return
        cursor = page.cursor
