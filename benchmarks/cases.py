"""The cases of the measurements that run in one process: what every engine is given, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import attrs

from benchmarks.data import MAPPINGS, TRIGGERS, UNREAD, make_bodies
from benchmarks.wide import SendWide
from offramp.definition import Fields, fields_to_manifest
from offramp_metronome.destination import SendEvent

FIELDS: Final[dict[str, Fields]] = {
    "5 fields": SendEvent.fields,
    "30 fields": SendWide.fields,
}
ONE, SIX = TRIGGERS


@attrs.frozen(kw_only=True)
class Case:
    """One measurement for one kind of event; `events` are JSON texts."""

    measurement: str
    name: str
    size: str
    fields: str
    trigger: str

    def as_question(self, now: datetime) -> dict[str, Any]:
        """What the engines are told of it; they get the very same texts."""
        return {
            "measurement": self.measurement,
            "name": self.name,
            "events": [body.decode() for body in make_bodies(size=self.size, now=now)],
            "mapping": MAPPINGS[self.fields],
            "trigger": TRIGGERS[self.trigger],
            "fields": fields_to_manifest(FIELDS[self.fields]),
            "action": self.fields,
        }


def cases() -> Iterator[Case]:
    """Every case that runs in one process, in the order of the table."""
    for size, fields in (
        ("seed", "5 fields"),
        ("1 KB", "5 fields"),
        ("1 KB", "30 fields"),
        ("10 KB", "5 fields"),
        (UNREAD, "5 fields"),
    ):
        name = f"{size} event, {fields}, {SIX}"
        yield Case(measurement="engine", name=name, size=size, fields=fields, trigger=SIX)
    for size, fields in (("seed", "5 fields"), ("1 KB", "30 fields")):
        name = f"{fields}, {size} event"
        yield Case(measurement="transform", name=name, size=size, fields=fields, trigger=ONE)
    for trigger in TRIGGERS:
        yield Case(
            measurement="trigger", name=trigger, size="seed", fields="5 fields", trigger=trigger
        )
    for size, fields in (("seed", "5 fields"), ("1 KB", "30 fields")):
        yield Case(measurement="check", name=fields, size=size, fields=fields, trigger=ONE)
