"""The state of one emulator, which all its endpoints share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from offramp_hubspot.emulator.records import Records
from offramp_hubspot.emulator.schema import PORTAL_ID
from offramp_hubspot.emulator.tokens import Tokens

#: What the sandbox's custom event takes.
_SAMPLE_PROPERTIES: Final = ("plan", "source", "amount")


@attrs.define(kw_only=True)
class Fault:
    """What happens to some of the next requests."""

    #: The status of the answer; `None` closes the connection without one.
    status: int | None
    #: A part of the path, such as `batch/upsert`.
    path: str = ""
    #: Whether the request is carried out all the same, so that only its answer is wrong.
    done: bool = False
    headers: Mapping[str, str] = attrs.field(factory=dict)
    times: int = 1


class State:
    """Tokens, records, events and faults; they are kept over a stop and a new start.

    Args:
        tokens: Who may send.
        now: Returns the time, with its zone.
        search_lag: For how many seconds a search does not find what was created.
        max_received: The most requests that are kept, the latest.
    """

    def __init__(
        self,
        *,
        tokens: Tokens,
        now: Callable[[], datetime],
        search_lag: float,
        max_received: int,
    ) -> None:
        self.tokens = tokens
        self.now = now
        self.records = Records(now=now, search_lag=search_lag)
        #: Custom events by their full name.
        self.definitions: dict[str, dict[str, Any]] = {}
        self.occurrences: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        #: Writes that were answered, the latest.
        self.received: deque[dict[str, Any]] = deque(maxlen=max_received)
        self.define("plan_changed", "Plan changed", [{"name": each} for each in _SAMPLE_PROPERTIES])

    def define(
        self, name: str, label: str, properties: Iterable[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Define a custom event; its full name begins with the id of the account."""
        full_name = f"pe{PORTAL_ID}_{name}"
        self.definitions[full_name] = {
            "name": name,
            "fullyQualifiedName": full_name,
            "labels": {"singular": label},
            "properties": [{"label": each["name"], **each} for each in properties],
        }
        return self.definitions[full_name]

    def fault_for(self, path: str) -> Fault | None:
        """The next fault of a path, which happens once less from now on."""
        for fault in self.faults:
            if fault.path in path:
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None
