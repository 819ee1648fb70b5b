"""Commands for what failed for good: `dead` lists it, `replay` gives it another round."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from offramp.cli.client import Api, Where, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.mappings import read_mapping
from offramp.cli.moments import moment
from offramp.cli.tables import render_dead, render_preview
from offramp.errors import OfframpError
from offramp.hooks import Command

Flag = Annotated[bool, Parameter(negative="")]
#: How often progress is looked at, in seconds.
LOOK_SECONDS: Final = 0.2


class Replaying:
    """Look at what failed, and send it again."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def commands(self) -> Iterable[Command]:
        """The commands of this module."""
        return [self.dead, self.replay]

    async def dead(  # noqa: PLR0913 - each is an option of the command
        self,
        *,
        subscription: str | None = None,
        reason: str | None = None,
        stage: Literal["rejected", "expired"] | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 20,
        json: Flag = False,
        where: Where | None = None,
    ) -> None:
        """List deliveries that failed for good, latest first, with the reason and the id of each.

        Parameters
        ----------
        subscription
            Only those of this subscription.
        reason
            Only those that ended for this reason, such as PAYLOAD_VALIDATION_FAILED or 422.
        stage
            Only the rejected, or only the expired.
        since
            Ended since then: 90m, 24h, 7d, or a time in ISO 8601.
        until
            Ended before then.
        limit
            How many, at the most.
        json
            Write one JSON text a line instead of a table.
        """
        query = {
            "subscription": subscription,
            "reason": reason,
            "stage": stage,
            **_range(since, until),
        }
        async with open_api(where) as api:
            page = await api.get("dead", limit=limit, **query)
            groups = (await api.get("errors", subscription=subscription))["groups"]
        if json:
            for row in page["rows"]:
                write_line(row)
        else:
            self._context.out.print(render_dead(page, groups))

    async def replay(  # noqa: PLR0913 - each is an option of the command
        self,
        *ids: str,
        subscription: str | None = None,
        reason: str | None = None,
        stage: Literal["rejected", "expired"] | None = None,
        since: str | None = None,
        until: str | None = None,
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
            The deliveries, by their ids; `offramp dead` and `offramp events` tell them.
        subscription
            Only those of this subscription.
        reason
            Only those that ended for this reason.
        stage
            Only the rejected, or only the expired.
        since
            Ended since then: 90m, 24h, 7d, or a time in ISO 8601.
        until
            Ended before then.
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
            "subscription": subscription,
            "reason": reason,
            "stage": stage,
            **_range(since, until),
            "all": all,
            "dry_run": dry_run,
            "mapping": None if mapping is None else read_mapping(mapping),
        }
        async with open_api(where) as api:
            answer = await api.post("replay", body={k: v for k, v in body.items() if v is not None})
            if dry_run:
                self._tell_preview(answer["preview"], as_json=json)
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

    def _tell_preview(self, preview: Mapping[str, Any], *, as_json: bool) -> None:
        if as_json:
            for row in preview["rows"]:
                write_line(row)
        else:
            self._context.out.print(render_preview(preview))

    def _tell_end(self, replay: Mapping[str, Any], *, as_json: bool) -> None:
        if as_json:
            write_line(replay)
        if replay["error"] is not None:
            raise OfframpError(f"the replay stopped: {replay['error']}")
        if not as_json:
            n = replay["replayed"]
            what = "1 delivery" if n == 1 else f"{n:,} deliveries"
            told = f"{what} due again; `offramp status` tells what becomes of them"
            self._context.out.print(told if n else "nothing to replay: no dead delivery is like it")


def _range(since: str | None, until: str | None) -> dict[str, str | None]:
    now = time.time()
    return {"since": moment(since, now=now), "until": moment(until, now=now)}
