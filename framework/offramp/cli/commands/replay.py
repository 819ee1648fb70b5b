"""`offramp replay`: delivers dead letters again, and events that a subscription did not get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
from rich.progress import BarColumn, MofNCompleteColumn

from offramp.cli.client import API_DEFAULTS, Api, ApiOptions, open_api
from offramp.cli.context import Context
from offramp.cli.events import write_line
from offramp.cli.mappings import read_mapping
from offramp.cli.options import DeliveryFilters, Flag, Yes
from offramp.cli.progress import follow, show_progress
from offramp.cli.render.event import MINUTES, clock
from offramp.cli.render.tables import render_filtered, render_left_out, render_preview
from offramp.errors import OfframpError, counted

#: The states of a replay that has not ended.
RUNNING: Final = ("counting", "running")
#: The most events that a dry run of filtered events shows.
SHOWN: Final = 5


async def replay(  # noqa: PLR0913 - each is an option of the command
    context: Context,
    *ids: str,
    filters: DeliveryFilters | None = None,
    all: Flag = False,  # noqa: A002 - the option's name
    filtered: Flag = False,
    where: str | None = None,
    into: str | None = None,
    dry_run: Flag = False,
    yes: Yes = False,
    mapping: str | None = None,
    host: ApiOptions = API_DEFAULTS,
) -> None:
    """Deliver dead letters again, with a new retry window; or events that were filtered.

    Parameters
    ----------
    ids
        The deliveries, by id; `offramp dead-letters` and `offramp events` list the ids.
    all
        All dead letters; required if no id and no other filter is given.
    filtered
        Send what --subscription did not get through it as it is now: events that were filtered, or
        accepted before it existed. --since and --until are then times of acceptance.
    where
        With --filtered: only events that meet this condition, in FQL.
    into
        Deliver the dead letters to this subscription instead of their own.
    dry_run
        Send nothing: compare what would be sent with what was sent.
    mapping
        With --dry-run: fields that replace those of the mapping, as JSON or @FILE.
    """
    given = filters or DeliveryFilters()
    if filtered:
        _check_filtered(given)
    elif where is not None:
        raise OfframpError("--where is for filtered events: add --filtered")
    elif not (all or ids or given != DeliveryFilters()):
        raise OfframpError("name the ids of dead letters, or select some; --all means all of them")
    body = {
        "ids": list(ids) or None,
        **given.as_query(),
        "all": all or None,
        "filtered": filtered or None,
        "where": where,
        "into": into,
        "mapping": None if mapping is None else read_mapping(mapping),
    }
    body = {name: value for name, value in body.items() if value is not None}
    async with open_api(host) as api:
        run = _Run(context=context, api=api, body=body, as_json=host.json)
        if filtered:
            await run.replay_filtered(dry_run=dry_run, yes=yes)
        elif dry_run:
            await run.preview()
        else:
            await run.send()


def _check_filtered(given: DeliveryFilters) -> None:
    if not (given.subscription and given.since):
        raise OfframpError(
            "--filtered needs --subscription, which gets the events, and --since, from when on "
            "they were accepted"
        )


@attrs.frozen(kw_only=True)
class _Run:
    """A replay that the host is asked for, with its progress on standard error."""

    context: Context
    api: Api
    body: Mapping[str, Any]
    as_json: bool

    async def preview(self) -> None:
        """Show what a replay of dead letters would send."""
        preview = (await self._post(dry_run=True))["preview"]
        self.context.show(preview["rows"], lambda: render_preview(preview), as_json=self.as_json)

    async def replay_filtered(self, *, dry_run: bool, yes: bool) -> None:
        """Count filtered events and show some, ask, then send them."""
        if "mapping" in self.body and not dry_run:
            message = "save it in the subscription to send with it, then replay"
            raise OfframpError(f"--mapping is for a dry run: {message}")
        n = await self._try_filtered(quiet=self.as_json and not dry_run)
        if dry_run or not n:
            return
        if not yes:
            question = f"send {counted(n, 'event')} through {self.body['subscription']}?"
            self.context.confirm(question, refusal="nothing was sent")
        await self.send()

    async def _try_filtered(self, *, quiet: bool) -> int:
        """Count filtered events, and show some of what would be sent; answers how many."""
        answer = await self._post(dry_run=True, limit=SHOWN)
        replay = await self._follow(answer["replay"], "counting")
        preview = answer["preview"]
        rows = list(preview["rows"])
        while len(rows) < min(SHOWN, replay["total"]) and preview["cursor"] is not None:
            more = {"limit": SHOWN - len(rows), "cursor": preview["cursor"]}
            preview = (await self._post(dry_run=True, **more))["preview"]
            rows += preview["rows"]
        if not quiet:
            shown = [*rows, replay]
            self.context.show(shown, lambda: render_filtered(rows, replay), as_json=self.as_json)
        return int(replay["total"])

    async def send(self) -> None:
        """Start the replay, wait for its end, and say how many deliveries are due again."""
        replay = await self._follow((await self._post())["replay"], "replaying")
        if self.as_json:
            write_line(replay)
            return
        n = replay["replayed"]
        due = counted(n, "delivery", "deliveries")
        done = f"{due} due again; `offramp status` shows their outcomes"
        nothing = "nothing to replay: no dead letter matches"
        if replay["skipped"]:
            nothing = "nothing is due again"
        self.context.out.print(done if n else nothing)
        if replay["skipped"] and replay["kind"] == "dead letters":
            self.context.out.print(render_left_out(replay["skipped"]))

    async def _post(self, **more: Any) -> Any:
        return await self.api.post("replays", body={**self.body, **more})

    async def _follow(self, replay: Mapping[str, Any], doing: str) -> Mapping[str, Any]:
        """Wait for the end of a replay; raises `OfframpError` if it failed."""
        bar = (BarColumn(), MofNCompleteColumn())
        with show_progress(self.context, doing, *bar) as note:
            async for each in follow(self.api, "replays", replay, while_in=RUNNING):
                replay = each
                note(_described(doing, replay), *_progress(replay))
        if replay["error"] is not None:
            raise OfframpError(f"the replay stopped: {replay['error']}")
        return replay


def _described(doing: str, replay: Mapping[str, Any]) -> str:
    if replay["reached_at"] is None:
        return doing
    return f"{doing}, back to {clock(replay['reached_at'])[:MINUTES]}Z"


def _progress(replay: Mapping[str, Any]) -> tuple[int, int | None]:
    """How much of a replay is done, and of how much, if that is known."""
    if replay["dry_run"]:
        return replay["scanned"], None
    # A search finds more as it goes on, so how many there are is not known before.
    return replay["replayed"], replay["total"] if replay["kind"] == "dead letters" else None
