"""A client that sends as fast as it is answered, and remembers what was accepted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import attrs

LARGEST_BATCH: Final = 60
REQUEST_SECONDS: Final = 5.0
#: The customer of whom the partner wants to hear nothing.
POISON: Final = "the-poisoned-customer"
#: What a client waits when nobody listens.
PAUSE_SECONDS: Final = 0.05


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@attrs.define(kw_only=True, eq=False)
class Load:
    """Events with ids of their own; `accepted` holds those whose batch was answered with 200."""

    url: Callable[[], str]
    #: The write key.
    key: Callable[[], str]
    rng: random.Random
    sent: int = 0
    #: Those of the sent whose request has ended: the last one may be under way.
    ended: int = 0
    refused: int = 0
    unanswered: int = 0
    #: Cleared while the host has enough to do: then nothing is sent.
    go: asyncio.Event = attrs.field(factory=_set)
    #: Events still to be sent that the partner will trip over.
    poison_due: int = 0
    accepted: set[str] = attrs.field(factory=set)
    #: Those of the accepted that the partner never takes.
    poisoned: set[str] = attrs.field(factory=set)
    #: Such events whose batch got no answer: the host may have stored them or not.
    unsure: set[str] = attrs.field(factory=set)
    #: Sent with a 200, and yet not to be billed: the trigger does not want them.
    others: set[str] = attrs.field(factory=set)

    async def run(self, stop: asyncio.Event) -> None:
        """Send batch after batch, where `go` allows it, until `stop` is set."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while not stop.is_set():
                await self.go.wait()
                await self._send(session)
                self.ended = self.sent

    async def _send(self, session: aiohttp.ClientSession) -> None:
        batch = [self._event() for _ in range(self.rng.randint(1, LARGEST_BATCH))]
        try:
            async with session.post(
                f"{self.url()}/v1/batch", json={"writeKey": self.key(), "batch": batch}
            ) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.unanswered += len(batch)
            self.unsure |= _poisoned(batch)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        if status == 200:
            for event in batch:
                wanted = event["event"] == "usage"
                (self.accepted if wanted else self.others).add(event["messageId"])
            self.poisoned |= _poisoned(batch)
        else:
            self.refused += len(batch)
            await asyncio.sleep(PAUSE_SECONDS)

    def sent_behind(self, sent: int) -> set[str]:
        """The events that were sent after the first `sent` ones."""
        return {self._id(number) for number in range(sent + 1, self.sent + 1)}

    def _id(self, number: int) -> str:
        return f"{id(self)}-{number}"

    def _event(self) -> dict[str, Any]:
        self.sent += 1
        name = "usage" if self.rng.random() < 0.9 else "visit"
        customer = f"c{self.rng.randrange(50)}"
        if self.poison_due:
            self.poison_due -= 1
            name, customer = "usage", POISON
        return {
            "type": "track",
            "event": name,
            "userId": f"u{self.rng.randrange(1000)}",
            "messageId": self._id(self.sent),
            "timestamp": datetime.now(UTC).isoformat(),
            "properties": {"customer": customer, "n": self.sent},
        }


def _poisoned(batch: Sequence[dict[str, Any]]) -> set[str]:
    return {event["messageId"] for event in batch if event["properties"]["customer"] == POISON}
