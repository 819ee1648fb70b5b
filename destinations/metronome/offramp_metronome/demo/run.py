"""Runs the demonstration: starts everything, sends events, shows the results, stops."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from offramp import CommandContext, OfframpError, RunningHost
from offramp_metronome.demo.scenario import CONFIG, SUBSCRIPTION, TOKEN, WRITE_KEY, Call, calls
from offramp_metronome.demo.show import heading, show_calls, show_reasons, show_stored
from offramp_metronome.destination import BASE_URL_VARIABLE
from offramp_metronome.emulator import Emulator

#: Longest wait. Everything is on this machine, so a longer wait means that something is wrong.
PATIENCE_SECONDS: Final = 30.0
#: The events that the demonstration explains: one that matches, one that does not.
EXPLAINED: Final = ("evt-1", "evt-2")


async def run_demo(context: CommandContext, *, keep: bool = False) -> None:
    """Run the demonstration; with `keep` everything keeps running until interrupted."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="offramp-demo-") as folder:
        async with Emulator(token=TOKEN) as emulator:
            with _base_url(emulator.url):
                async with context.host(CONFIG, folder=Path(folder)) as host:
                    await _show(console, context, host, emulator)
                    if keep:
                        await _keep(console, host, emulator, Path(folder))
    console.print(
        "\nEverything has stopped. This leaves it running, with the host's web console:\n"
        f"{_program()} demo --keep",
        soft_wrap=True,
        markup=False,
    )


async def _show(
    console: Console, context: CommandContext, host: RunningHost, emulator: Emulator
) -> None:
    console.print(f"An Offramp host listens at {host.url}, Metronome's emulator at {emulator.url}.")
    now = datetime.now(UTC)
    made = list(calls(now))
    heading(console, 1, "Segment's Python SDK sends events to the host; these are the outcomes")
    await _send(host.url, now)
    if not await host.wait_until_idle(timeout=PATIENCE_SECONDS):
        raise OfframpError(f"events were still in flight after {PATIENCE_SECONDS:g} seconds")
    records = await _records(host, made)
    show_calls(console, [call for call in made if call.shows != "more usage"], records)
    more = [call for call in made if call.shows == "more usage"]
    ended = {d["stage"] for call in more for d in records[call.message_id]["deliveries"]}
    console.print(f"… and {len(more)} more of them: {', '.join(sorted(ended))}")
    heading(console, 2, "Why were these not billed? The host has a reason for each event")
    show_reasons(console, [await _with_reason(host, record) for record in records.values()])
    heading(console, 3, "The trigger and the mapping of two events, with the request")
    for message_id in EXPLAINED:
        console.print(f"\n{message_id}")
        event = records[message_id]["event"]
        console.print(context.render(await host.explain(SUBSCRIPTION, event)))
    heading(console, 4, "What Metronome stored, each event once")
    show_stored(console, emulator.events)
    stats = emulator.stats()
    requests = stats.answers["/v1/ingest"]["200"]
    console.print(
        f"{stats.events_stored} events stored; requests (of up to 100 events): {requests}; "
        f"duplicates: {stats.duplicates}; refused: {stats.events_refused}"
    )


async def _send(url: str, now: datetime) -> None:
    if importlib.util.find_spec("segment") is None:
        raise OfframpError(
            "the demo sends with Segment's SDK: pip install segment-analytics-python"
        )
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "offramp_metronome.demo.sender", url, now.isoformat()
    )
    if await sender.wait():
        raise OfframpError("Segment's SDK could not send; its message is above")


async def _with_reason(host: RunningHost, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event's record; the message of a filtered event names the conditions that are false."""
    [delivery] = record["deliveries"]
    if delivery["stage"] != "filtered":
        return record
    explanation = await host.explain(SUBSCRIPTION, record["event"])
    false = [c["text"] for c in explanation["trigger"]["children"] if not c["result"]]
    message = "the trigger requires " + " and ".join(false)
    return {**record, "deliveries": [{**delivery, "message": message}]}


async def _records(host: RunningHost, made: Sequence[Call]) -> dict[str, Mapping[str, Any]]:
    records = {}
    for call in made:
        record = await host.event(call.message_id)
        if record is not None:
            records[call.message_id] = record
    return records


@contextmanager
def _base_url(url: str) -> Iterator[None]:
    before = os.environ.get(BASE_URL_VARIABLE)
    os.environ[BASE_URL_VARIABLE] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ[BASE_URL_VARIABLE]
        else:
            os.environ[BASE_URL_VARIABLE] = before


async def _keep(console: Console, host: RunningHost, emulator: Emulator, folder: Path) -> None:
    heading(console, 5, "Everything keeps running; Ctrl-C ends it")
    event = '{"type": "track", "userId": "you", "event": "billing_event", "properties": {}}'
    console.print(
        f"The host's web console is at {host.url}/; the first command below opens it, signed in."
    )
    program = _program()
    console.print(
        f"{program} console --data-dir {folder}\n"
        f"{program} events {EXPLAINED[1]} --data-dir {folder}\n"
        f"{program} status --data-dir {folder}\n"
        f"curl -u {WRITE_KEY}: {host.url}/v1/track -d '{event}'\n"
        f"curl {emulator.url}/_emulator/stats",
        soft_wrap=True,
        markup=False,
    )
    await asyncio.Event().wait()


def _program() -> str:
    """What to type for `offramp`: its path, where it is not on PATH."""
    if shutil.which("offramp"):
        return "offramp"
    path = Path(sys.executable).with_name("offramp")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
