"""Shows the progress of work that takes long, and follows work of the host to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.progress import Progress, ProgressColumn, TextColumn

from offramp.cli.client import Api
from offramp.cli.context import Context

#: Seconds between two requests for the progress.
LOOK_SECONDS: Final = 0.2


class Note(Protocol):
    """Shows the progress of a piece of work."""

    def __call__(self, doing: str, done: int = 0, total: int | None = None) -> None:
        """Show what is being done, how much of it is done, and of how much if that is known."""


@contextmanager
def show_progress(context: Context, doing: str, *columns: ProgressColumn) -> Iterator[Note]:
    """Show a line with more columns at a terminal; in a log or a pipe it would be noise."""
    progress = Progress(
        TextColumn("{task.description}"),
        *columns,
        console=context.err,
        disable=not context.err.is_terminal,
        transient=not columns,
    )
    with progress:
        task = progress.add_task(doing, total=None)

        def note(doing: str, done: int = 0, total: int | None = None) -> None:
            progress.update(task, description=doing, completed=done, total=total, refresh=True)

        yield note


async def follow(
    api: Api, resource: str, begun: Mapping[str, Any], *, while_in: Collection[str]
) -> AsyncIterator[Mapping[str, Any]]:
    """Ask for work of the host again and again while it is in some states; the last is its end."""
    yield begun
    while begun["state"] in while_in:
        await asyncio.sleep(LOOK_SECONDS)
        begun = await api.get(resource, begun["id"])
        yield begun
