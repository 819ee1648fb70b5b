"""Commands for what failed for good: `dead-letters` lists it, `replay` gives it another round."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import attrs
from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from offramp.cli.client import Api, Where, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.mappings import read_mapping
from offramp.cli.render.tables import render_dead_letters, render_preview
from offramp.cli.times import moment
from offramp.errors import OfframpError, counted
from offramp.hooks import Command

Flag = Annotated[bool, Parameter(negative="")]
#: How often progress is looked at, in seconds.
LOOK_SECONDS: Final = 0.2


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Which:
    """Which deliveries are meant: all conditions that are given hold."""

    subscription: Annotated[str | None, Parameter(help="Only those of this subscription.")] = None
    reason: Annotated[
        str | None,
        Parameter(
            help="Only those that ended for this reason, such as PAYLOAD_VALIDATION_FAILED or 422."
        ),
    ] = None
    stage: Annotated[
        Literal["rejected", "expired"] | None,
        Parameter(help="Only the rejected, or only the expired."),
    ] = None
    since: Annotated[
        str | None, Parameter(help="Ended since then: 90m, 24h, 7d, or a time in ISO 8601.")
    ] = None
    until: Annotated[str | None, Parameter(help="Ended before then.")] = None

    def as_query(self) -> dict[str, str | None]:
        """The conditions as the control API takes them; times counted from now."""
        now = time.time()
        return {
            "subscription": self.subscription,
            "reason": self.reason,
            "stage": self.stage,
            "since": moment(self.since, now=now),
            "until": moment(self.until, now=now),
        }


class Replaying:
    """Look at what failed, and send it again."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.dead_letters, self.replay]

    async def dead_letters(
        self,
        *,
        which: Which | None = None,
        limit: int = 20,
        json: Flag = False,
        where: Where | None = None,
    ) -> None:
        """List deliveries that failed for good, latest first, with the reason and the id of each.

        Parameters
        ----------
        limit
            How many, at the most.
        json
            Write one JSON text a line instead of a table.
        """
        query = (which or Which()).as_query()
        async with open_api(where) as api:
            page = await api.get("dead-letters", limit=limit, **query)
            groups = (await api.get("errors", subscription=query["subscription"]))["groups"]
        self._context.show(page["rows"], lambda: render_dead_letters(page, groups), as_json=json)

    async def replay(  # noqa: PLR0913 - each is an option of the command
        self,
        *ids: str,
        which: Which | None = None,
        all: Flag = False,  # noqa: A002 - the option's name
        dry_run: Flag = False,
        mapping: str | None = None,
        json: Flag = False,
        where: Where | None = None,
    ) -> None:
        """Give deliveries that failed for good another round, with a new retry window.

        Parameters
        ----------
        ids
            The deliveries, by their ids; `offramp dead-letters` and `offramp events` tell them.
        all
            Every one there is; has to be said where nothing else says which.
        dry_run
            Send nothing: show what would be sent instead of what was.
        mapping
            With --dry-run: fields to map otherwise, as JSON or @FILE, laid over the mapping.
        json
            Write JSON instead of words.
        """
        body = {
            "ids": list(ids) or None,
            **(which or Which()).as_query(),
            "all": all,
            "dry_run": dry_run,
            "mapping": None if mapping is None else read_mapping(mapping),
        }
        async with open_api(where) as api:
            answer = await api.post(
                "replays", body={k: v for k, v in body.items() if v is not None}
            )
            if dry_run:
                preview = answer["preview"]
                self._context.show(preview["rows"], lambda: render_preview(preview), as_json=json)
            else:
                self._tell_end(await self._follow(api, answer["replay"]), as_json=json)

    async def _follow(self, api: Api, replay: Mapping[str, Any]) -> Mapping[str, Any]:
        progress = Progress(
            TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), console=self._context.err
        )
        with progress:
            task = progress.add_task("replaying", total=None)
            while replay["state"] in ("counting", "running"):
                await asyncio.sleep(LOOK_SECONDS)
                replay = await api.get("replays", replay["id"])
                progress.update(task, total=replay["total"], completed=replay["replayed"])
        return replay

    def _tell_end(self, replay: Mapping[str, Any], *, as_json: bool) -> None:
        if as_json:
            write_line(replay)
        if replay["error"] is not None:
            raise OfframpError(f"the replay stopped: {replay['error']}")
        if not as_json:
            n = replay["replayed"]
            due = counted(n, "delivery", "deliveries")
            told = f"{due} due again; `offramp status` tells what becomes of them"
            self._context.out.print(told if n else "nothing to replay: no dead letter matches")
